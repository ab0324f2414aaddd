import type { CompiledQuery, Kysely, QueryResult } from 'kysely';

import type { LinkedSignal } from '../../base/linked-signal.ts';
import type { Owner } from '../../context/ids.ts';
import type { RowReaders } from './row-readers.ts';

interface TransactionParts {
  readonly owner: Owner;
  readonly readOnly: boolean;
  /** Milliseconds since the epoch, when it was asked for. */
  readonly since: number;
  /** Where it was asked for. */
  readonly asked: Error | undefined;
  /** Ends it when it aborts. */
  readonly link: LinkedSignal;
  readonly rows: RowReaders;
}

/**
 * One transaction, and whether it is the database that it waits for or the code
 * that it was given to:
 *
 *   waits for its turn ──▶ works: a statement ⇄ the caller's own code ──▶ ends
 */
export class TappedTransaction {
  readonly parts: TransactionParts;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly end: () => void;
  #phase: 'waits' | 'works' | 'ends' = 'waits';
  #statements = 0;

  constructor(parts: TransactionParts) {
    this.parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.end = resolve;
  }

  /** The transaction's work, in which its statements are counted. */
  async work<T>(session: Kysely<never>, run: (session: Kysely<never>) => Promise<T>): Promise<T> {
    await this.#watch(session);
    this.#phase = 'works';
    try {
      return await run(session);
    } finally {
      this.#phase = 'ends';
    }
  }

  /** It waits for its turn. */
  get waits(): boolean {
    return this.#phase === 'waits';
  }

  /** It is the caller's own code that goes on, or does not. */
  get idles(): boolean {
    return this.#phase === 'works' && this.#statements === 0;
  }

  /**
   * Puts itself where all statements pass, those of a builder with a schema or a plugin of its own too. Kysely itself
   * does it like this for its log.
   */
  async #watch(session: Kysely<never>): Promise<void> {
    await session.getExecutor().provideConnection(async (connection) => {
      const execute = connection.executeQuery;
      connection.executeQuery = <R>(query: CompiledQuery, ...rest: unknown[]) =>
        this.#statement<R>(query, () => Reflect.apply(execute, connection, [query, ...rest]));
    });
  }

  async #statement<R>(query: CompiledQuery, ask: () => Promise<QueryResult<R>>): Promise<QueryResult<R>> {
    const { owner, rows } = this.parts;
    this.#statements += 1;
    try {
      rows.show(owner, query.parameters);
      const result = await ask();
      rows.show(owner, result.rows);
      return result;
    } finally {
      this.#statements -= 1;
    }
  }
}
