/** Databases of one benchmark on one server, each made empty and dropped with all that was made for it. */

import { Client, escapeIdentifier } from 'pg';

import { quantile } from './report.ts';

export class BenchServer implements AsyncDisposable {
  readonly #url: string;
  readonly #admin: Client;
  readonly #made: string[] = [];

  private constructor(url: string, admin: Client) {
    this.#url = url;
    this.#admin = admin;
  }

  /** @throws when the server does not flush what it commits: its figures would say nothing. */
  static async connect(url: string): Promise<BenchServer> {
    const admin = new Client({ connectionString: url });
    await admin.connect();
    const server = new BenchServer(url, admin);
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      const value = await server.#show(setting);
      if (value !== 'on')
        throw new Error(
          `the server has ${setting} = ${value}; the figures are for a server that keeps what it commits`,
        );
    }
    return server;
  }

  /** The URL of a new and empty database. */
  async create(name: string): Promise<string> {
    const database = `b_${name}_${process.pid}`;
    await this.#admin.query(`CREATE DATABASE ${escapeIdentifier(database)}`);
    this.#made.push(database);
    const url = new URL(this.#url);
    url.pathname = `/${database}`;
    return url.href;
  }

  /** For a person: which server, and what one small commit on it costs. */
  async describe(): Promise<string> {
    const version = await this.#show('server_version');
    return `PostgreSQL ${version}, fsync and synchronous_commit on, one commit of one row ${(await this.#commitMs()).toFixed(2)} ms p50`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const database of this.#made) {
      await this.#admin.query(`DROP DATABASE ${escapeIdentifier(database)} WITH (FORCE)`);
      // Enginehouse names its roles after the database; the other sides make none.
      for (const role of ['owner', 'system', 'agent'])
        await this.#admin.query(`DROP ROLE IF EXISTS ${escapeIdentifier(`${database}_${role}`)}`);
    }
    await this.#admin.end();
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
