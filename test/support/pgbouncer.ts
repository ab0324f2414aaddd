import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { serverUser } from '../../src/testing/postgres/server-user.ts';
import { until } from './until.ts';

/** PgBouncer in transaction mode before a server: a connection is lent for one transaction only. */
export class PgBouncer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #said = '';

  /** @param server - the URL of its superuser, over TCP */
  static async start(program: string, server: string): Promise<PgBouncer> {
    const folder = await mkdtemp(join(tmpdir(), 'eh-pgbouncer-'));
    // Where tests run as root, another user must find its way in.
    await chmod(folder, 0o755);
    const port = await freePort();
    const { hostname, port: serverPort, username, password } = new URL(server);
    const users = join(folder, 'users.txt');
    await writeFile(users, `"${username}" "${decodeURIComponent(password)}"\n`);
    const config = join(folder, 'pgbouncer.ini');
    // Those who are not in the file are asked for at the server: the runtime's own roles are made later. No parameter of
    // a connection's start is ignored, so one that PgBouncer does not know is refused.
    await writeFile(
      config,
      `[databases]
* = host=${hostname} port=${serverPort} auth_user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = 8
auth_type = scram-sha-256
auth_file = ${users}
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
${(await keepsNames(program)) ? 'max_prepared_statements = 0\n' : ''}`,
    );
    const child = spawn(program, [config], { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', ...(await serverUser()) });
    const pooler = new PgBouncer(port, child, folder);
    child.stderr
      .setEncoding('utf8')
      .on('data', (words: string) => (pooler.#said = (pooler.#said + words).slice(-4_000)));
    await until('PgBouncer takes connections', () => pooler.#said.includes('process up'));
    return pooler;
  }

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** The way of a URL through it. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String(this.port);
    return through.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    const ended = once(this.#child, 'exit');
    if (exitCode === null && signalCode === null && this.#child.kill('SIGTERM')) await ended;
    await rm(this.#folder, { recursive: true, force: true });
    if (exitCode !== null || signalCode !== null)
      throw new Error(`PgBouncer ended by itself with ${signalCode ?? exitCode}: ${this.#said}`);
  }
}

/** Newer ones can keep named statements, unless they are told not to. */
async function keepsNames(program: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(program, ['--version']);
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
