/**
 * One session of the server's superuser, or of DATABASE_URL's role, that makes
 * and drops databases.
 *
 *   A1. What is asked of it is done one after the other, in the order it was asked.
 *   A2. It is opened when it is first needed, and again after it broke.
 *   A3. It holds no process open but while something is asked.
 *   A4. Its name says which process it stands for: databases of a process without
 *       a session are nobody's (see leftovers.ts).
 */

import pg, { type QueryResultRow } from 'pg';

import { SESSION_PREFIX } from './test-database-name.ts';

/** For waiting in line, and for one statement. Longer than the wait for the lock of a template. */
const PATIENCE_MS = 150_000;

export type Ask = <Row extends QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export class AdminSession implements AsyncDisposable {
  /** One statement. @throws what `pg` throws */
  readonly ask: Ask;
  readonly #pool: pg.Pool;
  #closing: Promise<void> | undefined;

  constructor(url: string, process: string) {
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: `${SESSION_PREFIX} ${process}`,
      max: 1,
      // Until it is closed: A4.
      idleTimeoutMillis: 0,
      allowExitOnIdle: true,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
      keepAlive: true,
    });
    this.#pool.on('error', () => undefined);
    this.ask = (sql, values = []) => this.alone((ask) => ask(sql, values));
  }

  /** Several statements with nothing of another caller between them. */
  async alone<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      const result = await work(async (sql, values = []) => (await client.query(sql, [...values])).rows);
      broken = false;
      return result;
    } finally {
      // What a failure left of a session, locks included, ends with it.
      client.release(broken);
    }
  }

  /** Resolves when what was asked is done and the session is closed. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#pool.end());
  }
}
