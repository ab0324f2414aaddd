import { TLSSocket } from 'node:tls';
import { Socket } from 'node:net';

import { Client, type QueryResultRow } from 'pg';

const TIMEOUT_MS = 10_000;

/** How the connection goes over the network. */
export interface Way {
  /** The address at the other end; `undefined` for a Unix socket. */
  readonly address: string | undefined;
  /** The protocol, such as `TLSv1.3`; `undefined` without TLS. */
  readonly tls: string | undefined;
  /** Whether the server's certificate was checked. */
  readonly verified: boolean;
}

/** One login's connection, on which nothing is changed: whatever is asked is asked in a transaction that only reads. */
export class DatabaseSession implements AsyncDisposable {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** @throws what `pg` throws */
  static async open(url: string): Promise<DatabaseSession> {
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
      application_name: 'enginehouse doctor',
    });
    // A connection that breaks is told to the query under way; without a listener it would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return new DatabaseSession(client);
  }

  get way(): Way {
    const { stream } = this.#client.connection;
    const address = stream instanceof Socket ? stream.remoteAddress : undefined;
    if (!(stream instanceof TLSSocket)) return { address, tls: undefined, verified: false };
    return { address, tls: stream.getProtocol() ?? 'TLS', verified: stream.authorized };
  }

  /** The process that the server named when it let us in; a pooler names one of its own. */
  get announcedProcess(): number | undefined {
    const announced: unknown = Reflect.get(this.#client, 'processID');
    return typeof announced === 'number' ? announced : undefined;
  }

  /** @throws what `pg` throws; the next look is not affected */
  async look<T>(work: (client: Client) => Promise<T>): Promise<T> {
    await this.#client.query('BEGIN READ ONLY');
    try {
      return await work(this.#client);
    } finally {
      await this.#client.query('ROLLBACK').catch(() => undefined);
    }
  }

  /** The rows of one query. */
  async rows<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.look(async (client) => (await client.query<Row>(text, [...values])).rows);
  }

  /** The one row of a query that always has one. */
  async row<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row> {
    const [row] = await this.rows<Row>(text, values);
    if (row === undefined) throw new Error('the server answered with no row');
    return row;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
