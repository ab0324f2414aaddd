import { createServer } from 'node:http';
import { WebSocket } from 'ws';

import { connect } from '../../../../src/client/index.ts';
import { expect, onBothStores, test as kit } from '../../../../src/testing/vitest/index.ts';
import { echo, patient } from '../agents.ts';

const test = kit.override('runtimeOptions', {
  config: {
    agents: [echo, patient],
    database: { migrations: { '001_notes': 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)' } },
  },
});

test('leaks an engine', async ({ executionEngineFactory: factory, alice }) => {
  await factory.createForUser(alice.context());
});

test('leaks an engine on the shared runtime', async ({ executionEngineFactorySession: factory, alice }) => {
  await factory.createForUser(alice.context());
});

test('leaks a client', async ({ alice, runtime }) => {
  const client = connect({ url: runtime.address?.url ?? '', token: await alice.token() });
  expect(await client.start('echo', 1).result).toMatchObject({ result: 1 });
});

test('leaks a socket', async ({ alice, runtime }) => {
  const headers = { Authorization: `Bearer ${await alice.token()}` };
  const socket = new WebSocket(`${runtime.address?.url}/ws`, ['enginehouse.v1'], { headers });
  await new Promise((resolve) => socket.once('open', resolve));
});

test('leaks a timer', async ({ clock }) => {
  clock.after(60_000, () => undefined);
});

test('leaks a listener', async ({ runtime }) => {
  runtime.attach(createServer());
});

test('leaks a follower', async ({ executionEngineFactory: factory, alice, bridge }) => {
  const context = alice.context();
  await using engine = await factory.createForUser(context);
  await engine.executeAgent('patient', null).accepted;
  await bridge.follow(context, context.runId, 0)[Symbol.asyncIterator]().next();
});

onBothStores(() => {
  test('leaks a transaction', async ({ executionEngineFactory: factory, alice }) => {
    await using engine = await factory.createForUser(alice.context());
    const begun = Promise.withResolvers<void>();
    void engine.databaseSessionManager.transaction(async (db) => {
      await db.selectFrom('notes').selectAll().execute();
      begun.resolve();
      await new Promise(() => undefined);
    });
    await begun.promise;
  });
});

test('leaves nothing', async ({ executionEngineFactory: factory, alice, bob }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  expect(await (await bob.client()).start('echo', 2).result).toMatchObject({ result: 2 });
  expect((await bob.fetch('/api/runs')).status).toBe(200);
});

test('leaves nothing on the shared runtime', async ({ executionEngineFactorySession: factory, alice, bob }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  expect(await (await bob.client()).start('echo', 2).result).toMatchObject({ result: 2 });
});
