/** Runs: accepted, listed, deleted with all that belongs to them, and found again after a restart. */

import { runId, tenantId, userId, type Owner, type RunId } from '../../context/ids.ts';
import type { RunKey, RunQuery, RunRecord } from '../../event/store.ts';
import { asRun } from '../log/records.ts';
import { number, text } from '../log/row.ts';
import type { AcceptArgs, Accepted, DeleteRunArgs } from '../log/writes.ts';
import type { Connection } from './connection.ts';
import { beginLog, IS_NEWEST } from './run-log.ts';
import { touchThread } from './threads.ts';
import type { WritingConnection } from './writing-connection.ts';

const RECORD = `SELECT r.run_id, r.thread_id, r.agent, r.version, r.origin, r.parent_run_id, r.input_digest, r.context,
    r.epoch, r.accepted_at, s.generation, s.status, s.ended_at, e.seq AS head, e.crc
  FROM runs r JOIN states s ON s.run = r.run JOIN events e ON ${IS_NEWEST}`;

/** Thread, run, lease and first event in one step; or the run that is there already, untouched. */
export function acceptRun(db: Connection, { owner, run, epoch }: AcceptArgs): Accepted {
  const existing = getRun(db, owner, run.runId);
  if (existing !== undefined) return { created: false, run: existing };
  const { holder, accepted, ...facts } = run;
  touchThread(db, owner, { threadId: run.threadId, at: accepted.at });
  const head = beginLog(db, insertRun(db, { owner, run, epoch }), holder, accepted);
  return {
    created: true,
    run: { ...facts, ...head, epoch, generation: 1, acceptedAt: accepted.at, endedAt: undefined },
  };
}

export function getRun(db: Connection, owner: Owner, run: RunId): RunRecord | undefined {
  const row = db.get(
    `${RECORD} WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ?`,
    owner.tenantId,
    owner.userId,
    run,
  );
  return row && asRun(row);
}

/** The internal key of a run, or `undefined` for an unknown or foreign one. */
export function runKey(db: Connection, owner: Owner, run: RunId): number | undefined {
  const row = db.get(
    'SELECT run FROM runs WHERE tenant_id = ? AND user_id = ? AND run_id = ?',
    owner.tenantId,
    owner.userId,
    run,
  );
  return row && number(row, 'run');
}

export function listRuns(db: Connection, owner: Owner, query: RunQuery): readonly RunRecord[] {
  const { before } = query;
  const filters: readonly (readonly [sql: string, ...values: (string | number | undefined)[]])[] = [
    ['r.tenant_id = ?', owner.tenantId],
    ['r.user_id = ?', owner.userId],
    ['r.thread_id = ?', query.threadId],
    ['r.parent_run_id = ?', query.parentRunId],
    ['s.status = ?', query.status],
    ['(r.accepted_at, r.run_id) < (?, ?)', before?.acceptedAt, before?.runId],
  ];
  const asked = filters.filter(([, value]) => value !== undefined);
  const where = asked.map(([sql]) => sql).join(' AND ');
  const values = asked.flatMap(([, ...given]) => given).filter((value) => value !== undefined);
  const sql = `${RECORD} WHERE ${where} ORDER BY r.accepted_at DESC, r.run_id DESC LIMIT ?`;
  return db.all(sql, ...values, Math.max(0, query.limit)).map(asRun);
}

/** Deletes the run and its descendants; state and commands go with their run. */
export function deleteRun(db: WritingConnection, { owner, runId: id }: DeleteRunArgs): boolean {
  const family = db.all(
    `WITH RECURSIVE family (run, run_id) AS (
       SELECT run, run_id FROM runs WHERE tenant_id = ?1 AND user_id = ?2 AND run_id = ?3
       UNION
       SELECT r.run, r.run_id FROM family f JOIN runs r ON r.tenant_id = ?1 AND r.user_id = ?2 AND r.parent_run_id = f.run_id
     ) SELECT run, run_id FROM family`,
    owner.tenantId,
    owner.userId,
    id,
  );
  for (const member of family) {
    const key = text(member, 'run_id');
    db.run(
      'DELETE FROM artifacts WHERE tenant_id = ? AND user_id = ? AND run_id = ?',
      owner.tenantId,
      owner.userId,
      key,
    );
    db.run('DELETE FROM events WHERE run = ?', number(member, 'run'));
    db.run('DELETE FROM runs WHERE run = ?', number(member, 'run'));
  }
  db.logs.clear();
  return family.length > 0;
}

/** The keys of runs without a terminal event that no parent takes up, oldest first. */
export function unfinishedRuns(db: Connection): readonly RunKey[] {
  const rows = db.all(
    `SELECT r.tenant_id, r.user_id, r.run_id FROM states s JOIN runs r ON r.run = s.run
      WHERE s.ended_at IS NULL AND r.origin <> 'agent' ORDER BY r.accepted_at, r.run`,
  );
  return rows.map((row) => ({
    owner: { tenantId: tenantId(text(row, 'tenant_id')), userId: userId(text(row, 'user_id')) },
    runId: runId(text(row, 'run_id')),
  }));
}

function insertRun(db: Connection, { owner, run, epoch }: AcceptArgs): number {
  const row = db.get(
    `INSERT INTO runs (tenant_id, user_id, run_id, thread_id, agent, version, origin, parent_run_id, input_digest, context, epoch, accepted_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING run`,
    owner.tenantId,
    owner.userId,
    run.runId,
    run.threadId,
    run.agent,
    run.version,
    run.origin,
    run.parentRunId ?? null,
    run.inputDigest,
    run.context,
    epoch,
    run.accepted.at,
  );
  return number(row ?? {}, 'run');
}
