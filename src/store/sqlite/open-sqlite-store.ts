/**
 * Opens the log's store: a file in a data folder, a store in memory, or, to look
 * at a folder that another process may hold, a store that is only read.
 */

import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

import { EnginehouseError } from '../../base/errors.ts';
import type { ResourceRegistry } from '../../base/resource-registry.ts';
import type { Limits } from '../../context/limits.ts';
import type { Store } from '../../event/store.ts';
import { CommitQueue } from '../log/commit-queue.ts';
import { LogStore } from '../log/log-store.ts';
import { openForReading, prepareFile, storeFile } from './file.ts';
import { lockFolder } from './folder-lock.ts';
import { InlineWriter } from './inline-writer.ts';
import { IN_MEMORY, openMemory } from './memory.ts';
import { SqliteReader } from './reader.ts';
import { refuseNewer, refuseOlder, schemaVersion } from './schema.ts';
import { asStoreError } from './sqlite-error.ts';
import { ThreadWriter } from './thread-writer.ts';

export interface SqliteStoreOptions {
  /** The data folder, made when it is missing; or ':memory:'. */
  readonly path: string;
  /** The most bytes that the file may have, at least 1 MB. @default what the disk has */
  readonly maxBytes?: number | undefined;
  readonly limits: Pick<Limits, 'commitBytes'>;
  readonly resources: ResourceRegistry;
  /** Names each new log. @default a random id */
  readonly mintEpoch?: (() => string) | undefined;
  /** Read a folder without holding it: every write is refused with `STORE_READ_ONLY`. @default false */
  readonly readOnly?: boolean | undefined;
}

const LEAST_BYTES = 1_048_576;

/**
 * Opens a store. Close it to let go of its folder.
 *
 * @throws `CONFIG_INVALID` for options out of range, `STORE_IN_USE` when another process holds the folder,
 * `STORE_NEWER` when a newer version wrote it, `NOT_FOUND` for a folder without a store that is to be read,
 * `STORE_FULL` or `STORE_FAILED` when the disk refuses.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  check(options);
  if (options.path === IN_MEMORY) return openInMemory(options);
  const folder = resolve(options.path);
  try {
    return await (options.readOnly === true ? openToRead(folder, options) : openFolder(folder, options));
  } catch (error) {
    throw asStoreError(error, storeFile(folder), 'open');
  }
}

function openInMemory(options: SqliteStoreOptions): Store {
  const db = openMemory(options.maxBytes);
  const owned = new AsyncDisposableStack();
  owned.defer(options.resources.opened('store', IN_MEMORY));
  const queue = new CommitQueue(owned.use(new InlineWriter(db, IN_MEMORY)), options.limits);
  return new LogStore('SQLite in memory', {
    where: IN_MEMORY,
    reader: new SqliteReader(db, IN_MEMORY),
    queue,
    mintEpoch: options.mintEpoch,
    owned,
  });
}

async function openFolder(folder: string, options: SqliteStoreOptions): Promise<Store> {
  const file = storeFile(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await using opening = new AsyncDisposableStack();
  opening.defer(options.resources.opened('store', file));
  opening.use(lockFolder(folder));
  prepareFile(file);
  const queue = new CommitQueue(opening.use(new ThreadWriter({ file, maxBytes: options.maxBytes })), options.limits);
  // Closed before the writer: who leaves last folds the log of writes into the file, which is work for the thread.
  const reader = opening.use(openForReading(file));
  await queue.submit({ name: 'dropLeftovers', args: {} });
  return new LogStore(`SQLite at ${file}`, {
    where: file,
    reader: new SqliteReader(reader, file),
    queue,
    mintEpoch: options.mintEpoch,
    owned: opening.move(),
  });
}

async function openToRead(folder: string, options: SqliteStoreOptions): Promise<Store> {
  const file = storeFile(folder);
  if (!existsSync(file)) throw absent(folder, file);
  await using opening = new AsyncDisposableStack();
  opening.defer(options.resources.opened('store', file));
  const reader = opening.use(openForReading(file));
  const found = schemaVersion(reader);
  refuseNewer(file, found);
  refuseOlder(file, found);
  return new LogStore(`SQLite at ${file}, to be read`, {
    where: file,
    reader: new SqliteReader(reader, file),
    owned: opening.move(),
  });
}

function check({ path, maxBytes, readOnly }: SqliteStoreOptions): void {
  if (path.trim() === '') throw refused('path', "must be a folder or ':memory:', got an empty text", path);
  if (path === IN_MEMORY && readOnly === true)
    throw refused('readOnly', 'needs a folder, a store in memory begins empty', readOnly);
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes >= LEAST_BYTES)) {
    throw refused('maxBytes', `must be a whole number from ${LEAST_BYTES} up, got ${String(maxBytes)}`, maxBytes);
  }
}

function refused(option: string, reason: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `store.${option} ${reason}`, { option: `store.${option}`, received });
}

function absent(folder: string, file: string): EnginehouseError {
  const cure = 'Name the data folder with --data or ENGINEHOUSE_DATA.';
  return new EnginehouseError('NOT_FOUND', `${folder} holds no store`, { what: 'store', id: file }, { cure });
}
