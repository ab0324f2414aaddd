import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Makes an empty database in WAL mode where there is none. SQLite's own way to
 * WAL flushes the disk five times; this one twice, and is as safe: the file has
 * its name only once it is whole.
 */
export function createFile(file: string): void {
  if (existsSync(file)) return;
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const db = new DatabaseSync(draft);
  db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL');
  db.close();
  flush(draft, 'r+');
  renameSync(draft, file);
  // Windows has no such thing as flushing a folder.
  if (process.platform !== 'win32') flush(dirname(file), 'r');
}

function flush(path: string, flags: 'r' | 'r+'): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
