import type { Owner, RunId } from '../../context/ids.ts';
import type { Lease } from '../../event/store.ts';
import type { Connection } from './connection.ts';
import { number } from './row.ts';
import { logHead } from './run-log.ts';
import { runKey } from './runs.ts';

export interface TakeArgs {
  readonly owner: Owner;
  readonly runId: RunId;
  /** Names the process, for a person who reads the file. */
  readonly holder: string;
}

/** Raises the generation, which ends the lease before it. */
export function takeLease(db: Connection, { owner, runId, holder }: TakeArgs): Lease | undefined {
  const run = runKey(db, owner, runId);
  const head = logHead(db, owner, runId);
  if (run === undefined || head === undefined) return undefined;
  const row = db.get(
    'UPDATE heads SET generation = generation + 1, holder = ? WHERE run = ? RETURNING generation',
    holder,
    run,
  );
  return row && { generation: number(row, 'generation'), head };
}
