/**
 * Makes a fresh server in its place: a new data folder, its settings, a free
 * port, the process. It is the keeper's child.
 *
 *   F1. It listens on 127.0.0.1 with a random password, and on a Unix socket in a
 *       folder that only its user and root can enter; nowhere else.
 *   F2. What a later keeper needs is written down before the process is started.
 *   F3. Unless it is `durable`, it never waits for a disk: a crash of the machine loses it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chown, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';

import { holdingClock, sleep, systemClock } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { Binaries } from './binaries.ts';
import { probeServer } from './probe-server.ts';
import { lastWords, programEnvironment, runProgram } from './run-program.ts';
import { makeRunnable, type Runnable } from './runnable-binaries.ts';
import { type ServerPlace, socketPath } from './server-place.ts';
import { type ServerState, writeState } from './server-state.ts';
import type { ServerUser } from './server-user.ts';

export interface ServerOrder {
  readonly place: ServerPlace;
  readonly binaries: Binaries;
  /** It keeps PostgreSQL's defaults for what a power cut may lose. */
  readonly durable: boolean;
  /** Whom to run as; `undefined` for this process's own user. */
  readonly user: ServerUser | undefined;
}

export interface StartedServer {
  readonly state: ServerState;
  /** Resolves when its process has ended. */
  readonly ended: Promise<unknown>;
}

const INITDB_MS = 60_000;
const ANSWER_MS = 30_000;
const PROBE_MS = 2_000;
const LOOK_MS = 5;
/** How often another process may take the port that was just found free. */
const PORT_ATTEMPTS = 5;
const PORT_TAKEN = 'Address already in use';

/** @throws `POSTGRES_NOT_STARTED` with the last words of its programs, or `DEADLINE`. */
export async function startServer(order: ServerOrder): Promise<StartedServer> {
  const { place, binaries, user } = order;
  const runnable = await makeRunnable(binaries, place.folder, user);
  const password = randomBytes(24).toString('base64url');
  const data = await makeData(order, runnable, password);
  for (let attempt = 1; ; attempt += 1) {
    const state = { port: await freePort(), password, data };
    await writeState(place.folder, state);
    const child = await launch(order, runnable, state);
    const failure = await answers(child, place, state.port);
    if (failure === undefined) return { state, ended: child.ended };
    const words = lastWords(await readFile(logOf(place), 'utf8'));
    if (words.includes(PORT_TAKEN) && attempt < PORT_ATTEMPTS) continue;
    throw notStarted('starting postgres', `${failure}: ${words}`);
  }
}

/** Whether a server answers at this place, and in which version. */
export function probeAt({ sockets }: ServerPlace, port: number): ReturnType<typeof probeServer> {
  const at: NetConnectOpts = sockets === undefined ? { host: '127.0.0.1', port } : { path: socketPath(sockets, port) };
  return probeServer(at, PROBE_MS);
}

async function makeData({ place, durable, user }: ServerOrder, runnable: Runnable, password: string): Promise<string> {
  // A name of its own: an initdb whose keeper was killed may still be writing into another.
  const data = join(place.folder, `data-${randomBytes(4).toString('hex')}`);
  const secret = join(place.folder, 'password');
  await writeFile(secret, password, { mode: 0o600 });
  for (const folder of [data, ...(place.sockets === undefined ? [] : [place.sockets])]) {
    await mkdir(folder, { mode: 0o700 });
    if (user !== undefined) await chown(folder, user.uid, user.gid);
  }
  if (user !== undefined) await chown(secret, user.uid, user.gid);
  const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${secret}`];
  const shape = ['--username=postgres', '--locale=C', '--encoding=UTF8', '--no-sync', '--no-instructions'];
  await runProgram(join(runnable.bin, 'initdb'), [`--pgdata=${data}`, ...shape, ...auth], {
    timeoutMs: INITDB_MS,
    user,
    env: runnable.env,
  });
  await rm(secret);
  await appendFile(join(data, 'postgresql.conf'), settings(place, durable));
  return data;
}

function settings({ sockets = '' }: ServerPlace, durable: boolean): string {
  const always = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    max_connections: '200',
    // What a test provokes on purpose is told to the test; the log is for what happens to the server.
    log_min_messages: 'log',
    log_checkpoints: 'off',
  };
  const fast = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_wal_size: '256MB' };
  const lines = Object.entries({ ...always, ...(durable ? {} : fast) }).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`,
  );
  return `\n${lines.join('\n')}\n`;
}

interface Launched {
  readonly ended: Promise<string>;
  readonly kill: () => void;
}

async function launch({ place, user }: ServerOrder, { bin, env }: Runnable, state: ServerState): Promise<Launched> {
  const log = await open(logOf(place), 'a', 0o600);
  try {
    const child = spawn(join(bin, 'postgres'), ['-D', state.data, '-p', String(state.port)], {
      cwd: '/',
      env: programEnvironment(env),
      stdio: ['ignore', log.fd, log.fd],
      ...user,
    });
    return { ended: endOf(child), kill: () => child.kill('SIGKILL') };
  } finally {
    await log.close();
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${String(code)}`}`));
    child.once('error', (error) => resolve(error.message));
  });
}

/** Resolves when the server takes connections, or with why it does not. */
async function answers({ ended, kill }: Launched, place: ServerPlace, port: number): Promise<string | undefined> {
  const until = systemClock.now() + ANSWER_MS;
  let failure: string | undefined;
  void ended.then((how) => (failure = how));
  for (;;) {
    if ((await probeAt(place, port)).is === 'ready' && failure === undefined) return undefined;
    if (failure !== undefined) return failure;
    if (systemClock.now() > until) {
      kill();
      return `it did not answer within ${ANSWER_MS} ms`;
    }
    await sleep(holdingClock, LOOK_MS);
  }
}

/** PostgreSQL cannot be told to choose a port, so one is found that is free at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw notStarted('finding a free port', 'there is none');
  return address.port;
}

function logOf({ folder }: ServerPlace): string {
  return join(folder, 'postgres.log');
}

function notStarted(step: string, reason: string): EnginehouseError {
  return new EnginehouseError('POSTGRES_NOT_STARTED', `${step} failed: ${reason}`, { step, reason });
}
