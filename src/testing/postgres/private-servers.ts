import { readdir } from 'node:fs/promises';

import { sleep, systemClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError } from '../../base/errors.ts';
import { keepAlive } from '../../base/keep-alive.ts';
import { KeeperLine } from './keeper-line.ts';
import { clearPlace, takePlace } from './place-lock.ts';
import { placeIn, type ServerPlace } from './server-place.ts';
import { readState } from './server-state.ts';
import { type ServerUrls, privateUrls } from './server-urls.ts';
import { probeAt } from './start-server.ts';

const STOP_MS = 30_000;
const LOOK_MS = 20;
const STOPPING = 'stopping the PostgreSQL server';

/** A server of this user, or what a killed one left behind. */
export interface PrivateServer {
  /** Such as `npm-18.4-fast`. */
  readonly name: string;
  readonly place: ServerPlace;
  /** Ways to it, when it answers. */
  readonly urls: ServerUrls | undefined;
}

/** The servers whose folders are in one of `homes`. */
export async function privateServers(homes: readonly string[]): Promise<readonly PrivateServer[]> {
  const found: PrivateServer[] = [];
  for (const home of homes) {
    for (const name of await readdir(home).catch(() => [])) {
      if (!name.endsWith('.lock')) found.push(await privateServer(home, name));
    }
  }
  return found;
}

/**
 * Ends a server at once, whoever holds it; resolves when it and its folder are gone.
 *
 * @throws `DEADLINE` when that takes longer than 30 seconds.
 */
export async function stopServer(place: ServerPlace): Promise<void> {
  const letGo = keepAlive();
  try {
    const until = systemClock.now() + STOP_MS;
    while (!(await isStopped(place))) {
      if (systemClock.now() > until) {
        const message = `${STOPPING} did not end within ${STOP_MS} ms`;
        throw new EnginehouseError('DEADLINE', message, { what: STOPPING, timeoutMs: STOP_MS });
      }
      await sleep(systemClock, LOOK_MS);
    }
  } finally {
    letGo();
  }
}

async function privateServer(home: string, name: string): Promise<PrivateServer> {
  const place = placeIn(home, name);
  const state = await readState(place.folder);
  const answers = state !== undefined && (await probeAt(place, state.port)).is === 'ready';
  return { name, place, urls: answers ? privateUrls(place, state) : undefined };
}

/** False when there is neither a keeper to ask nor a free place: one of the two comes soon. */
async function isStopped(place: ServerPlace): Promise<boolean> {
  const line = await KeeperLine.open(place.keeperAddress);
  if (line !== undefined) {
    await withDeadline(STOPPING, STOP_MS, systemClock, line.ask({ say: 'stop' }));
    return true;
  }
  using taken = await takePlace(place);
  if (taken === undefined) return false;
  await clearPlace(place);
  return true;
}
