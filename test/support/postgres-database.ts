/** Databases for tests of the PostgreSQL adapter itself, on the server that `testPostgres` finds. */

import { randomBytes } from 'node:crypto';

import { Client, escapeIdentifier } from 'pg';

import { rolesFor } from '../../src/store/postgres/layout.ts';
import { provision, type ReadyDatabase } from '../../src/store/postgres/provision.ts';
import { testPostgres } from '../../src/testing/postgres/test-postgres.ts';

export interface FreshDatabase extends AsyncDisposable {
  /** As the server's superuser. */
  readonly url: string;
  readonly name: string;
}

/** An empty database of its own, or a copy of another; it is dropped with its roles when it is disposed. */
export async function freshDatabase(template = 'template1'): Promise<FreshDatabase> {
  await using made = new AsyncDisposableStack();
  const { adminUrl } = made.use(await testPostgres());
  const name = `enginehouse_test_${randomBytes(6).toString('hex')}`;
  await asAdmin(adminUrl, `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE ${escapeIdentifier(template)}`);
  made.defer(() => drop(adminUrl, name));
  const url = new URL(adminUrl);
  url.pathname = name;
  const owned = made.move();
  return { url: url.href, name, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export interface ReadyTestDatabase extends FreshDatabase {
  readonly ready: ReadyDatabase;
}

/** A database that was migrated. */
export async function readyTestDatabase(template?: string): Promise<ReadyTestDatabase> {
  await using made = new AsyncDisposableStack();
  const fresh = made.use(await freshDatabase(template));
  const ready = await provision({ url: fresh.url }, []);
  made.move();
  return { ...fresh, ready };
}

/** Runs statements one by one, each by itself, and gives the rows of the last. */
export async function asAdmin(
  url: string,
  ...statements: readonly string[]
): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, application_name: 'enginehouse tests' });
  await client.connect();
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

async function drop(adminUrl: string, name: string): Promise<void> {
  const roles = Object.values(rolesFor(name)).map((role) => `DROP ROLE IF EXISTS ${escapeIdentifier(role)}`);
  await asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`, ...roles);
}
