/**
 * A backup of a PostgreSQL database that is in use, made and restored by the
 * scripts that docs/postgresql.md quotes, onto another server that knows nothing
 * of the first. What was kept is there, with its owners; what had not ended goes on.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect } from 'vitest';

import { defineAgent, type AgentDefinition } from '../../src/agent/define-agent.ts';
import { crc32 } from '../../src/base/crc32.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { canonicalEvent } from '../../src/context/canonical-event.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { LogHead } from '../../src/event/store.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { serverUser, type ServerUser } from '../../src/testing/postgres/server-user.ts';
import { Folder } from '../support/command.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';
import { MIGRATIONS, PostgresApplication } from '../support/postgres-application.ts';
import { PostgresHome } from '../support/postgres-home.ts';
import { POSTGRES_PROGRAMS, runScript, runSqlFile } from '../support/postgres-programs.ts';
import { testWith } from '../support/requirements.ts';

const SECRET = 'a secret of at least thirty-two characters';
const execute = promisify(execFile);

/** Writes its word into its user's table; `slow` then waits for what is told only on the second server. */
function writer(moments: Moments): AgentDefinition {
  return defineAgent({
    name: 'writer',
    run: async ({ input, artifacts, attempt, database, say, signal, step }) => {
      const word = String(input);
      await step('write', () =>
        database.transaction(async (db) => {
          await db.insertInto('words').values({ word, length: word.length }).execute();
          return null;
        }),
      );
      await artifacts.create(`report on ${word}`, { title: word, kind: 'file', mediaType: 'text/plain' });
      await say(`wrote ${word}`);
      if (word === 'slow' && attempt === 1) {
        moments.tell('slow waits');
        await untilAborted(signal);
      }
      const words = await step('read', () =>
        database.transaction((db) => db.selectFrom('words').select('word').orderBy('word').execute()),
      );
      return words.map((row) => String(row['word']));
    },
  });
}

function start(url: string, moments: Moments, env: Readonly<Record<string, string>> = {}): Promise<EnginehouseRuntime> {
  const limits = { drainTimeoutMs: 0, cancelGraceMs: 100 };
  const config = { agents: [writer(moments)], database: { migrations: MIGRATIONS }, limits, store: { url } };
  return startup({ ...config, log: 'silent', server: { listen: false } }, { env });
}

const of = (userId: string, runId: string): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId, threadId: 't1', runId });

/** Everything of ada and of bob: one run of each that has ended, and one of ada that waits. */
async function work(runtime: EnginehouseRuntime, moments: Moments): Promise<void> {
  await run(runtime, of('ada', 'ended'), 'otter');
  await run(runtime, of('bob', 'ended'), 'badger');
  await runtime.factory.startRun(of('ada', 'waits'), 'writer', 'slow');
  await moments.of('slow waits');
}

async function run(runtime: EnginehouseRuntime, context: UserExecutionContext, word: string): Promise<void> {
  await using engine = await runtime.factory.createForUser(context);
  expect(await engine.executeAgent('writer', word).result).toMatchObject({ status: 'completed', result: [word] });
}

/** Every row of the log and of the application, and who may see it: what must be the same afterwards. */
async function contents(app: PostgresApplication): Promise<unknown> {
  const events = await app.sql(`
    SELECT r.owner, r.run_id, e.seq, e.type, e.at, e.crc, e.data, e.owner AS event_owner
      FROM enginehouse.events e JOIN enginehouse.runs r USING (run) ORDER BY 1, 2, 3`);
  const words = await app.sql('SELECT * FROM enginehouse_data.words ORDER BY word');
  const policies = await app.sql(`
    SELECT schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check
      FROM pg_policies WHERE schemaname LIKE 'enginehouse%' ORDER BY 1, 2, 3`);
  const tables = await app.sql(`
    SELECT c.oid::regclass::text, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole::text, c.relacl::text
      FROM pg_class c WHERE c.relnamespace::regnamespace::text LIKE 'enginehouse%' ORDER BY 1`);
  const artifacts = await app.sql(
    'SELECT * FROM enginehouse.artifacts JOIN enginehouse.pieces USING (artifact) ORDER BY 1',
  );
  return { events, words, artifacts, policies, tables };
}

interface Log {
  readonly head: LogHead | undefined;
  readonly events: readonly AgentEvent[];
}

/** The logs of all runs, as their owners read them; each is proven by its own count and CRC. */
async function logsOf(runtime: EnginehouseRuntime): Promise<{ readonly ended: readonly Log[]; readonly waits: Log }> {
  const log = async (context: UserExecutionContext): Promise<Log> => {
    const { log: kept } = runtime.store.for(context);
    const [head, events] = [await kept.head(context.runId), await kept.read(context.runId, 0, 1_000)];
    expect(head).toMatchObject({ head: events.length, crc: crcOf(events) });
    return { head, events };
  };
  return {
    ended: [await log(of('ada', 'ended')), await log(of('bob', 'ended'))],
    waits: await log(of('ada', 'waits')),
  };
}

