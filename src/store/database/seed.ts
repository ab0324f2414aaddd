import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import type { MigrationScript, Seed } from '../../event/migrations.ts';
import { isScript, scriptFor, type Dialect } from './migration-plan.ts';
import type { Session } from './session.ts';
import type { Applied } from './worker-protocol.ts';

/** How a user's file notes that the seed ran, beside the migrations. */
export const SEED_NOTE: Applied = { name: 'database.seed', checksum: 'seed' };

/** The seed for a dialect. @throws `MIGRATION_FAILED` when it is neither SQL text nor a function */
export function seedFor(seed: Seed | undefined, dialect: Dialect): MigrationScript | undefined {
  if (seed === undefined) return undefined;
  const script = scriptFor(seed, dialect);
  if (isScript(script)) return script;
  throw seedFailed('it is neither SQL text nor a function');
}

/** Runs it as the user, in the transaction of the session. */
export function runScript(script: MigrationScript, session: Session): Promise<void> {
  return typeof script === 'string' ? session.script(script) : script(session.db);
}

export function seedFailed(reason: string, cause?: unknown): EnginehouseError<'MIGRATION_FAILED'> {
  return new EnginehouseError(
    'MIGRATION_FAILED',
    `${SEED_NOTE.name}: ${reason}`,
    { migration: SEED_NOTE.name, reason },
    { cause, cure: "Correct database.seed; it is tried again before the user's next transaction." },
  );
}

/** Why a script failed, in words. The statement is in the cause; of a text it would be the whole script. */
export function scriptReason(error: unknown): string {
  if (isEnginehouseError(error, 'DATABASE_FAILED')) return error.details.reason;
  return error instanceof Error ? error.message : String(error);
}
