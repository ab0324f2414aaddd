import { join } from 'node:path';

import { EnginehouseError } from '../../base/errors.ts';
import { Connection } from './connection.ts';
import { isBusy } from './sqlite-error.ts';

/**
 * Holds a data folder for this process, until disposed. The operating system
 * lets go of it when the process ends, however it ends: it is SQLite's own lock
 * on an empty file beside the store.
 *
 * @throws `STORE_IN_USE` when another process, or this one, holds the folder.
 */
export function lockFolder(folder: string): Disposable {
  const file = join(folder, 'lock.sqlite');
  const lock = new Connection(file, { busyTimeoutMs: 0 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    if (!isBusy(error)) throw error;
    throw new EnginehouseError('STORE_IN_USE', `${folder} is in use by another process`, { file }, { cause: error });
  }
}
