/**
 * The right to be the only runtime on a database, or on one tenant of it.
 *
 *   X1. It is an advisory lock of a transaction that stays open on a connection
 *       of its own. It ends with the process, however that ends, and works
 *       behind a pooler that lends a connection per transaction.
 *   X2. A runtime on the whole database shuts out every other. Runtimes on
 *       different tenants share the database.
 *   X3. When the connection breaks, the next read or write takes the lock again.
 *       If another runtime has it by then, everything is refused from then on.
 *   X4. A connection of ours that is gone, and that the server still believes in,
 *       is no other runtime: the server notices within a minute, and until then
 *       reads and writes fail for now.
 *   X5. A runtime that starts waits a moment for one before it that was killed:
 *       the server hears of that later than whoever starts the next.
 */

import { createHash } from 'node:crypto';
import { hostname } from 'node:os';

import pg, { type Client } from 'pg';

import { sleep, systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { systemIds } from '../../base/ids.ts';
import { number, text, type Row } from '../log/row.ts';

export interface ExclusiveUseOptions {
  /** The URL with the login in it. */
  readonly url: string;
  /** For messages. */
  readonly where: string;
  /** @default the whole database */
  readonly tenant?: string | undefined;
  /** Milliseconds for connecting and for each statement. */
  readonly timeoutMs: number;
}

const CLOSE_TIMEOUT_MS = 5_000;
const KILLED_MS = 2_000;
const LOOK_AGAIN_MS = 50;

// The transaction is idle as long as the runtime lives, and no limit of the server may end it. A client's machine that
// is gone without a word is noticed within a minute, so that another runtime can start.
const STAY = `SELECT set_config(name, value, true)
  FROM (VALUES ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'), ('idle_session_timeout', '0'),
    ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')) AS wanted (name, value)
  WHERE name IN (SELECT s.name FROM pg_settings s)`;
const HOLD = 'SELECT enginehouse.hold($1, $2) AS taken';
export const HOLDERS = 'SELECT h.pid, h.name FROM enginehouse.holders($1, $2) h';

export const WHOLE_DATABASE = keyOf('enginehouse runtime');

export class ExclusiveUse implements AsyncDisposable {
  readonly #options: ExclusiveUseOptions;
  /** Says which process, and which store of it: names are how X4 knows its own. PostgreSQL cuts them at 63 bytes. */
  readonly #name = `enginehouse ${systemIds.next().slice(0, 8)} ${process.pid}@${hostname()}`.slice(0, 63);
  readonly #keys: readonly [whole: string, tenant: string | null];
  #client: Client | undefined;
  #taking: Promise<void> | undefined;
  #lost: EnginehouseError | undefined;
  #closed = false;
  #started = false;

  constructor(options: ExclusiveUseOptions) {
    const { tenant } = options;
    this.#options = options;
    this.#keys = [WHOLE_DATABASE, tenant === undefined ? null : keyOf(`enginehouse tenant ${tenant}`)];
  }

  /**
   * Resolves while the lock is held, and takes it when it is not.
   *
   * @throws `STORE_IN_USE` when another runtime has it, and what `pg` throws
   */
  async hold(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#client !== undefined) return;
    await (this.#taking ??= this.#take().finally(() => (this.#taking = undefined)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#taking?.catch(() => undefined);
    const client = this.#client;
    if (client === undefined) return;
    hold(client, true);
    await withDeadline('closing the lock of the database', CLOSE_TIMEOUT_MS, systemClock, client.end());
  }

  async #take(): Promise<void> {
    if (this.#closed) throw new EnginehouseError('CLOSED', 'the store is closed', { what: 'store' });
    const client = await this.#connect();
    try {
      await client.query('BEGIN');
      await client.query(STAY);
      if (!(await this.#hold(client))) throw this.#inUse((await client.query<Row>(HOLDERS, [...this.#keys])).rows);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    client.on('end', () => {
      if (this.#client === client) this.#client = undefined;
    });
    hold(client, false);
    this.#client = client;
    this.#started = true;
  }

  /** X5 */
  async #hold(client: Client): Promise<boolean> {
    const until = systemClock.now() + (this.#started ? 0 : KILLED_MS);
    for (;;) {
      const { rows } = await client.query<{ taken: boolean }>(HOLD, [...this.#keys]);
      if (rows[0]?.taken === true) return true;
      if (systemClock.now() >= until) return false;
      await sleep(systemClock, LOOK_AGAIN_MS);
    }
  }

  async #connect(): Promise<Client> {
    const { url, timeoutMs } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: this.#name,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    });
    // The end of a connection is heard by its own event; without a listener an error would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  #inUse(holders: readonly Row[]): EnginehouseError {
    const { where } = this.#options;
    const [holder] = holders;
    if (holders.some((row) => row['name'] === this.#name)) {
      const reason = 'the server still believes in a connection of this runtime that is gone';
      return new EnginehouseError('STORE_FAILED', `${where}: ${reason}`, { operation: 'hold', reason });
    }
    const by =
      holder && `${text(holder, 'name') || 'a session without a name'}, server process ${number(holder, 'pid')}`;
    const message = `${where} is in use by another runtime${by === undefined ? '' : `: ${by}`}`;
    const cure = 'Stop the other runtime, or name another database with DATABASE_URL.';
    return (this.#lost = new EnginehouseError('STORE_IN_USE', message, { file: where }, { cure }));
  }
}

/** Whether the connection keeps the process alive. The types of `pg` do not know that it can be said. */
function hold(client: Client, keep: boolean): void {
  const method = keep ? 'ref' : 'unref';
  if (method in client) Reflect.get(client, method).call(client);
}

/** A lock has a number; texts that differ have numbers that differ. */
function keyOf(what: string): string {
  return createHash('sha256').update(what).digest().readBigInt64BE().toString();
}
