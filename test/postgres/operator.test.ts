/** What docs/postgresql.md tells an operator to do, in its order, on a real server that asks for passwords. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { urlAs } from '../../src/store/postgres/target.ts';
import { startServer } from '../support/command.ts';
import { Moments, untilAborted } from '../support/moments.ts';
import { MIGRATIONS, PostgresApplication } from '../support/postgres-application.ts';
import { asAdmin } from '../support/postgres-database.ts';
import { pipeToPsql, POSTGRES_PROGRAMS, runScript, runSqlFile } from '../support/postgres-programs.ts';
import { testWith } from '../support/requirements.ts';

const execute = promisify(execFile);

const FIRST = 'the first secret of at least thirty-two characters';
const SECOND = 'the second secret, which is as long as the first one';

/** The URL without a login: with a secret a runtime needs no other. */
function withoutLogin(url: string): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

/** Makes the database ready as a start does, and says the secret. */
const READY = `
  import { readyDatabase } from ${JSON.stringify(new URL('../../src/store/postgres/ready-database.ts', import.meta.url).href)};
  const { secret } = await readyDatabase({ url: process.env.DATABASE_URL }, ${JSON.stringify(MIGRATIONS)});
  console.log(secret);
`;

test('twelve processes that start at once on an empty database migrate it once', async () => {
  await using app = await PostgresApplication.open();
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', READY];
  const env = { DATABASE_URL: app.url };

  const said = await Promise.all(
    Array.from({ length: 12 }, async () => (await execute(process.execPath, args, { env, timeout: 55_000 })).stdout),
  );

  expect(new Set(said)).toEqual(new Set([said[0]]));
  expect(await app.sql('SELECT part, name FROM enginehouse.migrations ORDER BY 1, 2')).toEqual([
    { part: 'data', name: '001_words' },
    { part: 'system', name: '001_tables' },
  ]);
}, 60_000);

testWith(
  POSTGRES_PROGRAMS,
  'roles made by a superuser, a migration before the start, hardening, backup, removal',
  async (bin) => {
    await using app = await PostgresApplication.open({ source: 'installed' });
    const [database, migrator, backup] = [`${app.name}_live`, `${app.name}_migrator`, `${app.name}_backup`];
    await using owned = new AsyncDisposableStack();
    owned.defer(
      async () => void (await asAdmin(app.server.adminUrl, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)),
    );
    const variables = { database, migrator, migrator_password: 'm', backup, backup_password: 'b' };
    const args = Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
    const live = app.server.urlOf(database, { tcp: true });
    const secret = { ENGINEHOUSE_DATABASE_SECRET: FIRST };
    const runtime = { ...secret, DATABASE_URL: withoutLogin(live) };

    await runSqlFile('prepare.sql', { bin, url: app.server.tcpUrl, args });
    const migrated = await app.command(['database', 'migrate'], {
      ...secret,
      DATABASE_URL: urlAs(live, migrator, 'm'),
    });
    const open = await app.command(['doctor', '--sql'], runtime);
    await pipeToPsql(open.stdout, { bin, url: live });
    const closed = await app.findings(runtime);
    await using server = startServer(app.at(runtime));
    const { url } = await server.ready();
    const answer = await fetch(`${url}/health/ready`);
    await runScript('backup.sh', { bin, url: urlAs(live, backup, 'b'), args: [app.folder.join('backup')] });
    const seen = await runSqlFile('monitor.sql', { bin, url: urlAs(live, backup, 'b') });
    server.kill('SIGTERM');
    await server.ended;
    await runSqlFile('remove.sql', { bin, url: live });
    const removed = await app.findings({ DATABASE_URL: live });

    expect(migrated).toMatchObject({ exitCode: 0, stderr: '' });
    expect(open.stdout).toMatch(/^-- advisory locks: .+\nREVOKE EXECUTE /m);
    expect(closed.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(answer.status).toBe(200);
    expect(seen).toMatch(/_live_system \| enginehouse \S+ \d+@\S+ +\| idle in transaction \| +1 \|/);
    expect(seen).toMatch(/^ enginehouse\.events +\| \d+ kB/m);
    expect(removed.find(({ name }) => name === 'schema')?.says).toBe('none yet, the first start makes it');
    expect(await asAdmin(live, `SELECT FROM pg_roles WHERE starts_with(rolname, '${database}_')`)).toEqual([]);
  },
);

const ada = (runId: string): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId });

function start(app: PostgresApplication, moments: Moments, secret: string): Promise<EnginehouseRuntime> {
  const waiter = defineAgent({
    name: 'waiter',
    run: async ({ attempt, signal, say }) => {
      await say('waiting');
      moments.tell('it waits');
      return attempt === 1 ? untilAborted(signal) : 'done';
    },
  });
  const limits = { drainTimeoutMs: 0, cancelGraceMs: 100 };
  const config = { agents: [waiter], database: { migrations: MIGRATIONS }, limits, store: { url: app.url, secret } };
  return startup({ ...config, log: 'silent', server: { listen: false } }, { env: {} });
}

async function eventsOf(runtime: EnginehouseRuntime, context: UserExecutionContext): Promise<readonly AgentEvent[]> {
  return (await Array.fromAsync(runtime.bridge.follow(context, context.runId, 0))).flat();
}

test('a new secret shuts a running runtime out until it is started with it, and loses nothing', async () => {
  await using app = await PostgresApplication.open();
  const moments = new Moments();
  await app.migrate({ ENGINEHOUSE_DATABASE_SECRET: FIRST });
  await using first = await start(app, moments, FIRST);
  await first.factory.startRun(ada('waits'), 'waiter', null);
  await moments.of('it waits');

  await app.migrate({ ENGINEHOUSE_DATABASE_SECRET: SECOND });
  const refused = first.factory.startRun(ada('late'), 'waiter', null);
  await expect(refused).rejects.toMatchObject({ code: 'STORE_FAILED' });
  const seen = await first.store.for(ada('waits')).runs.list({ limit: 10 });
  await first.close();
  await expect(start(app, moments, FIRST)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await using second = await start(app, moments, SECOND);
  const events = await eventsOf(second, ada('waits'));

  expect(seen).toEqual([]);
  expect(events.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 'done' } });
});

test('with a secret a start migrates nothing, and says what waits', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate({ ENGINEHOUSE_DATABASE_SECRET: FIRST });
  const database = { migrations: { ...MIGRATIONS, '002_more': 'CREATE TABLE more (a INTEGER)' } };

  const started = startup({ agents: [], database, store: { url: app.url, secret: FIRST }, log: 'silent' }, { env: {} });

  await expect(started).rejects.toMatchObject({ code: 'MIGRATION_PENDING', details: { pending: ['002_more'] } });
  expect(await app.sql("SELECT to_regclass('enginehouse_data.more') AS made")).toEqual([{ made: null }]);
});

test('a secret that the operator keeps is not replaced by a command that does not say it', async () => {
  await using app = await PostgresApplication.open();
  await app.migrate({ ENGINEHOUSE_DATABASE_SECRET: FIRST });

  const [migrated, started] = [await app.command(['database', 'migrate']), await app.command(['start', '--port', '0'])];

  for (const { exitCode, stderr } of [migrated, started]) {
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/CONFIG_INVALID.+ENGINEHOUSE_DATABASE_SECRET/);
  }
  expect((await app.findings({ ENGINEHOUSE_DATABASE_SECRET: FIRST })).filter(({ status }) => status !== 'ok')).toEqual(
    [],
  );
});
