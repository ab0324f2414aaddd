import { isEnginehouseError } from '../../base/errors.ts';
import type { DatabaseWorker } from './database-worker.ts';
import { migrationFailed, pendingSteps, type MigrationStep } from './migration-plan.ts';
import { ask } from './patience.ts';
import { runTransaction, type TransactionBounds } from './run-transaction.ts';

/**
 * Runs what has not run in a user's file, each step in its own transaction
 * together with the note that it ran: one that fails leaves the state before it
 * and is tried again the next time. The caller is the file's only writer.
 *
 * @throws `MIGRATION_FAILED` naming the step; the signal's reason when it aborts
 */
export async function migrate(
  worker: DatabaseWorker,
  file: string,
  plan: readonly MigrationStep[],
  bounds: TransactionBounds,
): Promise<void> {
  const applied = await ask(worker, bounds, {
    kind: 'applied',
    body: { file },
    sql: 'reading which migrations have run',
  });
  for (const step of pendingSteps(plan, applied)) await runStep(worker, file, step, bounds);
}

async function runStep(
  worker: DatabaseWorker,
  file: string,
  step: MigrationStep,
  bounds: TransactionBounds,
): Promise<void> {
  const { name, checksum, run } = step;
  try {
    await runTransaction(
      {
        worker,
        file,
        mode: 'migrate',
        applied: { name, checksum },
        work: (session) => (typeof run === 'string' ? session.script(run) : run(session.db)),
      },
      bounds,
    );
  } catch (error) {
    const { signal } = bounds.link;
    if (signal.aborted && error === signal.reason && !isEnginehouseError(error, 'DATABASE_TIMEOUT')) throw error;
    throw migrationFailed(name, reasonOf(error), error);
  }
}

function reasonOf(error: unknown): string {
  // The statement is in the cause; of a text it would be the whole migration.
  if (isEnginehouseError(error, 'DATABASE_FAILED')) return error.details.reason;
  return error instanceof Error ? error.message : String(error);
}
