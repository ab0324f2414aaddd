/**
 * The log of one run: append, read, head.
 *
 *   L1. An append writes its events, and the run's state when they change it.
 *       Each event carries the CRC of the log up to it, so the newest one says
 *       where the log stands, and event 10,000 costs what event 10 did.
 *   L2. It checks everything before it writes.
 *   L3. The status moves in the same transaction as the events.
 */

import { crc32 } from 'node:zlib';

import { EnginehouseError } from '../../base/errors.ts';
import { canonicalEventText } from '../../context/canonical-event.ts';
import type { AgentEvent, EventType } from '../../context/event.ts';
import type { Owner, RunId } from '../../context/ids.ts';
import { isFinal, isTerminal, statusAfter, type RunStatus } from '../../context/run-status.ts';
import type { Append, LogHead, NewEvent } from '../../event/store.ts';
import type { Connection } from './connection.ts';
import type { OpenLog } from './open-logs.ts';
import { number, text, type Row } from './row.ts';
import { touchThreadOf } from './threads.ts';
import type { WritingConnection } from './writing-connection.ts';

/** Joins a run `r` with its last event `e`, by one search of the index. */
export const IS_NEWEST = 'e.run = r.run AND e.seq = (SELECT max(seq) FROM events WHERE run = r.run)';

export interface AppendArgs extends Append {
  readonly owner: Owner;
  readonly runId: RunId;
}

/** @throws `NOT_FOUND`, `LEASE_LOST`, `RUN_ENDED`, `LOG_CONFLICT` as the port says. */
export function appendEvents(db: WritingConnection, args: AppendArgs): number {
  const { owner, runId, events } = args;
  const log = db.logs.find(owner, runId, () => openLog(db, owner, runId));
  if (log === undefined)
    throw new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
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

export interface EventPage {
  readonly runId: RunId;
  readonly after: number;
  readonly limit: number;
}

export function logHead(db: Connection, owner: Owner, runId: RunId): LogHead | undefined {
  const row = db.get(
    `SELECT r.epoch, s.status, e.seq, e.crc FROM runs r JOIN states s ON s.run = r.run JOIN events e ON ${IS_NEWEST}
      WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ?`,
    owner.tenantId,
    owner.userId,
    runId,
  );
  return row && asHead(row);
}

export function asHead(row: Row): LogHead {
  return { head: number(row, 'seq'), epoch: text(row, 'epoch'), crc: number(row, 'crc'), status: asStatus(row) };
}

function openLog(db: Connection, owner: Owner, runId: RunId): OpenLog | undefined {
  const row = db.get(
    `SELECT s.run, s.generation, s.status, e.seq, e.crc FROM runs r JOIN states s ON s.run = r.run JOIN events e ON ${IS_NEWEST}
      WHERE r.tenant_id = ? AND r.user_id = ? AND r.run_id = ?`,
    owner.tenantId,
    owner.userId,
    runId,
  );
  return (
    row && {
      run: number(row, 'run'),
      generation: number(row, 'generation'),
      head: number(row, 'seq'),
      crc: number(row, 'crc'),
      status: asStatus(row),
    }
  );
}

function refuseIntruder(log: OpenLog, { runId, generation, after, events }: AppendArgs): void {
  if (generation !== log.generation) {
    const message = `run ${runId} is held by generation ${log.generation}, not ${generation}`;
    throw new EnginehouseError('LEASE_LOST', message, { runId, generation });
  }
  const afterTheEnd = events.findIndex(({ type }) => isTerminal(type)) + 1;
  if (isFinal(log.status) || (afterTheEnd > 0 && afterTheEnd < events.length)) {
    throw new EnginehouseError('RUN_ENDED', `run ${runId} has ended, nothing can be written after that`, { runId });
  }
  if (after !== log.head) {
    const message = `run ${runId} has ${log.head} events, the append expected ${after}`;
    throw new EnginehouseError('LOG_CONFLICT', message, { runId, expected: after, head: log.head });
  }
}

const INSERT = 'INSERT INTO events (run, seq, type, at, crc, data) VALUES (?, ?, ?, ?, ?, ?)';

/** Adds the events and gives the CRC of the log with them. */
function addEvents(db: Connection, log: Pick<OpenLog, 'run' | 'head' | 'crc'>, events: readonly NewEvent[]): number {
  let { head, crc } = log;
  for (const { type, at, data } of events) {
    head += 1;
    crc = crc32(canonicalEventText(head, type, at, data), crc);
    db.run(INSERT, log.run, head, type, at, crc, data);
  }
  return crc;
}

function statusWith(before: RunStatus, events: readonly NewEvent[]): RunStatus {
  return events.reduce((status, { type }) => statusAfter(type) ?? status, before);
}

function asStatus(row: Row): RunStatus {
  // A parse boundary: only statusAfter() makes what is written there.
  return text(row, 'status') as RunStatus;
}

function asEvent(row: Row): AgentEvent {
  // A parse boundary: type and data were checked against the vocabulary before they were written.
  return {
    seq: number(row, 'seq'),
    type: text(row, 'type') as EventType,
    at: number(row, 'at'),
    data: JSON.parse(text(row, 'data')),
  } as AgentEvent;
}
