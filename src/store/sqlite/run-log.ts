/**
 * The log of one run: append, read, head.
 *
 *   L1. An append writes its events, and the run's state when they change it.
 *       Each event carries the CRC of the log up to it, so the newest one says
 *       where the log stands, and event 10,000 costs what event 10 did.
 *   L2. It checks everything before it writes.
 *   L3. The status moves in the same transaction as the events.
 */

import type { AgentEvent } from '../../context/event.ts';
import type { Owner, RunId } from '../../context/ids.ts';
import { isTerminal } from '../../context/run-status.ts';
import type { LogHead, NewEvent } from '../../event/store.ts';
import { noRun, numberEvents, refuseIntruder, statusWith } from '../log/append-rules.ts';
import type { OpenLog } from '../log/open-logs.ts';
import type { EventPage } from '../log/reads.ts';
import { asEvent, asHead, asOpenLog } from '../log/records.ts';
import type { AppendArgs } from '../log/writes.ts';
import type { Connection } from './connection.ts';
import { touchThreadOf } from './threads.ts';
import type { WritingConnection } from './writing-connection.ts';

/** Joins a run `r` with its last event `e`, by one search of the index. */
export const IS_NEWEST = 'e.run = r.run AND e.seq = (SELECT max(seq) FROM events WHERE run = r.run)';

/** @throws `NOT_FOUND`, `LEASE_LOST`, `RUN_ENDED`, `LOG_CONFLICT` as the port says. */
export function appendEvents(db: WritingConnection, args: AppendArgs): number {
  const { owner, runId, events } = args;
  const log = db.logs.find(owner, runId, () => openLog(db, owner, runId));
  if (log === undefined) throw noRun(runId);
  refuseIntruder(log, args);
  const last = events.at(-1);
  if (last === undefined) return log.head;
  const status = statusWith(log.status, events);
  const endedAt = isTerminal(last.type) ? last.at : null;
  if (status !== log.status)
    db.run('UPDATE states SET status = ?, ended_at = ? WHERE run = ?', status, endedAt, log.run);
  if (endedAt !== null) touchThreadOf(db, log.run, endedAt);
  log.crc = addEvents(db, log, events);
  log.head += events.length;
  log.status = status;
  return log.head;
}

/** Writes event 1 of a run whose row is new, and its head. */
export function beginLog(db: Connection, run: number, holder: string, accepted: NewEvent): Omit<LogHead, 'epoch'> {
  const status = statusWith('queued', [accepted]);
  const crc = addEvents(db, { run, head: 0, crc: 0 }, [accepted]);
  db.run('INSERT INTO states (run, holder, generation, status) VALUES (?, ?, 1, ?)', run, holder, status);
  return { head: 1, crc, status };
}

export function readEvents(db: Connection, owner: Owner, { runId, after, limit }: EventPage): readonly AgentEvent[] {
  const rows = db.all(
    `SELECT e.seq, e.type, e.at, e.data FROM runs r JOIN events e ON e.run = r.run
      WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`,
    owner.tenantId,
    owner.userId,
    runId,
    after,
    Math.max(0, limit),
  );
  return rows.map(asEvent);
}

export function logHead(db: Connection, owner: Owner, runId: RunId): LogHead | undefined {
  const row = db.get(
    `SELECT r.epoch, s.status, e.seq AS head, e.crc FROM runs r JOIN states s ON s.run = r.run JOIN events e ON ${IS_NEWEST}
      WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ?`,
    owner.tenantId,
    owner.userId,
    runId,
  );
  return row && asHead(row);
}

function openLog(db: Connection, owner: Owner, runId: RunId): OpenLog | undefined {
  const row = db.get(
    `SELECT s.run, s.generation, s.status, e.seq AS head, e.crc FROM runs r JOIN states s ON s.run = r.run JOIN events e ON ${IS_NEWEST}
      WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ?`,
    owner.tenantId,
    owner.userId,
    runId,
  );
  return row && asOpenLog(row);
}

const INSERT = 'INSERT INTO events (run, seq, type, at, crc, data) VALUES (?, ?, ?, ?, ?, ?)';

/** Adds the events and gives the CRC of the log with them. */
function addEvents(db: Connection, log: Pick<OpenLog, 'run' | 'head' | 'crc'>, events: readonly NewEvent[]): number {
  let { crc } = log;
  for (const event of numberEvents(log, events)) {
    crc = event.crc;
    db.run(INSERT, log.run, event.seq, event.type, event.at, crc, event.data);
  }
  return crc;
}
