/**
 * A real PostgreSQL server for tests.
 *
 *   T1. DATABASE_URL names one, which is used and left alone. Otherwise a private
 *       one is started, of programs that are installed or that npm brought.
 *   T2. A machine has one private server per user, version and durability. Every
 *       process that wants it shares it; it ends a grace after the last one left.
 *   T3. A start that failed is attempted once in a process: who asks again gets the
 *       same cause. A server that was lost is asked for anew.
 *
 * Databases in it are made and dropped elsewhere.
 */

import { join } from 'node:path';

import { findBinaries, postgresNotFound } from './find-binaries.ts';
import { externalVersion } from './external-server.ts';
import { KeptServer } from './kept-server.ts';
import {
  type PostgresSource,
  type ResolvedPostgresOptions,
  resolvePostgresOptions,
  type TestPostgresOptions,
} from './postgres-options.ts';
import { type ServerUrls, externalUrls, privateUrls } from './server-urls.ts';
import { serverPlace } from './server-place.ts';
import { serverUser } from './server-user.ts';

export interface TestPostgres extends ServerUrls, AsyncDisposable {
  /** Such as `15.18`. */
  readonly version: string;
  readonly source: PostgresSource;
  /** The shell command that ends a private server, whoever uses it; `undefined` for another server, and on Windows. */
  readonly stopCommand: string | undefined;
  /** Lets the server go; its URLs may no longer be used. Safe to call twice. */
  release(): Promise<void>;
}

interface Server {
  readonly urls: ServerUrls;
  readonly version: string;
  readonly source: PostgresSource;
  readonly stopCommand: string | undefined;
  /** False when it was lost, and therefore forgotten. */
  readonly isThere: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

interface Shared {
  holders: number;
  readonly server: Promise<Server>;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.postgres');

const place = globalThis as { [KEY]?: Map<string, Shared> };
/** On `globalThis`, because a runner may load this module more than once in a process. */
const shared = (place[KEY] ??= new Map());

/**
 * A server to make databases in, as its superuser. It holds no process open, and
 * a process that is killed lets go of it.
 *
 * @throws `POSTGRES_NOT_FOUND`, `POSTGRES_NOT_STARTED`, `CONFIG_INVALID`, or `DEADLINE` after two minutes.
 * @example
 * await using postgres = await testPostgres();
 * const client = new Client({ connectionString: postgres.adminUrl });
 */
export async function testPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const wanted = resolvePostgresOptions(options);
  const key = JSON.stringify(wanted);
  const known = shared.get(key) ?? share(key, wanted);
  known.holders += 1;
  const { urls, version, source, stopCommand, isThere, close } = await known.server;
  if (!(await isThere())) return testPostgres(options);
  let release = async (): Promise<void> => {
    release = async () => undefined;
    known.holders -= 1;
    if (known.holders > 0) return;
    forget(key, known);
    await close();
  };
  return { ...urls, version, source, stopCommand, release: () => release(), [Symbol.asyncDispose]: () => release() };
}

function share(key: string, wanted: ResolvedPostgresOptions): Shared {
  const made: Shared = { holders: 0, server: open(wanted, () => forget(key, made)) };
  shared.set(key, made);
  return made;
}

function forget(key: string, made: Shared): void {
  if (shared.get(key) === made) shared.delete(key);
}

async function open(wanted: ResolvedPostgresOptions, lost: () => void): Promise<Server> {
  const { source, databaseUrl, durable, folder, graceMs, path } = wanted;
  if (databaseUrl !== undefined && (source ?? 'DATABASE_URL') === 'DATABASE_URL') {
    const version = await externalVersion(databaseUrl);
    const always = { stopCommand: undefined, isThere: async () => true, close: async () => undefined };
    return { urls: externalUrls(databaseUrl), version, source: 'DATABASE_URL', ...always };
  }
  if (source === 'DATABASE_URL') throw postgresNotFound(['DATABASE_URL, which is not set']);
  const binaries = await findBinaries({ source, path });
  const at = await serverPlace({ binaries, durable, home: folder });
  const order = { place: at, binaries, durable, user: await serverUser() };
  const server = await KeptServer.hold(order, { graceMs, lost });
  return {
    urls: privateUrls(at, server.state),
    version: binaries.version,
    source: binaries.source,
    stopCommand: process.platform === 'win32' ? undefined : `kill $(cat '${join(at.folder, 'keeper.pid')}')`,
    isThere: () => server.isThere(),
    close: () => server.close(),
  };
}
