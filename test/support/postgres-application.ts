/**
 * An application whose store is a PostgreSQL database, as an operator has it: a
 * server that waits for its disk, a database and roles of its own, a folder with
 * a configuration, and the command.
 */

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { escapeIdentifier, escapeLiteral } from 'pg';

import { checkDatabase } from '../../src/cli/doctor/check-database.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import type { Migrations } from '../../src/event/migrations.ts';
import { resolveConfig, type Environment } from '../../src/startup/resolve-config.ts';
import { rolesFor, type Roles } from '../../src/store/postgres/layout.ts';
import type { ReadyDatabase } from '../../src/store/postgres/provision.ts';
import { migrateNow } from '../../src/store/postgres/ready-database.ts';
import { urlAs, type DatabaseTarget } from '../../src/store/postgres/target.ts';
import type { TestPostgresOptions } from '../../src/testing/postgres/postgres-options.ts';
import { testPostgres, type TestPostgres } from '../../src/testing/postgres/test-postgres.ts';
import { enginehouse, Folder, type CommandOptions, type Ended } from './command.ts';
import { asAdmin } from './postgres-database.ts';

const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

export const MIGRATIONS: Migrations = {
  '001_words': 'CREATE TABLE words (word TEXT PRIMARY KEY, length INTEGER NOT NULL)',
};

const CONFIG = `
  import { defineAgent } from ${source('agent/define-agent.ts')};
  export default {
    database: { migrations: ${JSON.stringify(MIGRATIONS)} },
    agents: [defineAgent({ name: 'echo', run: ({ input }) => input })],
  };
`;

/** A server with a database that the application is to have, and its folder. */
export class PostgresApplication implements AsyncDisposable {
  readonly server: TestPostgres;
  readonly name: string;
  /** As the server's superuser, over TCP and with its password. */
  readonly url: string;
  readonly folder: Folder;
  readonly #owned: AsyncDisposableStack;

  static async open(options: TestPostgresOptions = {}): Promise<PostgresApplication> {
    await using opening = new AsyncDisposableStack();
    const server = opening.use(await testPostgres({ durable: true, ...options }));
    const name = `app_${randomBytes(6).toString('hex')}`;
    await asAdmin(server.adminUrl, `CREATE DATABASE ${name}`);
    opening.defer(() => forget(server.adminUrl, name));
    const folder = opening.use(await Folder.open());
    await writeFile(folder.join('enginehouse.config.ts'), CONFIG);
    await writeFile(folder.join('package.json'), '{ "type": "module" }');
    return new PostgresApplication(server, name, folder, opening.move());
  }

  private constructor(server: TestPostgres, name: string, folder: Folder, owned: AsyncDisposableStack) {
    this.server = server;
    this.name = name;
    this.url = server.urlOf(name, { tcp: true });
    this.folder = folder;
    this.#owned = owned;
  }

  get roles(): Roles {
    return rolesFor(this.name);
  }

  /** A login of the server, gone with the database. `rights` are what stands behind CREATE ROLE. */
  async login(suffix: string, rights = ''): Promise<{ readonly role: string; readonly url: string }> {
    const role = `${this.name}_${suffix}`;
    const password = randomBytes(12).toString('base64url');
    await this.sql(`CREATE ROLE ${role} LOGIN ${rights} PASSWORD ${escapeLiteral(password)}`);
    return { role, url: urlAs(this.url, role, password) };
  }

  /** Runs each by itself as the superuser and gives the rows of the last. */
  sql(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    return asAdmin(this.url, ...statements);
  }

  /** Where the command runs, with the database's URL. */
  at(env: Readonly<Record<string, string>> = {}): CommandOptions {
    return { cwd: this.folder.path, env: { DATABASE_URL: this.url, PORT: '0', ENGINEHOUSE_LOG: 'error', ...env } };
  }

  command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return enginehouse(args, this.at(env));
  }

  /** What `enginehouse doctor` finds of the database. */
  async findings(env: Environment = {}, migrations: Migrations = MIGRATIONS): Promise<readonly Finding[]> {
    const { limits } = resolveConfig({ agents: [] }, {});
    return Array.fromAsync(
      checkDatabase({ store: { kind: 'postgres', target: this.#target(env) }, limits, migrations }),
    );
  }

  /** What `enginehouse database migrate` does. */
  migrate(env: Environment = {}): Promise<ReadyDatabase> {
    return migrateNow(this.#target(env), MIGRATIONS);
  }

  #target(env: Environment): DatabaseTarget {
    const { store } = resolveConfig({ agents: [] }, { DATABASE_URL: this.url, ...env });
    if (store.kind === 'postgres') return store.target;
    throw new Error('the database is not named');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

async function forget(adminUrl: string, name: string): Promise<void> {
  await asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const roles = await asAdmin(adminUrl, `SELECT rolname FROM pg_roles WHERE starts_with(rolname, '${name}_')`);
  for (const { rolname } of roles) await asAdmin(adminUrl, `DROP ROLE ${escapeIdentifier(String(rolname))}`);
}
