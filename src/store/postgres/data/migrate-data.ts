/**
 * The application's migrations on PostgreSQL. They are written as if each user
 * had tables of their own; what makes them so is done here.
 *
 *   D1. A step, what it needs to have owners and policies, and the note that it
 *       ran are one transaction of the owner role.
 *   D2. A text cannot end that transaction: PL/pgSQL's EXECUTE runs it, which
 *       knows no COMMIT.
 *   D3. A step sees and changes the rows of all users. Rows that it makes would
 *       be nobody's, and fail it.
 */

import type { Client } from 'pg';

import { EnginehouseError } from '../../../base/errors.ts';
import { migrationFailed, pendingSteps, type MigrationStep } from '../../database/migration-plan.ts';
import { runScript, scriptReason } from '../../database/seed.ts';
import { Session } from '../../database/session.ts';
import type { Applied } from '../../database/worker-protocol.ts';
import { DATA_SCHEMA, OWNER_COLUMN, type Roles } from '../layout.ts';
import { sqlState } from '../postgres-error.ts';
import { become, inTransaction, note } from '../migration-transaction.ts';
import { MigrationPort } from './migration-port.ts';
import { giveOwners } from './give-owners.ts';
import { POSTGRES_MIGRATIONS } from './language.ts';
import { foundation } from './users-table.ts';
import { StandIns } from './stand-ins.ts';
import { Unfit } from './unfit.ts';

export interface DataMigrations {
  readonly plan: readonly MigrationStep[];
  readonly applied: readonly Applied[];
}

const NOT_NULL_VIOLATION = '23502';

/**
 * Runs the application's migrations that have not run, each with its note in one
 * transaction, and gives every table its owner.
 *
 * @throws `MIGRATION_FAILED` naming the step, of which then nothing stays
 */
export async function migrateData(admin: Client, roles: Roles, { plan, applied }: DataMigrations): Promise<void> {
  await inTransaction(admin, () => asOwner(admin, roles, async () => void (await admin.query(foundation(roles)))));
  for (const step of pendingSteps(plan, applied)) {
    try {
      await inTransaction(admin, () => runStep(admin, roles, step));
    } catch (error) {
      throw asFailed(step.name, error);
    }
  }
}

async function runStep(admin: Client, roles: Roles, { name, checksum, run }: MigrationStep): Promise<void> {
  await asOwner(admin, roles, async (standIns) => {
    const session = new Session(new MigrationPort(admin, standIns), POSTGRES_MIGRATIONS);
    await runScript(run, session);
    session.end();
  });
  await note(admin, { part: 'data', name, checksum });
}

/** Changes tables as the owner role, whatever `change` makes of the session, and gives them their owners. */
async function asOwner(admin: Client, roles: Roles, change: (standIns: StandIns) => Promise<void>): Promise<void> {
  const path = `SET LOCAL search_path = ${DATA_SCHEMA}, pg_temp`;
  await become(admin, roles.owner);
  await admin.query(`${path}; SET LOCAL client_min_messages = warning`);
  const standIns = await StandIns.before(admin);
  await change(standIns);
  await become(admin, roles.owner);
  await admin.query(`${path}; SET CONSTRAINTS ALL IMMEDIATE`);
  await giveOwners(admin, roles, standIns);
  await standIns.drop();
}

const SEED_CURE =
  "Put first rows into database.seed: on PostgreSQL a migration runs once for all users, and its rows would be nobody's.";

function asFailed(step: string, error: unknown): EnginehouseError {
  const failed = migrationFailed(step, scriptReason(error), error);
  const cure = error instanceof Unfit ? error.cure : isOwnerless(error) ? SEED_CURE : undefined;
  if (cure === undefined) return failed;
  return new EnginehouseError('MIGRATION_FAILED', failed.message, failed.details, { cause: error, cure });
}

function isOwnerless(error: unknown): boolean {
  if (sqlState(error) !== NOT_NULL_VIOLATION || !(error instanceof Error)) return false;
  return 'column' in error && error.column === OWNER_COLUMN;
}