function crcOf(events: readonly AgentEvent[]): number {
  return events.reduce((crc, event) => crc32(canonicalEvent(event), crc), 0);
}

/** The whole log of a run, once it has ended. */
async function eventsOf(runtime: EnginehouseRuntime, context: UserExecutionContext): Promise<readonly AgentEvent[]> {
  return (await Array.fromAsync(runtime.bridge.follow(context, context.runId, 0))).flat();
}

async function wordsOf(runtime: EnginehouseRuntime, context: UserExecutionContext): Promise<readonly unknown[]> {
  await using engine = await runtime.factory.createForUser(context);
  const rows = await engine.databaseSessionManager.transaction((db) => db.selectFrom('words').selectAll().execute());
  return rows.map((row) => row['word']);
}

/** What is not in order, but for a server that does not wait for its disk, as those of tests do not. */
function faults(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ status, name }) => status !== 'ok' && name !== 'settings')
    .map(({ status, name }) => `${status} ${name}`);
}

interface House {
  readonly app: PostgresApplication;
  readonly other: PostgresApplication;
  readonly folder: Folder;
}

/** A database in use, one that is empty on another server, and a place for the backup. */
async function house(owned: AsyncDisposableStack): Promise<House> {
  const homes = [owned.use(await PostgresHome.make()), owned.use(await PostgresHome.make())];
  const [app, other] = await Promise.all(
    homes.map((home) => PostgresApplication.open(home.options({ source: 'installed', durable: false }))),
  );
  if (app === undefined || other === undefined) throw new Error('there are two homes');
  return { app: owned.use(app), other: owned.use(other), folder: owned.use(await Folder.open()) };
}

