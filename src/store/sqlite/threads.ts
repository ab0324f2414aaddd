/** Threads: made with their first run, moved by each run that is accepted or ends in them. */

import type { Owner, ThreadId } from '../../context/ids.ts';
import type { ThreadRecord } from '../../event/store.ts';
import { asThread } from '../log/records.ts';
import type { Connection } from './connection.ts';

/** Makes the thread, or moves it forward in time. */
export function touchThread(
  db: Connection,
  owner: Owner,
  thread: { readonly threadId: ThreadId; readonly at: number },
): void {
  db.run(
    `INSERT INTO threads (tenant_id, user_id, thread_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)
      ON CONFLICT DO UPDATE SET updated_at = max(updated_at, excluded.updated_at)`,
    owner.tenantId,
    owner.userId,
    thread.threadId,
    thread.at,
  );
}

export function touchThreadOf(db: Connection, run: number, at: number): void {
  db.run(
    `UPDATE threads SET updated_at = max(updated_at, ?)
      WHERE (tenant_id, user_id, thread_id) = (SELECT tenant_id, user_id, thread_id FROM runs WHERE run = ?)`,
    at,
    run,
  );
}

export function getThread(db: Connection, owner: Owner, thread: ThreadId): ThreadRecord | undefined {
  const row = db.get(
    'SELECT thread_id, created_at, updated_at FROM threads WHERE tenant_id = ? AND user_id = ? AND thread_id = ?',
    owner.tenantId,
    owner.userId,
    thread,
  );
  return row && asThread(row);
}

export function listThreads(db: Connection, owner: Owner, limit: number): readonly ThreadRecord[] {
  const rows = db.all(
    `SELECT thread_id, created_at, updated_at FROM threads WHERE tenant_id = ? AND user_id = ?
      ORDER BY updated_at DESC, thread_id DESC LIMIT ?`,
    owner.tenantId,
    owner.userId,
    Math.max(0, limit),
  );
  return rows.map(asThread);
}
