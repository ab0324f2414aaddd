/**
 * Makes a database ready: roles, schemas, the system's tables, then the
 * application's.
 *
 *   V1. One process at a time: the others wait for an advisory lock that belongs
 *       to a transaction, so it works behind a pooler and ends with its holder.
 *   V2. What is ready is only looked at: one connection, no lock, no write.
 *   V3. The role of the URL makes the roles; everything else is done as the
 *       owner role, which no login of the runtime can become.
 *   V4. Each migration and the note that it ran are one transaction.
 */

import { randomBytes } from 'node:crypto';

import { Client, escapeIdentifier, escapeLiteral } from 'pg';

import { EnginehouseError } from '../../base/errors.ts';
import { migrationFailed, pendingSteps, type MigrationStep } from '../database/migration-plan.ts';
import { migrateData } from './data/migrate-data.ts';
import { harden } from './harden.ts';
import { DATA_SCHEMA, deriveFrom, rolesFor, SYSTEM_SCHEMA, type Roles } from './layout.ts';
import { become, inTransaction, note } from './migration-transaction.ts';
import { asStoreError, reasonOf } from './postgres-error.ts';
import { hmacBlocks } from './principal.ts';
import { RECORD, SYSTEM_MIGRATIONS } from './schema.ts';
import { scramVerifier } from './scram.ts';
import { databaseOf, shownUrl, type DatabaseTarget } from './target.ts';

/** Waiting for another process that migrates. */
const LOCK_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** ASCII of "engineho": the key of the advisory lock. */
const LOCK_KEY = '7308332045899067503';

/** A database that is ready, and all that is needed to log in. */
export interface ReadyDatabase {
  readonly url: string;
  readonly roles: Roles;
  readonly secret: string;
  /** Whether statements may be prepared by name. @default true */
  readonly prepare?: boolean | undefined;
}

interface Facts {
  readonly roles: Roles;
  readonly secret: string | undefined;
  /** False in a database that was restored on a server without its roles, or where they were made to own it only. */
  readonly rolesExist: boolean;
  /** Whether the database has a secret, be it kept here or by the operator. */
  readonly keyed: boolean;
  readonly applied: Applied;
}

/** Checksums by part and name. */
interface Applied {
  readonly system: readonly { readonly name: string; readonly checksum: string }[];
  readonly data: readonly { readonly name: string; readonly checksum: string }[];
}

/** When everything is done: only where something is missing, or anyhow, passwords and hardening included. */
export type ProvisionWhen = 'needed' | 'always';

/**
 * Makes the database ready as the role of the URL.
 *
 * @throws `CONFIG_INVALID` for a URL that names no database, `STORE_FAILED` when the role may not do it or the server
 * cannot be reached, `STORE_NEWER`, `MIGRATION_FAILED`
 */
export async function provision(
  target: DatabaseTarget,
  plan: readonly MigrationStep[],
  when: ProvisionWhen = 'needed',
): Promise<ReadyDatabase> {
  const where = shownUrl(target.url);
  const database = databaseOf(target.url);
  try {
    await using admin = await connect(target.url);
    const found = await readFacts(admin.client);
    if (when === 'needed' && found !== undefined && isReady(found, target, plan)) return ready(target, found);
    await using lock = await connect(target.url);
    await takeLock(lock.client);
    return await migrateAll(admin.client, target, { database, plan });
  } catch (error) {
    throw asStoreError(error, where, 'making the database ready');
  }
}

/**
 * The database as the role of the URL finds it: nothing is changed.
 *
 * @throws `NOT_FOUND`, `STORE_NEWER`, `MIGRATION_PENDING`, `STORE_FAILED`
 */
export async function findDatabase(target: DatabaseTarget): Promise<ReadyDatabase> {
  const where = shownUrl(target.url);
  try {
    await using admin = await connect(target.url);
    const found = await readFacts(admin.client);
    if (found === undefined)
      throw new EnginehouseError('NOT_FOUND', `${where} holds no store`, { what: 'store', id: where });
    refuseNewer(found.applied, where);
    refuseUnknownSecret(found, target);
    const pending = SYSTEM_MIGRATIONS.slice(found.applied.system.length).map(({ name }) => name);
    if (pending.length === 0) return ready(target, found);
    throw new EnginehouseError('MIGRATION_PENDING', `${where} waits for ${pending.join(', ')}`, { pending });
  } catch (error) {
    throw asStoreError(error, where, 'looking at the database');
  }
}

interface Work {
  readonly database: string;
  readonly plan: readonly MigrationStep[];
}

