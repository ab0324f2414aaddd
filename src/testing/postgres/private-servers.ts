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

export interface StopOptions {
  /** Whoever holds it. @default false: it ends when nobody holds it any more */
  readonly now?: boolean;
}

/**
 * Ends a server. Resolves with 0 when it and its folder are gone, or with the
 * number of those who hold it, with the last of whom it ends.
 *
 * @throws `DEADLINE` when that takes longer than 30 seconds.
 */
export async function stopServer(place: ServerPlace, { now = false }: StopOptions = {}): Promise<number> {
  const letGo = keepAlive();
  try {
    const until = systemClock.now() + STOP_MS;
    for (;;) {
      const holders = await askToStop(place, now);
      if (holders !== undefined) return holders;
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

/** Who holds it now; `undefined` when there is neither a keeper to ask nor a free place: one of the two comes soon. */
async function askToStop(place: ServerPlace, now: boolean): Promise<number | undefined> {
  const line = await KeeperLine.open(place.keeperAddress);
  if (line !== undefined) {
    const answer = await withDeadline(STOPPING, STOP_MS, systemClock, line.ask({ say: 'stop', now }));
    await line.close();
    return answer?.say === 'held' ? answer.by : 0;
  }
  using taken = await takePlace(place);
  if (taken === undefined) return undefined;
  await clearPlace(place);
  return 0;
}
