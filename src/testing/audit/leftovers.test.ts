import { createServer } from 'node:http';

import { expect, test } from 'vitest';
import { WebSocket as NodeSocket } from 'ws';

import { AuditHouse, lineOf } from '../../../test/support/audit-house.ts';
import { Moments } from '../../../test/support/moments.ts';
import { until } from '../../../test/support/until.ts';
import { defineAgent } from '../../agent/define-agent.ts';
import { connect } from '../../client/index.ts';
import type { DatabaseOptions, Seams } from '../../startup/config.ts';
import { DatabaseTap } from '../tap/database-tap.ts';
import { TestClock } from '../test-clock.ts';
import { leftOpen } from './leftovers.ts';

const FILE = import.meta.filename;
const moments = new Moments();
const database: DatabaseOptions = { migrations: { '0001_notes': 'CREATE TABLE notes (text TEXT)' } };
const agents = [
  defineAgent({ name: 'quick', run: () => 1 }),
  defineAgent({
    name: 'patient',
    run: async ({ input }) => {
      await moments.of(`${String(input)} may end`);
      return 2;
    },
  }),
];

test('an engine that was not disposed is found, with its owner and the line that asked for it', async () => {
  await using house = await AuditHouse.open({ agents });
  const alice = house.user('alice');
  const context = alice.context();

  const engine = await house.runtime.factory.createForUser(context); // engine
  engine.executeAgent('patient', 'hers');
  await until('it runs', () => house.runtime.resources.remaining('run').length === 1);

  const left = house.leftovers.left();
  expect(left).toMatchObject([{ kind: 'engine', name: context.runId, owner: alice.id }]);
  expect(left[0]?.origin?.split('\n')[0]).toContain(lineOf(FILE, 'engine'));
  moments.tell('hers may end');
  await engine[Symbol.asyncDispose]();
  expect(await house.leftovers.settled()).toEqual([]);
});

test('a socket that was not closed is found at the line that opened it, whatever opened it', async () => {
  await using house = await AuditHouse.open({ agents });
  const alice = house.user('alice');
  const headers = { Authorization: `Bearer ${await alice.token()}` };

  const plain = new NodeSocket(house.socketUrl, ['enginehouse.v1'], { headers }); // ws
  await until('the first is open', () => house.runtime.bridge.health().connections === 1);
  const ownHeaders: object = { protocols: ['enginehouse.v1'], headers };
  const own: WebSocket = Reflect.construct(WebSocket, [house.socketUrl, ownHeaders]); // WebSocket
  await until('the second is open', () => house.runtime.bridge.health().connections === 2);
  const client = connect({ url: house.url, token: () => alice.token() }); // connect
  await client.start('quick', null).result;

  const left = house.leftovers.left();
  expect(left).toMatchObject(left.map(() => ({ kind: 'socket', owner: alice.id })));
  const lines = left.map(({ origin }) => origin?.split('\n')[0]);
  expect(lines).toEqual(
    ['ws', 'WebSocket', 'connect'].map((mark) => expect.stringContaining(lineOf(FILE, mark)) as unknown),
  );
  plain.close();
  own.close();
  await client.close();
  expect(await house.leftovers.settled()).toEqual([]);
});

test('a follower, a listener and an emitter are found as well', async () => {
  await using house = await AuditHouse.open({ agents });
  const { bridge, factory } = house.runtime;
  const alice = house.user('alice');
  const context = alice.context();
  await factory.startRun(context, 'quick', null);

  const follower = bridge.follow(context, context.runId);
  await follower.next(); // follower
  const attached = house.runtime.attach(createServer()); // listener
  const other = alice.context();
  const emitter = bridge.createUserEmitter(other); // emitter

  const left = await house.leftovers.settled({ withinMs: 50 });
  expect(left).toMatchObject([
    { kind: 'follower', name: context.runId, owner: alice.id },
    { kind: 'listener', name: 'upgrade /ws', owner: undefined },
    { kind: 'emitter', name: other.runId, owner: alice.id },
  ]);
  for (const { kind, origin } of left) expect(origin?.split('\n')[0]).toContain(lineOf(FILE, kind));
  await follower.return();
  await attached[Symbol.asyncDispose]();
  await emitter.close();
  expect(house.leftovers.left()).toEqual([]);
});

test('an iteration over a run that nobody ended is found at the line that began it', async () => {
  await using house = await AuditHouse.open({ agents });
  await using engine = await house.runtime.factory.createForUser(house.user('alice').context());
  const run = engine.executeAgent('patient', 'an iteration');

  const events = run[Symbol.asyncIterator]();
  await events.next(); // iteration

  const followers = house.leftovers.left().filter(({ kind }) => kind === 'follower');
  expect(followers).toMatchObject([{ origin: expect.stringContaining(lineOf(FILE, 'iteration')) as unknown }]);
  await events.return?.();
  moments.tell('an iteration may end');
});

