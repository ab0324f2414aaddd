import { createHash } from 'node:crypto';

import { EnginehouseError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import type { Migration, Migrations, MigrationScript } from '../../event/migrations.ts';
import type { Applied } from './worker-protocol.ts';

export interface MigrationStep extends Applied {
  readonly run: MigrationScript;
}

export type Dialect = 'sqlite' | 'postgres';

/**
 * The application's migrations in the order they run: that of their names, by
 * UTF-16 code units. A function's text says little about what it does, so it
 * has no checksum of its own.
 *
 * @throws `MIGRATION_FAILED` for one that is neither SQL text nor a function
 */
export function planMigrations(migrations: Migrations, dialect: Dialect): readonly MigrationStep[] {
  const names = Object.keys(migrations).toSorted();
  return names.map((name) => {
    const run = scriptFor(migrations[name], dialect);
    if (!isScript(run)) throw migrationFailed(name, 'it is neither SQL text nor a function');
    const checksum = typeof run === 'string' ? createHash('sha256').update(run).digest('hex') : 'function';
    return { name, checksum, run };
  });
}

/** The script of a dialect, where there is one for each. */
export function scriptFor(migration: Migration | undefined, dialect: Dialect): unknown {
  return isRecord(migration) ? migration[dialect] : migration;
}

export function isScript(value: unknown): value is MigrationScript {
  return typeof value === 'function' || (typeof value === 'string' && value.trim() !== '');
}

/**
 * The steps that have not run. What has run must be the plan's beginning.
 *
 * @throws `MIGRATION_FAILED` naming the one that was changed, taken away, or put before one that has run
 */
export function pendingSteps(plan: readonly MigrationStep[], applied: readonly Applied[]): readonly MigrationStep[] {
  for (const [index, done] of applied.toSorted(byName).entries()) {
    const step = plan[index];
    if (step?.name === done.name && step.checksum === done.checksum) continue;
    if (step?.name === done.name) throw migrationFailed(done.name, 'it was changed after it ran');
    if (!plan.some(({ name }) => name === done.name))
      throw migrationFailed(done.name, 'it has run and is no longer declared');
    throw migrationFailed(step?.name ?? done.name, `it has not run, but ${done.name}, which comes after it, has`);
  }
  return plan.slice(applied.length);
}

function byName(left: Applied, right: Applied): number {
  return left.name < right.name ? -1 : 1;
}

export function migrationFailed(
  migration: string,
  reason: string,
  cause?: unknown,
): EnginehouseError<'MIGRATION_FAILED'> {
  return new EnginehouseError(
    'MIGRATION_FAILED',
    `migration ${migration}: ${reason}`,
    { migration, reason },
    { cause },
  );
}
