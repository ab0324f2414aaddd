/**
 * The connections of one login, and transactions on them.
 *
 *   C1. A transaction is one round trip: everything is sent at once, and one
 *       that fails is rolled back as a whole.
 *   C2. Each transaction says its principal for itself; a connection remembers
 *       none, so it does not matter which one it gets.
 *   C3. A connection that breaks is thrown away. The next transaction opens
 *       another: a server that was restarted is found again by itself.
 *   C4. Waiting for a connection, connecting and each statement are bounded.
 */

import pg, { type Pool, type QueryResult } from 'pg';

import { systemClock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { ResourceRegistry } from '../../base/resource-registry.ts';
import type { Owner } from '../../context/ids.ts';
import { PRINCIPAL_SETTING } from './layout.ts';
import { signPrincipal } from './principal.ts';

export interface ConnectionsOptions {
  /** The URL with the login in it. */
  readonly url: string;
  /** For a person who looks at the server's list of sessions. */
  readonly name: string;
  /** The most connections at once. */
  readonly most: number;
  /** Milliseconds for waiting, for connecting and for one statement, each. */
  readonly timeoutMs: number;
  /** Signs principals. */
  readonly key: Uint8Array;
  readonly resources: ResourceRegistry;
}

/** One statement of a transaction. One with a name is prepared once per connection. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

export interface Wish {
  /** Whose rows; several for the group commit alone. */
  readonly owners: readonly Owner[];
  /** @default false */
  readonly readOnly?: boolean;
}

/** A principal outlives its transaction by so much: clocks drift, and servers stop for a moment. */
const PRINCIPAL_MS = 300_000;

const SAY_WHO: Statement = {
  name: 'enginehouse_principal',
  text: `SELECT set_config('${PRINCIPAL_SETTING}', $1, true), set_config('statement_timeout', $2, true)`,
};

export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #pool: Pool;
  readonly #registered: () => void;
  /** What the server's clock is ahead of ours, in milliseconds. */
  #clockAhead = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionsOptions) {
    const { url, name, most, timeoutMs, resources } = options;
    this.#options = options;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: name,
      max: most,
      connectionTimeoutMillis: timeoutMs,
      // Longer than the statement may take, so that the server's own answer comes first.
      query_timeout: timeoutMs + 1_000,
      keepAlive: true,
      allowExitOnIdle: true,
      pipeline: true,
    });
    // An idle connection that breaks is gone from the pool; nothing waits for it.
    this.#pool.on('error', () => undefined);
    this.#registered = resources.opened('database', name);
  }

  /**
   * Learns the server's clock, which decides when a principal expires, and proves that the login works.
   *
   * @throws what `pg` throws
   */
  async open(): Promise<void> {
    const sentAt = systemClock.now();
    const { rows } = await this.#pool.query<{ now: number }>(
      'SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now',
    );
    this.#clockAhead = (rows[0]?.now ?? sentAt) - sentAt;
  }

  /**
   * Runs the statements in one transaction, as the owners, and gives their results in order.
   *
   * @throws what `pg` throws, `CLOSED`
   */
  async transact(
    { owners, readOnly = false }: Wish,
    statements: readonly Statement[],
  ): Promise<readonly QueryResult[]> {
    if (this.#closing !== undefined) throw new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
    const client = await this.#pool.connect();
    const who = { ...SAY_WHO, values: [this.#principal(owners), String(this.#options.timeoutMs)] };
    const all: readonly Statement[] = [
      { text: readOnly ? 'BEGIN READ ONLY' : 'BEGIN' },
      who,
      ...statements,
      { text: 'COMMIT' },
    ];
    const outcomes = await Promise.allSettled(all.map((statement) => client.query(asQuery(statement))));
    // What failed first is why the rest failed.
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    client.release(failed !== undefined && client.getTransactionStatus() !== 'I');
    if (failed !== undefined) throw failed.reason;
    return outcomes.slice(2, -1).flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #principal(owners: readonly Owner[]): string {
    return signPrincipal(this.#options.key, systemClock.now() + this.#clockAhead + PRINCIPAL_MS, ...owners);
  }

  async #close(): Promise<void> {
    await this.#pool.end();
    this.#registered();
  }
}

function asQuery({ text, values, name }: Statement): pg.QueryConfig {
  return {
    text,
    ...(values === undefined ? {} : { values: [...values] }),
    ...(name === undefined ? {} : { name }),
  };
}
