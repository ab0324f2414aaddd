import type { Lease } from '../../event/store.ts';
import { number } from '../log/row.ts';
import type { TakeArgs } from '../log/writes.ts';
import { logHead } from './run-log.ts';
import { runKey } from './runs.ts';
import type { WritingConnection } from './writing-connection.ts';

/** Raises the generation, which ends the lease before it. */
export function takeLease(db: WritingConnection, { owner, runId, holder }: TakeArgs): Lease | undefined {
  const run = runKey(db, owner, runId);
  const head = logHead(db, owner, runId);
  if (run === undefined || head === undefined) return undefined;
  const row = db.get(
    'UPDATE states SET generation = generation + 1, holder = ? WHERE run = ? RETURNING generation',
    holder,
    run,
  );
  db.logs.forget(owner, runId);
  return row && { generation: number(row, 'generation'), head };
}
