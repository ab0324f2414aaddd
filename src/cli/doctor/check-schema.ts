import { isEnginehouseError } from '../../base/errors.ts';
import type { Migrations } from '../../event/migrations.ts';
import { pendingSteps, planMigrations } from '../../store/database/migration-plan.ts';
import { SYSTEM_SCHEMA } from '../../store/postgres/layout.ts';
import type { ReadyDatabase } from '../../store/postgres/provision.ts';
import { existingDatabase } from '../../store/postgres/ready-database.ts';
import { SCHEMA_VERSION } from '../../store/postgres/schema.ts';
import type { DatabaseTarget } from '../../store/postgres/target.ts';
import type { DatabaseSession } from './database-session.ts';
import { failure, finding, type Finding } from './finding.ts';

const NAME = 'schema';

interface Schema {
  readonly found: Finding;
  /** `undefined` when nobody can log in to it as the runtime does. */
  readonly database: ReadyDatabase | undefined;
}

/** Whether the system's tables are those of this version. */
export async function checkSchema(target: DatabaseTarget): Promise<Schema> {
  try {
    const database = await existingDatabase(target);
    return { found: finding('ok', NAME, `version ${SCHEMA_VERSION}, the one of this program`), database };
  } catch (error) {
    return { found: notReady(target, error), database: undefined };
  }
}

/** Without a secret the next start migrates, so what waits is no fault. */
function notReady({ secret }: DatabaseTarget, error: unknown): Finding {
  if (secret !== undefined) return failure(NAME, error);
  if (isEnginehouseError(error, 'NOT_FOUND')) return finding('ok', NAME, 'none yet, the first start makes it');
  if (!isEnginehouseError(error, 'MIGRATION_PENDING')) return failure(NAME, error);
  return finding('ok', NAME, `the next start runs ${error.details.pending.join(', ')}`);
}

interface Applied {
  readonly part: string;
  readonly name: string;
  readonly checksum: string;
}

/** Whether the application's tables are those that its configuration declares. */
export async function checkMigrations(
  session: DatabaseSession,
  migrations: Migrations | undefined,
  { secret }: DatabaseTarget,
): Promise<Finding> {
  const name = 'migrations';
  const rows = await session.rows<Applied>(`SELECT part, name, checksum FROM ${SYSTEM_SCHEMA}.applied()`);
  const applied = rows.filter(({ part }) => part === 'data');
  try {
    const pending = pendingSteps(planMigrations(migrations ?? {}, 'postgres'), applied).map((step) => step.name);
    if (pending.length === 0) return finding('ok', name, `all ${applied.length} of the application have run`);
    if (secret === undefined) return finding('ok', name, `the next start runs ${pending.join(', ')}`);
    const cure = 'Run `enginehouse database migrate` with a DATABASE_URL whose role may migrate.';
    return finding('fail', name, `${pending.join(', ')} of the application has not run`, cure);
  } catch (error) {
    return failure(name, error);
  }
}
