/**
 * One transaction as its user sees it: Kysely whose statements a port runs.
 *
 *   S1. Statements run one at a time, in the order they were issued.
 *   S2. Once the session has ended, no statement reaches the port: one that
 *       waits or comes later is refused with `CLOSED`.
 *   S3. Work that ends before its statements did is told so.
 */

import {
  DefaultQueryExecutor,
  Transaction,
  type CompiledQuery,
  type DatabaseConnection,
  type Kysely,
  type QueryResult,
} from 'kysely';

import { EnginehouseError } from '../../base/errors.ts';
import { statementFailed } from './database-error.ts';
import { toObjects } from './to-objects.ts';
import type { Language, StatementPort } from './transaction-port.ts';
import type { StatementResult } from './worker-protocol.ts';

export class Session {
  readonly db: Kysely<never>;
  readonly #port: StatementPort;
  /** The statements that were issued and have not settled. */
  readonly #pending = new Set<{ readonly sql: string }>();
  #last: Promise<unknown> = Promise.resolve();
  #running = false;
  #ended = false;

  constructor(port: StatementPort, language: Language) {
    this.#port = port;
    this.db = kyselyOn(language, {
      executeQuery: async <R>({ sql, parameters }: CompiledQuery) =>
        toQueryResult<R>(await this.#statement(sql, parameters)),
      streamQuery: ({ sql }) => {
        throw statementFailed(
          sql,
          'a transaction does not stream',
          'Page through the rows with limit and a where on the last key.',
        );
      },
    });
  }

  /** Runs a text of many statements: a migration, or a seed. */
  async script(sql: string): Promise<void> {
    await this.#inTurn(sql, () => this.#port.script(sql));
  }

  /** Takes no more statements, and ends the transaction when one is running. */
  stop(reason: unknown): void {
    this.#ended = true;
    if (this.#running) this.#port.kill(reason);
  }

  /**
   * Takes no more statements.
   *
   * @throws `DATABASE_FAILED` naming the first statement that was not awaited
   */
  end(): void {
    this.#ended = true;
    const [left] = this.#pending;
    if (left === undefined) return;
    throw statementFailed(
      left.sql,
      'the work ended before this statement, so the transaction was rolled back',
      'Await every statement inside the transaction.',
    );
  }

  /** Resolves when no statement runs. */
  async settled(): Promise<void> {
    this.#ended = true;
    await this.#last;
  }

  #statement(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    return this.#inTurn(sql, async () => this.#port.statement(sql, parameters));
  }

  async #inTurn<T>(sql: string, run: () => Promise<T>): Promise<T> {
    this.#assertGoing();
    const mark = { sql };
    this.#pending.add(mark);
    const turn = this.#last.then(() => this.#run(run));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#pending.delete(mark);
    }
  }

  async #run<T>(run: () => Promise<T>): Promise<T> {
    this.#assertGoing();
    this.#running = true;
    try {
      return await run();
    } finally {
      this.#running = false;
    }
  }

  #assertGoing(): void {
    if (!this.#ended) return;
    const cure = 'Await every statement before the work of its transaction ends.';
    throw new EnginehouseError(
      'CLOSED',
      'the transaction has ended; it takes no more statements',
      { what: 'the transaction' },
      { cure },
    );
  }
}

function toQueryResult<R>({ columns, rows, changes, insertId }: StatementResult): QueryResult<R> {
  return {
    rows: toObjects<R>(columns, rows),
    ...(changes === undefined ? {} : { numAffectedRows: changes }),
    ...(insertId === undefined ? {} : { insertId }),
  };
}

function kyselyOn({ dialect, plugins }: Language, connection: DatabaseConnection): Kysely<never> {
  const provider = {
    provideConnection: <T>(consumer: (used: DatabaseConnection) => Promise<T>) => consumer(connection),
  };
  const executor = new DefaultQueryExecutor(dialect.createQueryCompiler(), dialect.createAdapter(), provider, [
    ...plugins,
  ]);
  return new UserTransaction({ config: { dialect }, dialect, driver: dialect.createDriver(), executor });
}

/** Kysely's transaction, with our error for what would be a second one inside it. */
class UserTransaction extends Transaction<never> {
  override transaction(): never {
    throw nested();
  }

  override startTransaction(): never {
    throw nested();
  }

  override connection(): never {
    throw nested();
  }

  override destroy(): never {
    throw nested();
  }
}

function nested(): EnginehouseError {
  const action = 'a transaction or a connection inside a transaction';
  return new EnginehouseError(
    'DATABASE_DENIED',
    `not allowed on a user's database: ${action}`,
    { action },
    {
      cure: 'Use the session that you were given; all its statements are one transaction.',
    },
  );
}
