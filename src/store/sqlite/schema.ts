/**
 * The tables of the log, and how an older file becomes a current one.
 *
 *   T1. Every row is of one owner: it carries tenant and user, or the key of a
 *       row that does. Integer keys never leave this folder.
 *   T2. What a run is (`runs`) never changes; who writes it and how it goes
 *       (`states`) changes a few times; where its log stands is said by its
 *       newest event. So an append writes events and mostly nothing else,
 *       however long the run and however large its context.
 *   T3. An artifact without a digest is being written; nobody can see it.
 *   T4. A migration that was published is never changed. The file's
 *       `user_version` counts those that ran.
 *
 * Times are REAL, JavaScript's own number, so that every one is kept exactly.
 */

import { EnginehouseError } from '../../base/errors.ts';
import { number } from '../log/row.ts';
import type { Connection } from './connection.ts';

const TABLES = `
CREATE TABLE threads (
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_at REAL NOT NULL,
  PRIMARY KEY (tenant_id, user_id, thread_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_newest ON threads (tenant_id, user_id, updated_at, thread_id);

CREATE TABLE runs (
  run INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  agent TEXT NOT NULL,
  version TEXT NOT NULL,
  origin TEXT NOT NULL,
  parent_run_id TEXT,
  input_digest TEXT NOT NULL,
  context TEXT NOT NULL,
  epoch TEXT NOT NULL,
  accepted_at REAL NOT NULL,
  UNIQUE (tenant_id, user_id, run_id)
) STRICT;
CREATE INDEX runs_newest ON runs (tenant_id, user_id, accepted_at, run_id);
CREATE INDEX runs_by_thread ON runs (tenant_id, user_id, thread_id, accepted_at, run_id);
CREATE INDEX runs_by_parent ON runs (tenant_id, user_id, parent_run_id, accepted_at, run_id) WHERE parent_run_id IS NOT NULL;

CREATE TABLE states (
  run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  holder TEXT NOT NULL,
  generation INTEGER NOT NULL,
  status TEXT NOT NULL,
  ended_at REAL
) STRICT;
CREATE INDEX states_unfinished ON states (run) WHERE ended_at IS NULL;

CREATE TABLE events (
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  at REAL NOT NULL,
  crc INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) STRICT;

CREATE TABLE commands (
  command INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  op TEXT NOT NULL,
  args TEXT NOT NULL,
  at REAL NOT NULL,
  applied_seq INTEGER,
  UNIQUE (tenant_id, user_id, command_id)
) STRICT;
CREATE INDEX commands_by_run ON commands (run, command);

CREATE TABLE artifacts (
  artifact INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  artifact_id TEXT NOT NULL,
  run_id TEXT,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  media_type TEXT NOT NULL,
  created_at REAL NOT NULL,
  bytes INTEGER,
  digest TEXT
) STRICT;
CREATE UNIQUE INDEX artifacts_whole ON artifacts (tenant_id, user_id, artifact_id) WHERE digest IS NOT NULL;
CREATE INDEX artifacts_unfinished ON artifacts (artifact) WHERE digest IS NULL;
CREATE INDEX artifacts_by_run ON artifacts (tenant_id, user_id, run_id) WHERE run_id IS NOT NULL;

CREATE TABLE pieces (
  artifact INTEGER NOT NULL REFERENCES artifacts ON DELETE CASCADE,
  place INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (artifact, place)
) STRICT, WITHOUT ROWID;
`;

const MIGRATIONS: readonly string[] = [TABLES];

/** The newest schema that this version of Enginehouse knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Makes the tables, or brings an older file up to date, in one transaction. */
export function migrate(db: Connection): void {
  const found = schemaVersion(db);
  if (found >= SCHEMA_VERSION) return;
  const missing = MIGRATIONS.slice(found).join('\n');
  db.transaction(() => db.exec(`${missing}\nPRAGMA user_version = ${SCHEMA_VERSION}`));
}

/** How many migrations ran on the file; 0 for an empty one. */
export function schemaVersion(db: Connection): number {
  const row = db.get('PRAGMA user_version');
  return row === undefined ? 0 : number(row, 'user_version');
}

/** @throws `STORE_NEWER` when a newer version of Enginehouse wrote the file. */
export function refuseNewer(file: string, found: number): void {
  if (found <= SCHEMA_VERSION) return;
  const message = `${file} has schema ${found}, this version knows up to ${SCHEMA_VERSION}`;
  throw new EnginehouseError('STORE_NEWER', message, { file, found, known: SCHEMA_VERSION });
}

/** For who reads and may not migrate. @throws `STORE_FAILED` when the file waits for migrations. */
export function refuseOlder(file: string, found: number): void {
  if (found >= SCHEMA_VERSION) return;
  const reason = `${file} has schema ${found}, this version reads ${SCHEMA_VERSION}`;
  throw new EnginehouseError(
    'STORE_FAILED',
    reason,
    { operation: 'open', reason },
    { cure: 'Start this version on the folder once.' },
  );
}
