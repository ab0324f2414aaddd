import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findBinaries } from '../../src/testing/postgres/find-binaries.ts';
import { programEnvironment } from '../../src/testing/postgres/run-program.ts';
import { makeRunnable, type Runnable } from '../../src/testing/postgres/runnable-binaries.ts';
import { privateUrls } from '../../src/testing/postgres/server-urls.ts';
import { placeIn, type ServerPlace } from '../../src/testing/postgres/server-place.ts';
import type { ServerState } from '../../src/testing/postgres/server-state.ts';
import { serverUser, type ServerUser } from '../../src/testing/postgres/server-user.ts';
import { probeAt, startServer } from '../../src/testing/postgres/start-server.ts';
import { until } from './until.ts';

interface Facts {
  readonly folder: string;
  readonly place: ServerPlace;
  readonly runnable: Runnable;
  readonly user: ServerUser | undefined;
  readonly state: ServerState;
}

/** A server of one test, as durable as in production, that is ended without a word and started again. */
export class RestartablePostgres implements AsyncDisposable {
  readonly #facts: Facts;
  #child: ChildProcess | undefined;

  static async start(): Promise<RestartablePostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'eh-restart-'));
    await chmod(folder, 0o711);
    const place = placeIn(folder, 'server');
    await mkdir(place.folder, { mode: 0o711 });
    const binaries = await findBinaries({ source: undefined, path: process.env['PATH'] ?? '' });
    const user = await serverUser();
    const { state } = await startServer({ place, binaries, durable: true, user });
    const runnable = await makeRunnable(binaries, place.folder, user);
    return new RestartablePostgres({ folder, place, runnable, user, state });
  }

  private constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** Over TCP, as the superuser. */
  get url(): string {
    return privateUrls(this.#facts.place, this.#facts.state).tcpUrl;
  }

  get port(): number {
    return this.#facts.state.port;
  }

  /** Ends it as `pg_ctl stop -m immediate` does: nothing is finished, nothing is saved. */
  async crash(): Promise<void> {
    const pid = this.#pid();
    process.kill(pid, 'SIGQUIT');
    await until('the server is gone', () => !isRunning(pid));
  }

  async restart(): Promise<void> {
    const { runnable, user, state, place } = this.#facts;
    this.#child = spawn(join(runnable.bin, 'postgres'), ['-D', state.data, '-p', String(state.port)], {
      cwd: '/',
      env: programEnvironment(runnable.env),
      stdio: 'ignore',
      ...user,
    });
    let ready = false;
    await until('the server answers again', () => {
      void probeAt(place, state.port).then((found) => (ready = found.is === 'ready'));
      return ready;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child?.exitCode === null ? once(this.#child, 'exit') : undefined;
    await this.crash().catch(() => undefined);
    await ended;
    await rm(this.#facts.folder, { recursive: true, force: true });
  }

  #pid(): number {
    return Number.parseInt(readFileSync(join(this.#facts.state.data, 'postmaster.pid'), 'utf8'), 10);
  }
}

/** A process that has ended keeps its number until its parent asks; it is a zombie then. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
