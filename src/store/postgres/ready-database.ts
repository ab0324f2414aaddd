import type { Client } from 'pg';

import { EnginehouseError } from '../../base/errors.ts';
import type { Migrations } from '../../event/migrations.ts';
import { pendingSteps, planMigrations, type MigrationStep } from '../database/migration-plan.ts';
import { deriveFrom, rolesFor, SYSTEM_SCHEMA } from './layout.ts';
import { asStoreError, sqlState } from './postgres-error.ts';
import { connect, findDatabase, provision, refuseNewer, type ReadyDatabase } from './provision.ts';
import { SYSTEM_MIGRATIONS } from './schema.ts';
import { databaseOf, shownUrl, urlAs, type DatabaseTarget } from './target.ts';

const LOGIN_REFUSED = new Set(['28P01', '28000']);
const NOT_THERE = new Set(['3F000', '42883', '42501']);

/**
 * The database, ready for a runtime: made so by the role of the URL, or, with a secret, only looked at.
 *
 * @throws what `provision()` throws; with a secret `MIGRATION_PENDING`, or `STORE_FAILED` when it is not the database's
 */
export async function readyDatabase(target: DatabaseTarget, migrations: Migrations = {}): Promise<ReadyDatabase> {
  const { secret } = target;
  const plan = planMigrations(migrations, 'postgres');
  return secret === undefined ? provision(target, plan) : lookAt({ ...target, secret }, plan);
}

/**
 * Makes the database ready as the role of the URL, whoever keeps the secret. What is ready is made so again: the roles
 * get their passwords and limits anew.
 *
 * @throws what `provision()` throws
 */
export function migrateNow(target: DatabaseTarget, migrations: Migrations): Promise<ReadyDatabase> {
  return provision(target, planMigrations(migrations, 'postgres'), 'always');
}

/**
 * The database as it is, to be read: nothing is made or migrated.
 *
 * @throws `NOT_FOUND` when no Enginehouse was started on it yet, `STORE_NEWER`, `MIGRATION_PENDING`, `STORE_FAILED`
 */
export async function existingDatabase(target: DatabaseTarget): Promise<ReadyDatabase> {
  const { secret } = target;
  return secret === undefined ? findDatabase(target) : lookAt({ ...target, secret }, undefined);
}

interface WithSecret extends DatabaseTarget {
  readonly secret: string;
}

async function lookAt(target: WithSecret, plan: readonly MigrationStep[] | undefined): Promise<ReadyDatabase> {
  const { url, secret } = target;
  const where = shownUrl(url);
  const roles = rolesFor(target.rolePrefix ?? databaseOf(url));
  try {
    await using session = await connect(urlAs(url, roles.system, deriveFrom(secret).systemPassword));
    const applied = await appliedIn(session.client);
    const system = applied.filter(({ part }) => part === 'system');
    refuseNewer({ system }, where);
    const data = applied.filter(({ part }) => part === 'data');
    const waiting = plan === undefined ? [] : pendingSteps(plan, data);
    const pending = [...SYSTEM_MIGRATIONS.slice(system.length), ...waiting].map(({ name }) => name);
    if (pending.length > 0) throw waits(where, pending);
    return { url, roles, secret, prepare: target.prepare };
  } catch (error) {
    if (LOGIN_REFUSED.has(sqlState(error) ?? '')) throw refused(where, roles.system, error);
    throw asStoreError(error, where, 'looking at the database');
  }
}

interface AppliedRow {
  readonly part: string;
  readonly name: string;
  readonly checksum: string;
}

async function appliedIn(client: Client): Promise<readonly AppliedRow[]> {
  try {
    return (await client.query<AppliedRow>(`SELECT part, name, checksum FROM ${SYSTEM_SCHEMA}.applied()`)).rows;
  } catch (error) {
    if (NOT_THERE.has(sqlState(error) ?? '')) return [];
    throw error;
  }
}

function waits(where: string, pending: readonly string[]): EnginehouseError {
  const message = `${where} waits for ${pending.length} migrations: ${pending.join(', ')}`;
  return new EnginehouseError('MIGRATION_PENDING', message, { pending });
}

function refused(where: string, role: string, cause: unknown): EnginehouseError {
  const reason = `the server refused ${role} with the password that ENGINEHOUSE_DATABASE_SECRET gives`;
  const cure =
    'Run `enginehouse database migrate` once with this secret and a DATABASE_URL whose role may migrate; ' +
    'ENGINEHOUSE_DATABASE_ROLES names the roles where they are not named after the database.';
  return new EnginehouseError('STORE_FAILED', `${where}: ${reason}`, { operation: 'log in', reason }, { cause, cure });
}
