/**
 * One transaction of one user on the application's tables.
 *
 *   T1. It begins with its first statement, in the same round trip: as the user,
 *       within its limits, and, when it writes, as the user's only writer in
 *       whatever process.
 *   T2. A statement that fails is undone alone, as on SQLite: each stands behind
 *       a savepoint.
 *   T3. The server's limit is set anew for each statement, so that SQL cannot
 *       free the next one from it; ours counts beside it.
 *   T4. What ends a transaction leaves nothing of the session behind: no setting,
 *       lock, cursor, prepared statement or temporary table.
 *   T5. Once it timed out, was aborted, returned too much or lost its connection,
 *       it is over: whatever is asked of it then fails with that.
 */

import { randomInt } from 'node:crypto';

import type { QueryConfig } from 'pg';

import { systemClock, type Clock, type Disarm } from '../../../base/clock.ts';
import { withDeadline } from '../../../base/deadline.ts';
import { isEnginehouseError, type EnginehouseError } from '../../../base/errors.ts';
import type { Limits } from '../../../context/limits.ts';
import { databaseBusy } from '../../database/admission.ts';
import { databaseError, statementFailed } from '../../database/database-error.ts';
import { toValues } from '../../database/parameters.ts';
import { tookTooLong } from '../../database/patience.ts';
import type { TransactionPort } from '../../database/transaction-port.ts';
import type { StatementResult } from '../../database/worker-protocol.ts';
import { DATA_SCHEMA, PRINCIPAL_SETTING } from '../layout.ts';
import { isDisconnect, sqlState } from '../postgres-error.ts';
import type { AgentConnection, AgentConnections } from './agent-connections.ts';
import { atOnce } from './at-once.ts';
import { postgresFailure } from './postgres-failure.ts';
import { refuseStatement } from './refuse-statement.ts';
import { runQuery } from './run-query.ts';
import { runScriptText } from './run-script-text.ts';
import { WRITE_ALONE } from './users-table.ts';

export interface PostgresTransactionOptions {
  readonly connections: AgentConnections;
  /** The user's principal at a server whose clock is so far ahead. */
  readonly principal: (clockAhead: number) => string;
  readonly readOnly: boolean;
  readonly limits: Pick<Limits, 'databaseResultBytes' | 'statementTimeoutMs' | 'transactionTimeoutMs'>;
  readonly clock: Clock;
  /** Called when the user has no row yet, or no longer. */
  readonly strange: () => void;
}

const ROLLBACK_TIMEOUT_MS = 5_000;
const CANCELLED = '57014';
const SAVEPOINT = 'enginehouse_statement';

const CLEAN =
  'CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD TEMP; DISCARD SEQUENCES; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL;';
const UNLOCK = 'SELECT pg_catalog.pg_advisory_unlock_all();';

export class PostgresTransaction implements TransactionPort {
  readonly #options: PostgresTransactionOptions;
  #connection: AgentConnection | undefined;
  #disarm: Disarm | undefined;
  #over: { readonly reason: unknown; readonly broken: boolean } | undefined;

  constructor(options: PostgresTransactionOptions) {
    this.#options = options;
  }

  /** Nothing is sent before there is a statement. */
  async begin(): Promise<void> {}