async function migrateAll(admin: Client, target: DatabaseTarget, { database, plan }: Work): Promise<ReadyDatabase> {
  // Another process may have done it while this one waited for the lock.
  const before = await readFacts(admin);
  if (before !== undefined) {
    refuseNewer(before.applied, shownUrl(target.url));
    refuseUnknownSecret(before, target);
  }
  const prefix = target.rolePrefix ?? database;
  const roles = before?.roles ?? rolesFor(prefix);
  const secret = target.secret ?? before?.secret ?? randomBytes(32).toString('base64url');
  await inTransaction(admin, async () => {
    await makeRoles(admin, roles, { secret, database });
    await harden(admin, roles, { first: before === undefined });
    if (before === undefined) await makeSchemas(admin, roles, prefix);
  });
  await migrateSystem(admin, roles, before?.applied.system ?? []);
  await inTransaction(admin, async () => {
    await become(admin, roles.owner);
    await keepSecret(admin, secret, target.secret === undefined);
  });
  await migrateData(admin, roles, { plan, applied: before?.applied.data ?? [] });
  return { url: target.url, roles, secret, prepare: target.prepare };
}

function ready(target: DatabaseTarget, { roles, secret }: Facts): ReadyDatabase {
  return { url: target.url, roles, secret: target.secret ?? secret ?? '', prepare: target.prepare };
}

function isReady(facts: Facts, target: DatabaseTarget, plan: readonly MigrationStep[]): boolean {
  refuseNewer(facts.applied, shownUrl(target.url));
  if (facts.applied.system.length < SYSTEM_MIGRATIONS.length) return false;
  if (target.secret !== undefined || facts.secret === undefined || !facts.rolesExist) return false;
  return pendingSteps(plan, facts.applied.data).length === 0;
}

/** @throws `STORE_NEWER` when a newer version of Enginehouse migrated the database */
export function refuseNewer({ system }: Pick<Applied, 'system'>, where: string): void {
  const known = SYSTEM_MIGRATIONS.length;
  if (system.length <= known) return;
  const message = `${where} has schema ${system.length}, this version knows up to ${known}`;
  throw new EnginehouseError('STORE_NEWER', message, { file: where, found: system.length, known });
}

/** A secret that the operator keeps is not replaced because a command was run without it: that would shut the runtimes out. */
function refuseUnknownSecret({ keyed, secret }: Facts, target: DatabaseTarget): void {
  if (!keyed || secret !== undefined || target.secret !== undefined) return;
  const message = `${shownUrl(target.url)} was made ready with a secret that is not kept in it; store.secret (ENGINEHOUSE_DATABASE_SECRET) must say it`;
  throw new EnginehouseError('CONFIG_INVALID', message, { option: 'store.secret', received: undefined });
}

async function readFacts(admin: Client): Promise<Facts | undefined> {
  const { rows: schemas } = await admin.query<{ owner: string; tables: boolean }>(
    `SELECT r.rolname AS owner, to_regclass('${SYSTEM_SCHEMA}.migrations') IS NOT NULL AS tables
       FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = '${SYSTEM_SCHEMA}'`,
  );
  const [schema] = schemas;
  if (schema === undefined || !schema.tables) return undefined;
  return inTransaction(admin, async () => {
    await become(admin, schema.owner);
    const { rows: settings } = await admin.query<{ name: string; value: string }>(
      `SELECT name, value FROM ${SYSTEM_SCHEMA}.settings`,
    );
    const { rows: notes } = await admin.query<{ part: string; name: string; checksum: string }>(
      `SELECT part, name, checksum FROM ${SYSTEM_SCHEMA}.migrations`,
    );
    const value = (name: string): string | undefined => settings.find((row) => row.name === name)?.value;
    const roles = rolesFor(value('role prefix') ?? schema.owner.replace(/_owner$/, ''));
    const { rows: existing } = await admin.query(
      'SELECT FROM pg_roles WHERE rolname = $1 OR (rolname IN ($2, $3) AND rolcanlogin)',
      [roles.owner, roles.system, roles.agent],
    );
    const system = notes.filter(({ part }) => part === 'system');
    const keys = system.length === 0 ? [] : (await admin.query(`SELECT FROM ${SYSTEM_SCHEMA}.keys`)).rows;
    return {
      roles,
      secret: value('secret'),
      keyed: keys.length > 0,
      rolesExist: existing.length === Object.keys(roles).length,
      applied: {
        system,
        data: notes.filter(({ part }) => part === 'data'),
      },
    };
  });
}

