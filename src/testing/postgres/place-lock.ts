import { mkdir, rm } from 'node:fs/promises';

import { isEnginehouseError } from '../../base/errors.ts';
import { lockFolder } from '../../store/sqlite/folder-lock.ts';
import { endServer } from './end-server.ts';
import type { ServerPlace } from './server-place.ts';
import { readState } from './server-state.ts';

/** Takes a place for this process until disposed; `undefined` when another process has it. The end of a process gives it back. */
export async function takePlace({ lock }: ServerPlace): Promise<Disposable | undefined> {
  await mkdir(lock, { recursive: true, mode: 0o700 });
  try {
    return lockFolder(lock);
  } catch (error) {
    if (isEnginehouseError(error, 'STORE_IN_USE')) return undefined;
    throw error;
  }
}

/** Ends the server that runs in a place, if one does, and removes its folder. Called by the one who has taken the place. */
export async function clearPlace({ folder }: ServerPlace): Promise<void> {
  const state = await readState(folder);
  if (state !== undefined) await endServer(state.data);
  // An initdb whose keeper was killed may make a folder non-empty again, until its files are gone and it fails.
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