  async statement(sql: string, parameters: readonly unknown[]): Promise<StatementResult> {
    const values = toValues(sql, parameters);
    refuseStatement(sql, values);
    const { databaseResultBytes: limitBytes } = this.#options.limits;
    const tooLarge = (): void => this.kill(databaseError({ code: 'DATABASE_RESULT_TOO_LARGE', limitBytes }, sql));
    return this.#bounded(sql, () =>
      this.#send(sql, ({ client, shownBytes }) =>
        runQuery(client, { sql, shownBytes, parameters: values, limitBytes, tooLarge }),
      ),
    );
  }

  script(sql: string): Promise<void> {
    return this.#bounded(sql, () =>
      this.#send(sql, ({ client }) => runScriptText((query) => client.query(query), sql)),
    );
  }

  async commit(): Promise<void> {
    this.#assertGoing();
    const connection = this.#connection;
    if (connection === undefined) return;
    // What is deferred is checked while the transaction is still the user's.
    const text = `SET CONSTRAINTS ALL IMMEDIATE; ${cleaning(connection)} COMMIT`;
    await this.#bounded('COMMIT', () => connection.client.query(text));
    this.#connection = undefined;
    this.#options.connections.giveBack(connection.client);
  }

  async rollback(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { connections } = this.#options;
    this.#connection = undefined;
    if (this.#over?.broken === true) return connections.destroy(connection.client);
    try {
      const rolledBack = connection.client.query(`ROLLBACK; ${cleaning(connection)}`);
      await withDeadline('ROLLBACK', ROLLBACK_TIMEOUT_MS, systemClock, rolledBack);
      connections.giveBack(connection.client);
    } catch {
      // One that may still have the transaction is not used again.
      connections.destroy(connection.client);
    }
  }

  kill(reason: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = { reason, broken: true };
    if (this.#connection !== undefined) this.#options.connections.cancel(this.#connection.client);
  }

  async #bounded<T>(sql: string, work: () => Promise<T>): Promise<T> {
    this.#assertGoing();
    const waits = this.#connection === undefined && !this.#options.readOnly;
    this.#limit(() => (waits ? busyElsewhere() : this.#tookTooLong(sql)));
    try {
      const result = await work();
      this.#assertGoing();
      return result;
    } catch (error) {
      throw await this.#failure(error, sql);
    } finally {
      this.#disarm?.();
      this.#disarm = undefined;
    }
  }

  /** Limits what runs from now on. */
  #limit(reason: () => EnginehouseError): void {
    const { clock, limits } = this.#options;
    this.#disarm?.();
    this.#disarm = clock.after(limits.statementTimeoutMs, () => this.kill(reason()));
  }

  /** A statement has its whole time once the transaction has begun, which may have waited for another writer. */
  #begun(sql: string, before: readonly Promise<unknown>[]): void {
    const restart = (): void => {
      if (this.#disarm !== undefined) this.#limit(() => this.#tookTooLong(sql));
    };
    Promise.all(before).then(restart, () => undefined);
  }

  /** Sends what must stand before it, and then it, at once. Where an idle connection had broken, it is tried on another. */
  async #send<T>(sql: string, run: (connection: AgentConnection) => Promise<T>): Promise<T> {
    for (;;) {
      const first = this.#connection === undefined;
      const connection = this.#connection ?? (await this.#take());
      const { client } = connection;
      const sent = atOnce(client, () => {
        const before = first ? this.#open(connection) : [client.query(this.#next())];
        if (first) this.#begun(sql, before);
        return [run(connection), ...before] as const;
      });
      const [outcome, ...earlier] = await Promise.allSettled(sent);
      const failed = earlier.find(({ status }) => status === 'rejected') ?? outcome;
      if (failed.status === 'fulfilled' && outcome.status === 'fulfilled') {
        if (client.getTransactionStatus() !== 'T') throw new Error('the database ended the transaction by itself');
        return outcome.value;
      }
      const reason: unknown = failed.status === 'rejected' ? failed.reason : undefined;
      if (failed !== outcome && sqlState(reason) === CANCELLED) throw busyElsewhere(reason);
      if (!first || !connection.idled || this.#over !== undefined || !isDisconnect(reason)) throw reason;
      this.#connection = undefined;
      this.#options.connections.destroy(client);
    }
  }

  async #take(): Promise<AgentConnection> {
    const { connections } = this.#options;
    const connection = await connections.take();
    if (this.#over !== undefined) connections.giveBack(connection.client);
    this.#assertGoing();
    return (this.#connection = connection);
  }

  #open(connection: AgentConnection): readonly Promise<unknown>[] {
    const { readOnly, strange } = this.#options;
    const { client } = connection;
    const limit = `SET LOCAL statement_timeout = ${this.#options.limits.statementTimeoutMs}`;
    const kind = readOnly ? 'ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'ISOLATION LEVEL READ COMMITTED READ WRITE';
    const begun = [client.query(`BEGIN ${kind}; ${limit}`), client.query(this.#sayWho(connection))];
    if (!readOnly) {
      const alone = client.query<{ known: number | null }>(WRITE_ALONE);
      begun.push(alone);
      alone.then(
        ({ rows }) => rows[0]?.known ?? strange(),
        () => undefined,
      );
    }
    return [...begun, client.query(`SAVEPOINT ${SAVEPOINT}`)];
  }

  /** The principal is a parameter: the text of a statement can be seen in other sessions of the login. */
  #sayWho({ clockAhead, limitsTransactions }: AgentConnection): QueryConfig {
    const { principal, limits } = this.#options;
    const transactionMs = String(limits.transactionTimeoutMs);
    const settings = [
      [PRINCIPAL_SETTING, principal(clockAhead)],
      ['search_path', `${DATA_SCHEMA}, pg_temp`],
      ['TimeZone', 'UTC'],
      ['idle_in_transaction_session_timeout', transactionMs],
      ...(limitsTransactions ? [['transaction_timeout', transactionMs]] : []),
    ];
    const set = settings.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, true)`);
    // One user could foresee the random numbers of the next.
    const seed = `pg_catalog.setseed(${randomInt(2 ** 40) / 2 ** 40})`;
    return { text: `SELECT ${[...set, seed].join(', ')}`, values: settings.flat() };
  }

  #next(): string {
    const limit = `SET LOCAL statement_timeout = ${this.#options.limits.statementTimeoutMs}`;
    return `RELEASE SAVEPOINT ${SAVEPOINT}; ${limit}; SAVEPOINT ${SAVEPOINT}`;
  }

  /** What failed. The statement is undone; where that cannot be, the transaction is over. */
  async #failure(error: unknown, sql: string): Promise<unknown> {
    if (this.#over !== undefined) return this.#over.reason;
    const timedOut = sqlState(error) === CANCELLED;
    const reason = timedOut ? this.#tookTooLong(sql) : this.#told(error, sql);
    const broken = isDisconnect(error);
    const final = timedOut || broken || isEnginehouseError(reason, 'DATABASE_BUSY');
    if (final || !(await this.#undone())) this.#over ??= { reason, broken };
    return reason;
  }

  /** Also waits until the connection has said all that it says of the failed statement. */
  async #undone(): Promise<boolean> {
    const client = this.#connection?.client;
    if (client === undefined) return true;
    try {
      await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
      return true;
    } catch {
      return false;
    }
  }

  #told(error: unknown, sql: string): EnginehouseError {
    const failure = postgresFailure(error, sql);
    if (sql !== 'COMMIT' || !isDisconnect(error)) return failure;
    const cure = 'Look whether what it wrote is there before you run it again.';
    return statementFailed(sql, 'the connection broke while it committed, so nobody knows whether it did', cure);
  }

  #tookTooLong(sql: string): EnginehouseError {
    return tookTooLong(sql, this.#options.limits.statementTimeoutMs);
  }

  #assertGoing(): void {
    if (this.#over !== undefined) throw this.#over.reason;
  }
}

function cleaning({ mayLock }: AgentConnection): string {
  return mayLock ? `${CLEAN} ${UNLOCK}` : CLEAN;
}

function busyElsewhere(cause?: unknown): EnginehouseError {
  return databaseBusy(1, "another process writes in the user's tables", cause);
}
