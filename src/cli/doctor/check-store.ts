import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { isEnginehouseError } from '../../base/errors.ts';
import type { Limits } from '../../context/limits.ts';
import type { ResolvedStore } from '../../startup/resolve-config.ts';
import { lockFolder } from '../../store/sqlite/folder-lock.ts';
import { openToRead } from '../store-to-read.ts';
import { failure, finding, type Finding } from './finding.ts';

type SqliteFolder = Extract<ResolvedStore, { readonly kind: 'sqlite' }>;

/** Whether this version can read the store, and whether another process holds it. */
export async function* checkStore(kept: SqliteFolder, limits: Limits): AsyncGenerator<Finding> {
  const { path } = kept;
  if (path === ':memory:') return;
  try {
    await using store = await openToRead(kept, limits);
    const { length } = await store.unfinished();
    const runs = length === 0 ? 'every run has ended' : `${length} runs have not ended`;
    yield finding('ok', 'store', `${store.description}; ${runs}`);
  } catch (error) {
    if (isEnginehouseError(error, 'NOT_FOUND')) {
      yield finding('ok', 'store', 'none yet, the first start makes it');
      return;
    }
    yield failure('store', error);
  }
  yield await checkLock(resolve(path));
}

async function checkLock(folder: string): Promise<Finding> {
  try {
    lockFolder(folder)[Symbol.dispose]();
    return finding('ok', 'lock', 'no process holds the data folder');
  } catch (error) {
    if (!isEnginehouseError(error, 'STORE_IN_USE')) return failure('lock', error);
    const holder = await holderOf(error.details.file);
    const who = holder === undefined ? 'another process' : `process ${holder}`;
    return finding('warn', 'lock', `${who} holds the data folder, so no other one starts on it`, error.cure);
  }
}

/** The process that holds a lock on the file, where the system tells (Linux). */
async function holderOf(file: string): Promise<number | undefined> {
  try {
    const [locks, { ino }] = await Promise.all([readFile('/proc/locks', 'utf8'), stat(file)]);
    const lock = locks.split('\n').find((line) => line.includes(`:${ino} `));
    const pid = Number(lock?.trim().split(/\s+/)[4]);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
