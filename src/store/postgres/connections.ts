/**
 * The connections of one login, and transactions on them.
 *
 *   C1. A transaction is one round trip, and one that fails is rolled back as a
 *       whole; see `transaction-query.ts`.
 *   C2. Each transaction says its principal for itself; a connection remembers
 *       none, so it does not matter which one it gets.
 *   C3. A connection that breaks is thrown away. The next transaction opens
 *       another: a server that was restarted is found again by itself.
 *   C4. Waiting for a connection, connecting and each statement are bounded.
 *   C5. What only reads is tried once more when its connection broke. What
 *       writes is not: nobody knows what became of it.
 *   C6. A principal that had expired, because a clock was set, saw and wrote
 *       nothing: the transaction is made again by the clock that the server told.
 *   C7. Every text of ours can be written; see `escaped-text.ts`.
 */

import pg, { type Pool, type QueryResult } from 'pg';

import { systemClock, type Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { ResourceRegistry } from '../../base/resource-registry.ts';
import type { Owner } from '../../context/ids.ts';
import { unescapeText } from './escaped-text.ts';
import { PRINCIPAL_SETTING } from './layout.ts';
import { isDisconnect } from './postgres-error.ts';
import { prepared, type Statement } from './prepared.ts';
import { signPrincipal } from './principal.ts';
import { TransactionQuery } from './transaction-query.ts';

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
  /** Whether statements are prepared by name. @default true */
  readonly prepare?: boolean | undefined;
  /** @default systemClock */
  readonly clock?: Clock | undefined;
  readonly resources: ResourceRegistry;
}

export interface Wish {
  /** Whose rows; several for the group commit alone. */
  readonly owners: readonly Owner[];
  /** @default false */
  readonly readOnly?: boolean;
}

/** A principal outlives its transaction by so much: clocks drift, and servers stop for a moment. */
const PRINCIPAL_MS = 300_000;

/** Saying goodbye takes a moment; a server that cannot be reached is not waited for. */
const CLOSE_TIMEOUT_MS = 5_000;

const INT8 = 20;
const TEXT = 25;

// Every statement has an index for what it looks up, row by row. A plan that was made while the tables were small would
// read all of them, and would be kept when they have grown. One plan serves a group of one and of a thousand; to make one
// for each group costs as much as the group.
const sayWho = prepared(
  'principal',
  `SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now,
      set_config('${PRINCIPAL_SETTING}', $1, true), set_config('statement_timeout', $2, true),
      set_config('transaction_read_only', $3, true),
      set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
      set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`,
);

interface Attempt {
  readonly results: readonly QueryResult[];
  readonly failure: Error | undefined;
  /** The principal had not expired by the server's clock. */
  readonly inTime: boolean;
}

export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #clock: Clock;
  readonly #pool: Pool;
  readonly #registered: () => void;
  /** What the server's clock is ahead of ours, in milliseconds. */
  #clockAhead = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionsOptions) {
    const { url, name, most, timeoutMs, resources } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: name,
      max: most,
      connectionTimeoutMillis: timeoutMs,
      // Longer than the statement may take, so that the server's own answer comes first.
      query_timeout: timeoutMs + 1_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      allowExitOnIdle: true,
    });
    // A connection that breaks is told to the queries under way, or is gone from the pool; nobody else need hear it.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
    this.#registered = resources.opened('database', name);
  }

  /**
   * Proves that the login works, and learns the server's clock.
   *
   * @throws what `pg` throws
   */
  async open(): Promise<void> {
    await this.transact({ owners: [], readOnly: true }, []);
  }

  /**
   * Runs the statements in one transaction, as the owners, and gives their results in order.
   *
   * @throws what `pg` throws, `CLOSED`
   */
  async transact(wish: Wish, statements: readonly Statement[]): Promise<readonly QueryResult[]> {
    const done = await this.#attempt(wish, statements);
    // Nobody's rows were seen and none was written, so it can be made again.
    const { results, failure } = done.inTime ? done : await this.#attempt(wish, statements);
    if (failure !== undefined) throw failure;
    return results;
  }

  /** Runs one statement that changes nothing and gives its rows. @throws as `transact()` does */
  async read(owners: readonly Owner[], statement: Statement): Promise<readonly Record<string, unknown>[]> {
    const ask = (): Promise<readonly QueryResult[]> => this.transact({ owners, readOnly: true }, [statement]);
    const [result] = await ask().catch((error: unknown) => {
      if (isDisconnect(error)) return ask();
      throw error;
    });
    return result?.rows ?? [];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #attempt({ owners, readOnly = false }: Wish, statements: readonly Statement[]): Promise<Attempt> {
    if (this.#closing !== undefined) throw new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
    const { key, timeoutMs } = this.#options;
    const expiresAt = this.#clock.now() + this.#clockAhead + PRINCIPAL_MS;
    const principal = signPrincipal(key, expiresAt, ...owners);
    const who = sayWho(principal, String(timeoutMs), readOnly ? 'on' : 'off');
    const prepare = this.#options.prepare !== false;
    const query = new TransactionQuery([who, ...statements], { parsers: PARSERS, prepare });
    const client = await this.#pool.connect();
    const { results, failure } = await client.query(query).outcome;
    // After an error of a statement the connection goes on; after any other nobody knows.
    client.release(failure !== undefined && isDisconnect(failure));
    const [said, ...answers] = results;
    return { results: answers, failure, inTime: this.#learn(said?.rows[0]?.now) < expiresAt };
  }

  /** Notes what the server's clock shows, and gives it back: one of the two may have been set. */
  #learn(now: unknown): number {
    if (typeof now !== 'number') return -Infinity;
    this.#clockAhead = now - this.#clock.now();
    return now;
  }

  async #close(): Promise<void> {
    const { name } = this.#options;
    try {
      await withDeadline(`closing the connections of ${name}`, CLOSE_TIMEOUT_MS, systemClock, this.#pool.end());
    } finally {
      this.#registered();
    }
  }
}

/** Keys, counts and checksums fit a number exactly. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') => {
  if (format !== 'binary' && oid === INT8) return Number;
  if (format !== 'binary' && oid === TEXT) return unescapeText;
  return pg.types.getTypeParser(oid, format);
};

const PARSERS = { getTypeParser };
