import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { privateServers, stopServer } from '../../src/testing/postgres/private-servers.ts';
import type { TestPostgresOptions } from '../../src/testing/postgres/postgres-options.ts';
import { isAlive } from './data-process.ts';
import { until } from './until.ts';

/** A folder for the private servers of one test, which are ended with it. */
export class PostgresHome implements AsyncDisposable {
  readonly folder: string;

  static async make(): Promise<PostgresHome> {
    const folder = await mkdtemp(join(tmpdir(), 'eh-pg-'));
    // Where tests run as root, another user must find its way in.
    await chmod(folder, 0o711);
    return new PostgresHome(folder);
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Options for a server in this home, which ends as soon as nobody holds it. */
  options(more: TestPostgresOptions = {}): TestPostgresOptions {
    return { folder: this.folder, graceMs: 0, ...more };
  }

  /** The folders of servers, dead or alive. */
  async servers(): Promise<readonly string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names.filter((name) => !name.endsWith('.lock')).map((name) => join(this.folder, name));
  }

  /** The folder of the only server. */
  async server(): Promise<string> {
    const [only = '', ...others] = await this.servers();
    if (only === '' || others.length > 0)
      throw new Error(`one server was expected, got ${[only, ...others].join(', ')}`);
    return only;
  }

  async keeperPid(): Promise<number> {
    return Number(await readFile(join(await this.server(), 'keeper.pid'), 'utf8'));
  }

  async serverPid(): Promise<number> {
    const { data } = JSON.parse(await readFile(join(await this.server(), 'server.json'), 'utf8')) as { data: string };
    return Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'), 10);
  }

  /** Kills the keeper as the system does when memory runs out, and waits until it is gone. */
  async killKeeper(): Promise<void> {
    const pid = await this.keeperPid();
    process.kill(pid, 'SIGKILL');
    await until('the keeper is gone', () => !isRunning(pid));
  }

  /** Waits until another keeper than `pid` looks after the server. */
  async anotherKeeper(pid: number): Promise<void> {
    const file = join(await this.server(), 'keeper.pid');
    await until('another keeper has come', () => Number(readFileSync(file, 'utf8')) !== pid);
  }

  /** Waits until nothing is left of the server in `folder`. */
  async gone(folder: string, pid: number): Promise<void> {
    await until('the server is gone', () => !existsSync(folder) && !isRunning(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { place } of await privateServers([this.folder])) await stopServer(place, { now: true });
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A process that has ended is still listed until its parent asks, which the first process of a container may never do. */
function isRunning(pid: number): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return isAlive(pid) && !stat.includes(') Z ');
}
