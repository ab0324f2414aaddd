/**
 * Where a private server lives. The folder and what is in it are found again by
 * every process that wants the same server:
 *
 *   HOME/                       enginehouse-pg1-UID; ours alone to write
 *     NAME/                     such as npm-18.4-fast: one server, gone when it ends
 *       keeper.sock             where its keeper listens
 *       keeper.pid
 *       server.json             its port and password, for a keeper that adopts it
 *       postgres.log
 *       s/                      its Unix socket; only its user and root can enter
 *       data-RANDOM/
 *     NAME.lock/                held by its keeper; stays, so that nobody holds a removed lock
 *
 *   P1. HOME belongs to this user and no other may write in it, or nothing is started.
 *   P2. Paths of sockets fit into what the system can bind.
 */

import { chmod, lstat, mkdir, statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { EnginehouseError } from '../../base/errors.ts';
import type { Binaries } from './binaries.ts';
import { canReach, type ServerUser } from './server-user.ts';

export interface ServerPlace {
  readonly folder: string;
  readonly lock: string;
  readonly keeperAddress: string;
  /** The folder of the server's Unix socket; `undefined` where PostgreSQL is used over TCP only. */
  readonly sockets: string | undefined;
}

export interface PlaceOptions {
  readonly binaries: Binaries;
  readonly durable: boolean;
  /** HOME, instead of one chosen by free space. */
  readonly home: string | undefined;
}

/** Counted up when what keepers and those who come to them say to each other changes: the two may be of different versions. */
const LANGUAGE = 1;
const MEMORY = '/dev/shm';
const LEAST_FREE_BYTES = 2 ** 30;
/** Bytes that the path of a Unix socket may have, the closing zero not counted. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
const WINDOWS = process.platform === 'win32';

/** The place of this user's server of these programs. Nothing is made. @throws `CONFIG_INVALID` when its path is too long */
export async function serverPlace({ binaries, durable, home }: PlaceOptions): Promise<ServerPlace> {
  const name = `${binaries.source}-${binaries.version}-${durable ? 'durable' : 'fast'}`;
  if (home !== undefined && !fits(home, name)) {
    const message = `the folder for PostgreSQL servers must be at least ${excess(home, name)} bytes shorter, got ${home}`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'folder', received: home });
  }
  return placeIn(home ?? (await chooseHome(name, durable)), name);
}

/** The place of the server `name` in a home. */
export function placeIn(home: string, name: string): ServerPlace {
  const folder = join(home, name);
  return {
    folder,
    lock: `${folder}.lock`,
    keeperAddress: WINDOWS ? `\\\\.\\pipe\\${folder.replaceAll(/[\\/:]/g, '-')}` : join(folder, 'keeper.sock'),
    sockets: WINDOWS ? undefined : join(folder, 's'),
  };
}

/** The path of a server's Unix socket. */
export function socketPath(sockets: string, port: number): string {
  return join(sockets, `.s.PGSQL.${port}`);
}

/** Homes that exist. There may be two, when memory was short at some time. */
export function knownHomes(): readonly string[] {
  return roots()
    .map(homeIn)
    .filter((home) => existsSync(home));
}

/**
 * Makes HOME.
 *
 * @throws `POSTGRES_NOT_STARTED` when HOME is another user's, or out of reach for the user of the server.
 */
export async function makeHome(place: ServerPlace, user: ServerUser | undefined): Promise<void> {
  const home = join(place.lock, '..');
  const mode = user === undefined ? 0o700 : 0o711;
  await mkdir(home, { recursive: true, mode });
  const { uid, mode: found } = await lstat(home);
  if (!WINDOWS && (uid !== process.geteuid?.() || (found & 0o22) !== 0)) {
    throw refused(`${home} can be written by others; remove it, or set ENGINEHOUSE_POSTGRES_FOLDER to another folder`);
  }
  if ((found & mode) !== mode) await chmod(home, mode);
  if (user !== undefined && !(await canReach(join(home, '..'), user, 0o1))) {
    throw refused(`the user ${user.uid}, which a server of root is run as, cannot enter ${home}`);
  }
}

async function chooseHome(name: string, durable: boolean): Promise<string> {
  const fitting = roots().filter((root) => fits(homeIn(root), name));
  for (const root of fitting) {
    if (root !== MEMORY) return homeIn(root);
    if (durable) continue;
    // A server that runs there is used, however much it has filled.
    if (existsSync(join(homeIn(root), name)) || (await isRoomyMemory(root))) return homeIn(root);
  }
  return homeIn('/tmp');
}

function roots(): readonly string[] {
  return [...new Set([...(process.platform === 'linux' ? [MEMORY] : []), tmpdir(), ...(WINDOWS ? [] : ['/tmp'])])];
}

function homeIn(root: string): string {
  return join(root, `enginehouse-pg${LANGUAGE}-${process.geteuid?.() ?? userInfo().username}`);
}

async function isRoomyMemory(root: string): Promise<boolean> {
  const space = await statfs(root).catch(() => undefined);
  return space !== undefined && space.bavail * space.bsize >= LEAST_FREE_BYTES;
}

function fits(home: string, name: string): boolean {
  return WINDOWS || excess(home, name) <= 0;
}

function excess(home: string, name: string): number {
  return Buffer.byteLength(socketPath(join(home, name, 's'), 65_535)) - SOCKET_PATH_BYTES;
}

function refused(reason: string): EnginehouseError {
  const step = 'making its folder';
  return new EnginehouseError('POSTGRES_NOT_STARTED', reason, { step, reason });
}