test('a run that goes on is left, the engine that the house made for it is not', async () => {
  await using house = await AuditHouse.open({ agents });
  const alice = house.user('alice');
  const context = alice.context();
  await house.runtime.factory.startRun(context, 'patient', 'a run');
  await until('it runs', () => house.runtime.resources.remaining('run').length === 1);

  expect(house.leftovers.left()).toMatchObject([{ kind: 'run', name: context.runId, owner: alice.id }]);
  moments.tell('a run may end');
  expect(await house.leftovers.settled()).toEqual([]);
});

test('a transaction that nobody ended is found, with the line that began it', async () => {
  const transactions = new DatabaseTap({ keepOrigins: true });
  const seams: Seams = { aroundDatabases: (databases) => transactions.around(databases) };
  await using house = await AuditHouse.open({ agents, database, transactions, seams });
  const alice = house.user('alice');
  const engine = await house.runtime.factory.createForUser(alice.context());
  const sessions = engine.databaseSessionManager;

  const forgotten = sessions.transaction(() => new Promise(() => undefined)).catch(() => undefined); // transaction
  await engine[Symbol.asyncDispose]();

  const left = await house.leftovers.settled({ owners: [alice.id], withinMs: 50 });
  expect(left).toMatchObject([{ kind: 'transaction', owner: alice.id }]);
  expect(left[0]?.origin?.split('\n')[0]).toContain(lineOf(FILE, 'transaction'));
  await transactions.abandon(new Error('the test is over'));
  await forgotten;
  expect(await house.leftovers.settled()).toEqual([]);
});

test('of the timers of a clock, those that a test armed itself are left', async () => {
  const clock = TestClock.real({ keepOrigins: true });
  await using house = await AuditHouse.open({ agents, clock, seams: { clock } });
  const alice = house.user('alice');
  await house.runtime.factory.userExecutionScope(alice.context(), (engine) => engine.executeAgent('quick', 1).result);
  await using _client = await alice.client();

  const disarm = clock.after(60_000, () => undefined); // timer

  const timers = house.leftovers.left().filter(({ kind }) => kind === 'timer');
  expect(timers).toMatchObject([{ name: expect.stringContaining('due at') as unknown, owner: undefined }]);
  expect(timers[0]?.origin).toContain(lineOf(FILE, 'timer'));
  disarm();
});

test('on a shared runtime a test answers for its own users alone', async () => {
  await using house = await AuditHouse.open({ agents });
  const [alice, bob] = [house.user('alice'), house.user('bob')];
  await using _hers = await house.runtime.factory.createForUser(alice.context());
  await using attached = house.runtime.attach(createServer());

  expect(house.leftovers.left({ owners: [bob.id] })).toEqual([]);
  expect(house.leftovers.left({ owners: [alice.id, bob.id] })).toMatchObject([{ kind: 'engine', owner: alice.id }]);
  expect(house.leftovers.left()).toHaveLength(2);
  expect(attached).toBeDefined();
});

test('the error names every one, and its stack points at the line of the first', async () => {
  await using house = await AuditHouse.open({ agents });
  const alice = house.user('alice');
  const context = alice.context();
  await using _engine = await house.runtime.factory.createForUser(context); // first
  await using _other = await house.runtime.factory.createForUser(alice.context());

  const error = leftOpen(house.leftovers.left());

  expect(error).toMatchObject({ code: 'TEST_LEFT_OPEN', details: { left: [{ kind: 'engine' }, { kind: 'engine' }] } });
  expect(error.message).toContain(`engine ${context.runId} of ${alice.id}, opened at ${lineOf(FILE, 'first')}:`);
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  expect(frames?.[0]).toContain(lineOf(FILE, 'first'));
});

test('clean tests on a runtime of their own and on a shared one give no alarm', { timeout: 120_000 }, async () => {
  for (let nth = 0; nth < 100; nth += 1) {
    await using house = await AuditHouse.open({ agents });
    expect(await cleanTest(house, nth)).toEqual([]);
  }
  await using shared = await AuditHouse.open({ agents });
  for (let round = 0; round < 190; round += 1) {
    const ten = Array.from({ length: 10 }, (_, nth) => cleanTest(shared, nth, true));
    expect((await Promise.all(ten)).flat()).toEqual([]);
  }
  expect(await shared.leftovers.settled()).toEqual([]);
});

/** What a test does that closes everything, in one of several ways. */
async function cleanTest(house: AuditHouse, nth: number, shared = false) {
  const { factory, bridge } = house.runtime;
  await using alice = house.user('alice');
  await using bob = house.user('bob');
  const context = alice.context();
  {
    await using engine = await factory.createForUser(context);
    const run = engine.executeAgent('quick', nth);
    if (nth % 2 === 0) for await (const event of run) if (event.type === 'agent_started') break;
    await run.result;
  }
  if (nth % 3 === 0) await (await alice.fetch(`/api/runs/${context.runId}`)).json();
  if (nth % 5 === 0) for await (const _batch of bridge.follow(context, context.runId)) break;
  const client = await bob.client();
  await client.start('quick', nth).result;
  await bob[Symbol.asyncDispose]();
  await alice[Symbol.asyncDispose]();
  return house.leftovers.settled(shared ? { owners: [alice.id, bob.id] } : {});
}