/** A copy of a server's whole folder, run as the user that servers of tests are run as. */
class CopiedServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #bin: string;
  readonly #user: ServerUser | undefined;

  static async make(bin: string): Promise<CopiedServer> {
    return new CopiedServer(await mkdtemp(join(tmpdir(), 'eh-copy-')), bin, await serverUser());
  }

  private constructor(folder: string, bin: string, user: ServerUser | undefined) {
    this.#folder = folder;
    this.#bin = bin;
    this.#user = user;
  }

  async take(url: string): Promise<void> {
    await runScript('copy-server.sh', { bin: this.#bin, url, args: [join(this.#folder, 'data'), '--no-sync'] });
    if (this.#user === undefined) return;
    const { uid, gid } = this.#user;
    await execute('chown', ['-R', `${uid}:${gid}`, this.#folder]);
  }

  /** Resolves with the URL of the same database there. */
  async start(url: string): Promise<string> {
    const there = new URL(url);
    there.port = await freePort();
    await this.#control('start', '-l', join(this.#folder, 'log'), '-o', `-p ${there.port} -k ''`);
    return there.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control('stop', '-m', 'immediate').catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #control(...args: readonly string[]): Promise<void> {
    const options = { cwd: '/', timeout: 60_000, ...this.#user };
    await execute(join(this.#bin, 'pg_ctl'), ['-D', join(this.#folder, 'data'), '-w', ...args], options);
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

testWith(
  POSTGRES_PROGRAMS,
  'a backup of a running database starts on another server, and its runs go on',
  async (bin) => {
    await using owned = new AsyncDisposableStack();
    const { app, other, folder } = await house(owned);
    const backup = await app.login('backup', 'BYPASSRLS');
    await app.sql(`GRANT pg_read_all_data TO ${backup.role}`);
    const moments = new Moments();
    await using first = await start(app.url, moments);
    await work(first, moments);

    await runScript('backup.sh', { bin, url: backup.url, args: [folder.join('backup')] });
    const [kept, logs] = [await contents(app), await logsOf(first)];
    await first.close();
    await runScript('restore.sh', { bin, url: other.url, args: [folder.join('backup')] });
    const restored = await contents(other);
    await using second = await start(other.url, moments);
    const went = await eventsOf(second, of('ada', 'waits'));

    expect(restored).toEqual(kept);
    expect(second.recoveredRuns).toBe(1);
    expect((await logsOf(second)).ended).toEqual(logs.ended);
    expect(went.slice(0, logs.waits.events.length)).toEqual(logs.waits.events);
    expect(went.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: ['otter', 'slow'] } });
    checkRunLog(went);
    // Who followed the run on the first server may have seen more of it than the backup has, so it is another log.
    expect((await logsOf(second)).waits.head?.epoch).not.toBe(logs.waits.head?.epoch);
    expect(await second.store.for(of('bob', 'x')).runs.get(of('ada', 'waits').runId)).toBeUndefined();
    expect(await wordsOf(second, of('bob', 'x'))).toEqual(['badger']);
    expect(faults(await other.findings())).toEqual(['warn lock']);
  },
);

testWith(
  POSTGRES_PROGRAMS,
  'a role that is no superuser restores it too, and the operator’s secret stays the same',
  async (bin) => {
    await using owned = new AsyncDisposableStack();
    const { app, other, folder } = await house(owned);
    const env = { ENGINEHOUSE_DATABASE_SECRET: SECRET };
    const moments = new Moments();
    await app.migrate(env);
    await using first = await start(app.url, moments, env);
    await work(first, moments);
    const migrator = await other.login('migrator', 'CREATEROLE');
    await other.sql(`ALTER DATABASE ${other.name} OWNER TO ${migrator.role}`);
    const there = { ...env, DATABASE_URL: migrator.url, ENGINEHOUSE_DATABASE_ROLES: app.name };

    await runScript('backup.sh', { bin, url: app.url, args: [folder.join('backup')] });
    const [kept, logs] = [await contents(app), await logsOf(first)];
    await runScript('restore.sh', { bin, url: migrator.url, args: [folder.join('backup')] });
    const restored = await contents(other);
    const early = start(migrator.url, moments, there);
    await expect(early).rejects.toMatchObject({
      code: 'STORE_FAILED',
      cure: expect.stringMatching('migrate') as string,
    });
    await other.migrate(there);
    await using second = await start(migrator.url, moments, there);
    const went = await eventsOf(second, of('ada', 'waits'));

    expect(restored).toEqual(kept);
    expect((await logsOf(second)).ended).toEqual(logs.ended);
    expect(went.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: ['otter', 'slow'] } });
    expect(await wordsOf(second, of('bob', 'x'))).toEqual(['badger']);
    expect(new Set(faults(await other.findings(there)))).toEqual(new Set(['warn hardening', 'warn lock']));
  },
);

testWith(
  POSTGRES_PROGRAMS,
  'a role under row-level security makes no backup, rather than an empty one',
  async (bin) => {
    await using app = await PostgresApplication.open({ source: 'installed', durable: false });
    await using folder = await Folder.open();
    const migrator = await app.login('migrator', 'CREATEROLE');
    await app.sql(`ALTER DATABASE ${app.name} OWNER TO ${migrator.role}`);
    await app.migrate({ DATABASE_URL: migrator.url });
    await app.sql(`INSERT INTO enginehouse.threads VALUES ('["default","ada"]', 't1', 1, 1)`);

    const dumped = await execute(join(bin, 'pg_dump'), ['--enable-row-security', '--data-only', migrator.url]);
    const failed = runScript('backup.sh', { bin, url: migrator.url, args: [folder.join('backup')] });

    await expect(failed).rejects.toThrow(/affected by row-level security policy/);
    expect(await readdir(folder.join('backup'))).toEqual(['roles.sql']);
    expect(dumped.stdout).toMatch(/^COPY enginehouse\.threads .+\n\\\.$/m);
  },
);

testWith(POSTGRES_PROGRAMS, 'a restore into a database that is in use changes nothing there', async (bin) => {
  await using app = await PostgresApplication.open({ source: 'installed', durable: false });
  await using folder = await Folder.open();
  const moments = new Moments();
  await using runtime = await start(app.url, moments);
  await runScript('backup.sh', { bin, url: app.url, args: [folder.join('backup')] });
  await work(runtime, moments);
  const before = await contents(app);

  const failed = runScript('restore.sh', { bin, url: app.url, args: [folder.join('backup')] });

  await expect(failed).rejects.toThrow(/schema "enginehouse" already exists/);
  expect(await contents(app)).toEqual(before);
});

testWith(
  POSTGRES_PROGRAMS,
  'a copy of the whole server starts, with its roles, its secret and its runs',
  async (bin) => {
    await using owned = new AsyncDisposableStack();
    const home = owned.use(await PostgresHome.make());
    const app = owned.use(await PostgresApplication.open(home.options({ source: 'installed', durable: false })));
    const copy = owned.use(await CopiedServer.make(bin));
    const moments = new Moments();
    await using first = await start(app.url, moments);
    await work(first, moments);

    await copy.take(app.url);
    const logs = await logsOf(first);
    const url = await copy.start(app.url);
    await runSqlFile('after-restore.sql', { bin, url });
    await using second = await start(url, moments);
    const went = await eventsOf(second, of('ada', 'waits'));

    expect(second.recoveredRuns).toBe(1);
    expect((await logsOf(second)).ended).toEqual(logs.ended);
    expect((await logsOf(second)).waits.head?.epoch).not.toBe(logs.waits.head?.epoch);
    expect(went.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: ['otter', 'slow'] } });
  },
);
