/**
 * The file of a store: `log.sqlite` in the data folder, in write-ahead mode.
 *
 * A commit is on the disk before it is answered (`synchronous=FULL`). The log of
 * writes is folded into the file every 1,000 pages and is cut back to
 * WAL_BYTES when a large commit made it longer.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { number } from '../log/row.ts';
import { Connection } from './connection.ts';
import { migrate, refuseNewer, SCHEMA_VERSION, schemaVersion } from './schema.ts';
import { WritingConnection } from './writing-connection.ts';

const WAL_BYTES = 16_777_216;

/** Another program may read the file, a person's shell perhaps; a thread that writes can wait for it. */
const WRITE_WAIT_MS = 5_000;
/** A reader waits only while another process recovers the log of writes, and it holds the event loop. */
const READ_WAIT_MS = 1_000;

export function storeFile(folder: string): string {
  return join(folder, 'log.sqlite');
}

/**
 * Makes the file or brings an older one up to date.
 *
 * @throws `STORE_NEWER` without having changed anything.
 */
export function prepareFile(file: string): void {
  const found = existsSync(file) ? versionOf(file) : 0;
  refuseNewer(file, found);
  if (found === SCHEMA_VERSION) return;
  using db = openForWriting(file, undefined);
  migrate(db);
}

export function openForReading(file: string): Connection {
  return new Connection(file, { readOnly: true, busyTimeoutMs: READ_WAIT_MS });
}

export function openForWriting(file: string, maxBytes: number | undefined): WritingConnection {
  const db = new WritingConnection(file, { busyTimeoutMs: WRITE_WAIT_MS });
  try {
    db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_BYTES}; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY`,
    );
    limitSize(db, maxBytes);
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Past this size a write fails as on a full disk. A file that is larger already does not grow. */
export function limitSize(db: Connection, maxBytes: number | undefined): void {
  if (maxBytes === undefined) return;
  const pageBytes = number(db.get('PRAGMA page_size') ?? {}, 'page_size');
  db.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageBytes)}`);
}

/** Asked through a connection that cannot write, since closing one that can may change the file. */
function versionOf(file: string): number {
  using db = openForReading(file);
  return schemaVersion(db);
}