async function makeRoles(
  admin: Client,
  roles: Roles,
  { secret, database }: { readonly secret: string; readonly database: string },
): Promise<void> {
  const { systemPassword, agentPassword } = deriveFrom(secret);
  const limits = 'NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT';
  const { rows } = await admin.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1)',
    [Object.values(roles)],
  );
  const known = new Set(rows.map(({ name }) => name));
  if (!known.has(roles.owner)) {
    await admin.query(`CREATE ROLE ${escapeIdentifier(roles.owner)} NOLOGIN ${limits}`);
    await admin.query(`GRANT ${escapeIdentifier(roles.owner)} TO CURRENT_USER`);
  }
  for (const [role, password] of [
    [roles.system, systemPassword],
    [roles.agent, agentPassword],
  ] as const) {
    // Only a superuser may say again what a role may not do; `harden` looks whether it still holds.
    const verb = known.has(role) ? 'ALTER ROLE' : 'CREATE ROLE';
    const may = known.has(role) ? 'LOGIN' : `LOGIN ${limits}`;
    await admin.query(`${verb} ${escapeIdentifier(role)} ${may} PASSWORD ${escapeLiteral(scramVerifier(password))}`);
  }
  const agent = escapeIdentifier(roles.agent);
  await admin.query(`ALTER ROLE ${agent} SET search_path = ${DATA_SCHEMA}, pg_temp`);
  await admin.query(`ALTER ROLE ${escapeIdentifier(roles.system)} SET search_path = ${SYSTEM_SCHEMA}, pg_temp`);
  await admin.query(
    `GRANT CONNECT ON DATABASE ${escapeIdentifier(database)} TO ${agent}, ${escapeIdentifier(roles.system)}`,
  );
}

async function makeSchemas(admin: Client, roles: Roles, prefix: string): Promise<void> {
  const owner = escapeIdentifier(roles.owner);
  await admin.query(`CREATE SCHEMA ${SYSTEM_SCHEMA} AUTHORIZATION ${owner}`);
  await admin.query(`CREATE SCHEMA ${DATA_SCHEMA} AUTHORIZATION ${owner}`);
  await become(admin, roles.owner);
  await admin.query(`GRANT USAGE ON SCHEMA ${DATA_SCHEMA} TO ${escapeIdentifier(roles.agent)}`);
  await admin.query(RECORD);
  await admin.query(`INSERT INTO ${SYSTEM_SCHEMA}.settings VALUES ('role prefix', $1)`, [prefix]);
}

async function migrateSystem(admin: Client, roles: Roles, applied: Applied['system']): Promise<void> {
  const quoted = {
    owner: escapeIdentifier(roles.owner),
    system: escapeIdentifier(roles.system),
    agent: escapeIdentifier(roles.agent),
  };
  for (const { name, sql } of SYSTEM_MIGRATIONS.slice(applied.length)) {
    await inTransaction(admin, async () => {
      await become(admin, roles.owner);
      try {
        await admin.query(sql(quoted));
      } catch (error) {
        throw migrationFailed(`${SYSTEM_SCHEMA} ${name}`, reasonOf(error), error);
      }
      await note(admin, { part: 'system', name, checksum: 'ours' });
    });
  }
}

/** A secret that the operator keeps is not kept here as well. */
async function keepSecret(admin: Client, secret: string, here: boolean): Promise<void> {
  const { inner, outer } = hmacBlocks(deriveFrom(secret).principalKey);
  await admin.query(
    `INSERT INTO ${SYSTEM_SCHEMA}.keys (name, inner_block, outer_block) VALUES ('principal', $1, $2)
      ON CONFLICT (name) DO UPDATE SET inner_block = excluded.inner_block, outer_block = excluded.outer_block`,
    [inner, outer],
  );
  await admin.query(`DELETE FROM ${SYSTEM_SCHEMA}.settings WHERE name = 'secret'`);
  if (here) await admin.query(`INSERT INTO ${SYSTEM_SCHEMA}.settings VALUES ('secret', $1)`, [secret]);
}

async function takeLock(client: Client): Promise<void> {
  await client.query('BEGIN');
  await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  // While it waits and while it holds the lock it is idle, and no limit of the server may end that.
  await client.query('SET LOCAL idle_in_transaction_session_timeout = 0');
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
}

/** A connection as the role of the URL, for migrations; closed when its block ends. */
export async function connect(url: string): Promise<{ readonly client: Client } & AsyncDisposable> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'enginehouse migrations',
  });
  // A connection that breaks is told to the query under way; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
