/**
 * The connections that run the application's SQL, as the agents' login. They
 * are lent to one transaction at a time.
 *
 *   N1. A connection is lent without anything of the transaction before: who had
 *       it cleans it inside its own transaction, so that it holds behind a pooler
 *       too, or it is thrown away.
 *   N2. One that runs a statement which must end is cancelled by the server's own
 *       protocol and thrown away: a cancellation that comes late must not meet
 *       somebody else's statement.
 *   N3. Each is registered while it is open. After `close` none is.
 */

import { connect, type NetConnectOpts } from 'node:net';

import pg, { type Client, type Pool, type PoolClient } from 'pg';

import { holdingClock, systemClock } from '../../../base/clock.ts';
import { withDeadline } from '../../../base/deadline.ts';
import type { ResourceRegistry } from '../../../base/resource-registry.ts';
import { valueTypes } from './values.ts';

export interface AgentConnectionsOptions {
  /** The URL with the login in it. */
  readonly url: string;
  /** The most connections at once. */
  readonly most: number;
  /** Milliseconds to connect. */
  readonly timeoutMs: number;
  readonly resources: ResourceRegistry;
}

/** A connection, and what is known of the server behind it. */
export interface AgentConnection {
  readonly client: PoolClient;
  /** It was lent before, and may have broken since, unnoticed. */
  readonly idled: boolean;
  /** What the server's clock is ahead of ours, in milliseconds. */
  readonly clockAhead: number;
  /** PostgreSQL 17 and newer end a transaction by themselves. */
  readonly limitsTransactions: boolean;
  /** The agents may take advisory locks, and must be freed of them. */
  readonly mayLock: boolean;
  /** So much of a statement's beginning can be read by other sessions of the login; 0 where a superuser turned it off. */
  readonly shownBytes: number;
}

const NAME = 'enginehouse agents';
/** For a cancelled statement to end by itself, and for a cancellation to be delivered. */
const GRACE_MS = 1_000;
/** Saying goodbye takes a moment; a server that cannot be reached is not waited for. */
const CLOSE_TIMEOUT_MS = 5_000;
const CANCEL_CODE = 80_877_102;

type Facts = Omit<AgentConnection, 'client' | 'idled'>;

export class AgentConnections implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #facts = new WeakMap<Client, Facts>();
  /** One for each that is open; it resolves when that is closed. */
  readonly #open = new Set<Promise<void>>();

  constructor({ url, most, timeoutMs, resources }: AgentConnectionsOptions) {
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: NAME,
      max: most,
      connectionTimeoutMillis: timeoutMs,
      keepAlive: true,
      allowExitOnIdle: true,
      pipeline: true,
      types: valueTypes,
    });
    // What breaks is told to the statements under way, or is gone from the pool; nobody else need hear it.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => {
      client.on('error', () => undefined);
      this.#watch(client, resources.opened('database', NAME));
    });
  }

  /** A connection; the first time it is lent, it is asked what it is. @throws what `pg` throws */
  async take(): Promise<AgentConnection> {
    const client = await this.#pool.connect();
    const known = this.#facts.get(client);
    if (known !== undefined) return { client, idled: true, ...known };
    try {
      const facts = await factsOf(client);
      this.#facts.set(client, facts);
      return { client, idled: false, ...facts };
    } catch (error) {
      this.destroy(client);
      throw error;
    }
  }

  /** Takes back one that is in no transaction and clean. */
  giveBack(client: PoolClient): void {
    client.release(client.getTransactionStatus() !== 'I');
  }

  /** Ends a connection at once, whatever it does; what waits for it fails. */
  destroy(client: PoolClient): void {
    client.connection.stream.destroy();
    client.release(true);
  }

  /** Asks the server to end what the connection runs, and breaks it when that does not help. It stays lent. */
  cancel(client: PoolClient): void {
    sendCancel(client);
    const disarm = systemClock.after(GRACE_MS, () => client.connection.stream.destroy());
    client.once('drain', disarm);
    client.once('end', disarm);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The pool forgets a connection when it begins to close it, and an idle one does not hold the process open.
    const closed = this.#pool.end().then(() => Promise.all(this.#open));
    await withDeadline(`closing the connections of ${NAME}`, CLOSE_TIMEOUT_MS, holdingClock, closed);
  }

  #watch(client: Client, closed: () => void): void {
    const open = new Promise<void>((resolve) => client.once('end', resolve)).then(() => {
      closed();
      this.#open.delete(open);
    });
    this.#open.add(open);
  }
}

async function factsOf(client: PoolClient): Promise<Facts> {
  const sentAt = systemClock.now();
  const { rows } = await client.query<{ now: number; version: number; locks: number; shown: number }>(
    `SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now,
            current_setting('server_version_num')::integer AS version,
            has_function_privilege('pg_catalog.pg_advisory_unlock_all()', 'EXECUTE') AS locks,
            CASE WHEN current_setting('track_activities')::boolean THEN
              (SELECT setting::integer FROM pg_catalog.pg_settings WHERE name = 'track_activity_query_size')
            ELSE 0 END AS shown`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the server does not say what it is');
  return {
    clockAhead: row.now - sentAt,
    limitsTransactions: row.version >= 170_000,
    mayLock: row.locks === 1,
    shownBytes: row.shown,
  };
}

/** https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.10: on a connection of its own, without an answer. */
function sendCancel(client: Client): void {
  const processId: unknown = Reflect.get(client, 'processID');
  const secretKey: unknown = Reflect.get(client, 'secretKey');
  if (typeof processId !== 'number' || typeof secretKey !== 'number') return;
  const request = Buffer.alloc(16);
  [request.length, CANCEL_CODE, processId, secretKey].forEach((word, at) => request.writeInt32BE(word, at * 4));
  // The server closes it when it has read the request. PgBouncer 1.18 falls over one that is closed before.
  const socket = connect(addressOf(client), () => socket.write(request));
  socket.setTimeout(GRACE_MS, () => socket.destroy());
  // The connection is broken in any case.
  socket.on('error', () => undefined);
  socket.resume();
}

function addressOf({ host, port }: Client): NetConnectOpts {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}
