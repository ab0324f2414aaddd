/** Databases of one benchmark on one server, each made empty and dropped with all that was made for it. */

import { Client, escapeIdentifier } from 'pg';

import { testPostgres, type TestPostgres } from '../src/testing/postgres/test-postgres.ts';
import { quantile } from './report.ts';

export class BenchServer implements AsyncDisposable {
  readonly #postgres: TestPostgres;
  readonly #admin: Client;
  readonly #made: string[] = [];

  private constructor(postgres: TestPostgres, admin: Client) {
    this.#postgres = postgres;
    this.#admin = admin;
  }

  /** The server that tests have: one that need not keep what it commits. */
  static async ofTests(): Promise<BenchServer> {
    return BenchServer.#connected(await testPostgres());
  }

  /**
   * The server of DATABASE_URL, or a private one.
   *
   * @throws when it does not flush what it commits: its figures would say nothing.
   */
  static async open(): Promise<BenchServer> {
    const server = await BenchServer.#connected(await testPostgres({ durable: true }));
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      const value = await server.#show(setting);
      if (value !== 'on') throw new Error(`the server has ${setting} = ${value}; it must keep what it commits`);
    }
    return server;
  }

  static async #connected(postgres: TestPostgres): Promise<BenchServer> {
    const admin = new Client({ connectionString: postgres.adminUrl });
    await admin.connect();
    return new BenchServer(postgres, admin);
  }

  /** The URL of a new and empty database. */
  async create(name: string): Promise<string> {
    const database = `b_${name}_${process.pid}`;
    await this.#admin.query(`CREATE DATABASE ${escapeIdentifier(database)}`);
    this.#made.push(database);
    return this.#postgres.urlOf(database, { tcp: true });
  }

  /** For a person: which server, and what one small commit on it costs. */
  async describe(): Promise<string> {
    const { version, source } = this.#postgres;
    const [fsync, commits] = [await this.#show('fsync'), await this.#show('synchronous_commit')];
    const commit = (await this.#commitMs()).toFixed(2);
    return `PostgreSQL ${version} (${source}) over TCP, fsync ${fsync}, synchronous_commit ${commits}; one commit of one row ${commit} ms p50`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const database of this.#made) {
      await this.#admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(database)} WITH (FORCE)`);
      // Enginehouse names its roles after the database; the other sides make none.
      for (const role of ['owner', 'system', 'agent'])
        await this.#admin.query(`DROP ROLE IF EXISTS ${escapeIdentifier(`${database}_${role}`)}`);
    }
    await this.#admin.end();
    await this.#postgres.release();
  }

  async #show(setting: string): Promise<string> {
    const { rows } = await this.#admin.query<{ value: string }>('SELECT current_setting($1) AS value', [setting]);
    return rows[0]?.value ?? '';
  }

  async #commitMs(): Promise<number> {
    const client = new Client({ connectionString: await this.create('commit') });
    await client.connect();
    await client.query('CREATE TABLE kept (at bigint)');
    const times: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      const startedAt = performance.now();
      await client.query('INSERT INTO kept VALUES ($1)', [round]);
      times.push(performance.now() - startedAt);
    }
    await client.end();
    return quantile(times, 0.5);
  }
}
