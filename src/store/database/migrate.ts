import { isEnginehouseError } from '../../base/errors.ts';
import type { MigrationScript } from '../../event/migrations.ts';
import type { DatabaseWorker } from './database-worker.ts';
import { migrationFailed, pendingSteps, type MigrationStep } from './migration-plan.ts';
import { ask } from './patience.ts';
import { runTransaction, type TransactionBounds } from './run-transaction.ts';
import { runScript, scriptReason, SEED_NOTE, seedFailed } from './seed.ts';
import { SQLITE, WorkerTransaction, type WorkerTransactionOptions } from './worker-transaction.ts';

/** What a user's file must have had before anything else is done in it. */
export interface FilePlan {
  readonly steps: readonly MigrationStep[];
  readonly seed: MigrationScript | undefined;
}

/**
 * Runs what has not run in a user's file, migrations and then the seed, each in
 * its own transaction together with the note that it ran: one that fails leaves
 * the state before it and is tried again the next time. The caller is the
 * file's only writer.
 *
 * @throws `MIGRATION_FAILED` naming the step; the signal's reason when it aborts
 */
export async function migrate(
  worker: DatabaseWorker,
  file: string,
  plan: FilePlan,
  bounds: TransactionBounds,
): Promise<void> {
  const { steps, seed } = plan;
  const applied = await ask(worker, bounds, {
    kind: 'applied',
    body: { file },
    sql: 'reading which migrations have run',
  });
  const migrations = applied.filter(({ name }) => name !== SEED_NOTE.name);
  for (const { name, checksum, run } of pendingSteps(steps, migrations)) {
    const options = { worker, file, mode: 'migrate', applied: { name, checksum } } as const;
    await runOne(run, options, bounds, (reason, cause) => migrationFailed(name, reason, cause));
  }
  if (seed === undefined || migrations.length < applied.length) return;
  await runOne(seed, { worker, file, mode: 'write', applied: SEED_NOTE }, bounds, seedFailed);
}

async function runOne(
  script: MigrationScript,
  options: WorkerTransactionOptions,
  bounds: TransactionBounds,
  failed: (reason: string, cause: unknown) => Error,
): Promise<void> {
  const port = new WorkerTransaction(options, bounds);
  try {
    await runTransaction({ port, language: SQLITE, work: (session) => runScript(script, session) }, bounds);
  } catch (error) {
    const { signal } = bounds.link;
    if (signal.aborted && error === signal.reason && !isEnginehouseError(error, 'DATABASE_TIMEOUT')) throw error;
    throw failed(scriptReason(error), error);
  }
}
