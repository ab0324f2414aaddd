import { execFile } from 'node:child_process';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { closeSharedRuntimes } from '../../src/testing/index.ts';
import { proveClean } from '../../src/testing/prove-clean.ts';
import { privateServers } from '../../src/testing/postgres/private-servers.ts';
import {
  afterAll,
  beforeAll,
  describe,
  ExecutionEngineFactoryTestManager,
  expect,
  type Isolation,
  onBothStores,
  test,
} from '../../src/testing/vitest/index.ts';
import { asAdmin } from '../support/postgres-database.ts';
import { PostgresHome } from '../support/postgres-home.ts';

const agents = [
  defineAgent({ name: 'quick', run: () => 1 }),
  defineAgent({
    name: 'notes',
    run: ({ input, database }) =>
      database.transaction(async (db) => {
        await db
          .insertInto('notes')
          .values({ text: String(input) })
          .execute();
        return (await db.selectFrom('notes').select('text').orderBy('text').execute()).map(({ text }) => text);
      }),
  }),
];
const migrations = { '001_notes': 'CREATE TABLE notes (text TEXT PRIMARY KEY)' };
const config = { agents, database: { migrations, seed: "INSERT INTO notes (text) VALUES ('first')" } };

test.override('runtimeOptions', { config });

afterAll(() => closeSharedRuntimes());

onBothStores((onStore) => {
  test('a test runs on the store that it was given', async ({ store }) => {
    expect(store.description).toContain(onStore === 'postgres' ? 'PostgreSQL' : 'SQLite');
  });

  test('two users have each their own tables, seeded', async ({ runtime, alice, bob }) => {
    const texts = [];
    for (const user of [alice, bob]) {
      await using engine = await runtime.factory.createForUser(user.context());
      texts.push(await engine.executeAgent('notes', 'mine').result);
    }

    expect(texts).toMatchObject([{ result: ['first', 'mine'] }, { result: ['first', 'mine'] }]);
  });

  test('a runtime that tests share has fresh users in each', async ({ executionEngineFactorySession, alice }) => {
    await using engine = await executionEngineFactorySession.createForUser(alice.context({ runId: 'same' }));

    expect((await engine.executeAgent('quick', null).accepted).created).toBe(true);
  });
});

describe.for<Isolation>(['clone', 'recycle', 'tenant'])('with the isolation %s', (isolation) => {
  const store = { kind: 'postgres', isolation } as const;
  test.override('onStore', store);

  test.concurrent.for([1, 2, 3])(
    'tests at once share no rows, though they use the same ids (%i)',
    async (nth, { runtime, alice }) => {
      const same = { userId: 'same', threadId: 'same', runId: 'same' };
      // Where tests share a database, their users are of different tenants; the other ids are the same.
      const context = UserExecutionContext.fromRequest({ ...same, tenantId: alice.context().tenantId });
      await using engine = await runtime.factory.createForUser(context);
      const run = engine.executeAgent('notes', `note ${nth}`);

      expect((await run.accepted).created).toBe(true);
      expect(await run.result).toMatchObject({ result: ['first', `note ${nth}`] });
    },
  );

  test('a user of the test is known at its doors, over HTTP and over a socket', async ({ runtime, alice, bob }) => {
    await using engine = await runtime.factory.createForUser(alice.context({ runId: 'hers' }));
    await engine.executeAgent('quick', null).result;

    expect(await (await alice.client()).run('hers').result).toMatchObject({ status: 'completed', result: 1 });
    expect((await alice.fetch('/api/runs/hers')).status).toBe(200);
    expect((await bob.fetch('/api/runs/hers')).status).toBe(404);
  });

  test('after its cleanup a runtime has no session on the server, and its store is closed', async () => {
    const manager = new ExecutionEngineFactoryTestManager({ config, store });
    await manager.initializeForTests();
    const { runtime } = manager;
    await (await manager.user('ada').client()).start('notes', 'left').result;

    await manager.cleanup();

    await expect(runtime.store.unfinished()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(runtime.resources.remaining()).toEqual([]);
  });
});

test(
  'the proof bites: sessions that are left on the server are counted',
  { meta: { onStore: 'postgres' } },
  async ({ runtime, alice }) => {
    const error = await proveClean(runtime, () => alice.token(), { database: { sessionsLeft: async () => 2 } }).catch(
      (thrown: unknown) => thrown,
    );

    expect(isEnginehouseError(error, 'CLEANUP_INCOMPLETE') && error.details.left).toEqual(
      expect.arrayContaining(['the store still answers', '2 sessions of the runtime are on the PostgreSQL server']),
    );
  },
);

describe('a run of tests of which some fail', () => {
  let home: PostgresHome;
  let said: string;
  let urls: readonly string[];

  beforeAll(async () => {
    home = await PostgresHome.make();
    said = await runFixture('kept', { ENGINEHOUSE_POSTGRES_FOLDER: home.folder });
    urls = [...said.matchAll(/is kept: psql '(postgres:.*)'$/gm)].map(([, url = '']) => url);
    return () => home[Symbol.asyncDispose]();
  }, 60_000);

  test('tells the URL of each failed test’s database, and of no other', () => {
    expect(said).toContain('2 passed, 6 failed');
    expect([...said.matchAll(/failed test "(.*)" is kept/g)].map(([, name]) => name)).toEqual([
      'on PostgreSQL > failure 1',
      'on PostgreSQL > failure 2',
      'on PostgreSQL > failure 3',
      'on PostgreSQL > failure 4',
      'emptied after each test > a failure between two that pass',
      'as a tenant > a failure beside others',
    ]);
    expect(said).toMatch(/its rows are those of the tenant test-/);
  });

  test('keeps the newest five after its end, on a server that stays, and drops everything else', async () => {
    const [server] = await privateServers([home.folder]);
    const databases = await asAdmin(
      server?.urls?.adminUrl ?? '',
      `SELECT datname FROM pg_database WHERE datname ~ '^enginehouse_test_[0-9a-f]{12}_' ORDER BY datname`,
    );

    expect(databases.map(({ datname }) => datname)).toEqual(
      urls
        .slice(1)
        .map((url) => new URL(url).pathname.slice(1))
        .toSorted(),
    );
    expect(said).toMatch(
      /the database .* of the failed test "on PostgreSQL > failure 1", the oldest kept one, was dropped/,
    );
  });

  test('leaves what the failed test wrote, for whoever opens the URL', async () => {
    expect(await asAdmin(urls[1] ?? '', 'SELECT text FROM enginehouse_data.greetings')).toEqual([{ text: 'Hello, 2' }]);
  });
});

/** What a run of Vitest over one fixture says. */
async function runFixture(name: string, more: Readonly<Record<string, string>>): Promise<string> {
  const own = Object.entries(process.env).filter(([key]) => !/^(?:VITEST|DATABASE_URL$)/.test(key));
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/support/fixture/vitest.config.ts', name];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(
    process.execPath,
    args,
    { env: { ...Object.fromEntries(own), NO_COLOR: '1', ...more }, timeout: 50_000 },
    (_error, stdout, stderr) => resolve(stdout + stderr),
  );
  return promise;
}
