/** The connections of the log: one round trip each, bounded, and gone when they broke. */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { accept, ada, bob } from '../../../test/contract/store/samples.ts';
import { asAdmin, readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { runId, userId } from '../../context/ids.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';
import { deriveFrom, PRINCIPAL_SETTING } from './layout.ts';
import { openPostgresStore } from './open-postgres-store.ts';
import { prepared } from './prepared.ts';
import { urlAs } from './target.ts';

let database: ReadyTestDatabase;
beforeAll(async () => {
  database = await readyTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

function connect(options: Partial<ConnectionsOptions> = {}): Connections {
  const { url, roles, secret } = database.ready;
  const { systemPassword, principalKey } = deriveFrom(secret);
  const connections = new Connections({
    url: urlAs(url, roles.system, systemPassword),
    name: 'enginehouse connections test',
    most: 2,
    timeoutMs: 5_000,
    key: principalKey,
    resources: new ResourceRegistry(),
    ...options,
  });
  onTestFinished(() => connections[Symbol.asyncDispose]());
  return connections;
}

const principal = prepared('test_principal', `SELECT current_setting('${PRINCIPAL_SETTING}', true) AS said`);
const pid = prepared('test_pid', 'SELECT pg_backend_pid() AS pid');
const failing = prepared('test_failing', 'SELECT 1 / 0');
const slow = prepared('test_slow', 'SELECT pg_sleep(60)');

function sessions(): Promise<readonly Record<string, unknown>[]> {
  return asAdmin(
    database.url,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'enginehouse connections test'`,
  );
}

test('C1: a transaction that fails is rolled back whole, and its connection goes on', async () => {
  const connections = connect({ most: 1 });
  const insert = prepared('test_insert', `INSERT INTO enginehouse.threads VALUES ($1, 't', 0, 0)`);
  const owner = '["default","ada"]';

  await expect(connections.transact({ owners: [ada] }, [insert(owner), failing(), pid()])).rejects.toMatchObject({
    code: '22012',
  });

  expect(await connections.read([ada], prepared('test_count', 'SELECT count(*) FROM enginehouse.threads')())).toEqual([
    { count: 0 },
  ]);
  expect(await sessions()).toHaveLength(1);
});

test('C1: what only reads cannot write', async () => {
  const write = prepared('test_write', 'DELETE FROM enginehouse.threads');

  await expect(connect().read([ada], write())).rejects.toMatchObject({ code: '25006' });
});

test('C2: each transaction has its own principal, and a connection keeps none', async () => {
  const connections = connect({ most: 1 });
  const said = async (owner: typeof ada): Promise<string> =>
    String((await connections.read([owner], principal()))[0]?.['said']);

  expect(await said(ada)).toContain('["default","ada"]');
  // With its quotes: the code of the principal is hexadecimal, and "ada" may be in it.
  expect(await said(bob)).not.toContain('"ada"');
  const [row] = await connections.read([], prepared('test_owners', 'SELECT enginehouse.owners() AS owners')());
  expect(row).toEqual({ owners: [] });
});

test('C3, C5: a read whose connection broke is made once more, a write is not', async () => {
  const connections = connect({ most: 1 });
  const kill = prepared('test_kill', 'SELECT 1');
  await connections.read([], kill());
  const [session] = await sessions();

  const broken = connections.transact({ owners: [] }, [slow()]);
  const outcome = expect(broken).rejects.toMatchObject({ code: '57P01' });
  await asAdmin(database.url, `SELECT pg_terminate_backend(${String(session?.['pid'])}, 5000)`);
  await outcome;
  const read = connections.read([], prepared('test_nap', 'SELECT pg_sleep(0.5), pg_backend_pid() AS pid')());
  const [second] = await untilOne(sessions);
  await asAdmin(database.url, `SELECT pg_terminate_backend(${String(second?.['pid'])}, 5000)`);

  expect((await read)[0]?.['pid']).not.toBe(second?.['pid']);
});

test('C6: a clock that was set makes nobody’s rows disappear', async () => {
  let shift = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + shift };
  const connections = connect({ clock });
  const owners = prepared('test_owners', 'SELECT enginehouse.owners() AS owners');
  const who = async (): Promise<unknown> => (await connections.read([ada], owners()))[0];
  const insert = prepared('test_clock', `INSERT INTO enginehouse.threads VALUES ('["default","ada"]', $1, 0, 0)`);
  await connections.open();

  for (const [place, hours] of [-1, 1, -1].entries()) {
    shift += hours * 3_600_000;
    expect(await who()).toEqual({ owners: ['["default","ada"]'] });
    shift += hours * 3_600_000;
    await connections.transact({ owners: [ada] }, [insert(`${place}`)]);
  }
});

test('C4: limits.storeTimeoutMs bounds a statement, and the failure says so', async () => {
  const connections = connect({ timeoutMs: 200 });

  await expect(connections.read([], slow())).rejects.toMatchObject({ code: '57014' });
});

test('C4: limits.storeTimeoutMs bounds the wait for a connection', async () => {
  const connections = connect({ most: 1, timeoutMs: 500 });
  const nap = prepared('test_nap', 'SELECT pg_sleep(0.4)');

  const busy = connections.transact({ owners: [] }, [nap(), nap()]);
  const waiting = connections.read([], pid());

  await expect(waiting).rejects.toThrow('timeout exceeded when trying to connect');
  await busy;
});

test('C4: limits.storeTimeoutMs bounds connecting to a server that says nothing', async () => {
  await using silent = await SilentServer.listen();
  const limits = resolveLimits({ storeTimeoutMs: 300 });
  const resources = new ResourceRegistry();

  const opening = openPostgresStore({ database: { ...database.ready, url: silent.url }, limits, resources });

  await expect(opening).rejects.toMatchObject({
    code: 'STORE_FAILED',
    details: { operation: 'open', reason: expect.stringContaining('timeout') },
  });
  expect(resources.remaining()).toEqual([]);
});

test('a server that is not there is a failure of the store', async () => {
  const resources = new ResourceRegistry();
  const url = 'postgres://nobody@127.0.0.1:1/nothing';

  const opening = openPostgresStore({ database: { ...database.ready, url }, limits: resolveLimits(), resources });

  await expect(opening).rejects.toMatchObject({
    code: 'STORE_FAILED',
    details: { operation: 'open', reason: 'connect ECONNREFUSED 127.0.0.1:1' },
  });
  expect(resources.remaining()).toEqual([]);
});

test('limits.storeConnections counts the connections, half of them for commits', async () => {
  const limits = resolveLimits({ storeConnections: 5 });
  await using store = await openPostgresStore({ database: database.ready, limits, resources: new ResourceRegistry() });
  const owners = Array.from({ length: 50 }, (_, index) => ({ ...ada, userId: userId(`user ${index}`) }));

  await Promise.all(owners.map((owner) => accept(store.for(owner), 'r1')));
  await Promise.all(owners.map((owner) => store.for(owner).log.head(runId('r1'))));

  const names = await asAdmin(
    database.url,
    `SELECT application_name AS name FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name ~ '^enginehouse (reads|commits)'`,
  );
  expect(names.map(({ name }) => String(name)).toSorted()).toEqual([
    'enginehouse commits',
    'enginehouse commits',
    'enginehouse reads',
    'enginehouse reads',
    'enginehouse reads',
  ]);
});

test('statements have names unless that is turned off', async () => {
  const names = prepared('test_names', 'SELECT name FROM pg_prepared_statements');
  const named = connect({ most: 1 });
  const nameless = connect({ most: 1, prepare: false });

  expect(
    (await named.read([], names())).map(({ name }) => String(name).replace(/_[0-9a-f]{12}$/, '')).toSorted(),
  ).toEqual(['enginehouse_principal', 'enginehouse_test_names']);
  expect(await nameless.read([], names())).toEqual([]);
});

test('one plan serves every list, short or long', async () => {
  const connections = connect({ most: 1 });
  const count = prepared('test_list', 'SELECT count(*) FROM unnest($1::integer[])');
  const plans = prepared(
    'test_plans',
    `SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name ~ 'test_list'`,
  );

  for (const length of [1, 1, 1, 1, 1, 1, 1, 1_000]) await connections.read([], count(Array(length).fill(0)));

  expect(await connections.read([], plans())).toEqual([{ generic_plans: 8, custom_plans: 0 }]);
});

test('closed connections take nothing more, and are no resource any more', async () => {
  const resources = new ResourceRegistry();
  const connections = connect({ resources });
  await connections.read([], pid());
  expect(resources.remaining('database')).toMatchObject([{ name: 'enginehouse connections test' }]);

  await connections[Symbol.asyncDispose]();

  await expect(connections.read([], pid())).rejects.toMatchObject({ code: 'CLOSED' });
  expect(resources.remaining()).toEqual([]);
});

/** Takes connections and never answers, as a machine does whose disk hangs. */
class SilentServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: readonly Socket[];

  static async listen(): Promise<SilentServer> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SilentServer(server, sockets);
  }

  private constructor(server: Server, sockets: readonly Socket[]) {
    this.#server = server;
    this.#sockets = sockets;
    const address = server.address();
    this.url = `postgres://nobody@127.0.0.1:${typeof address === 'object' ? address?.port : ''}/nothing`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function untilOne(list: typeof sessions): ReturnType<typeof sessions> {
  for (;;) {
    const rows = await list();
    if (rows.length > 0) return rows;
  }
}
