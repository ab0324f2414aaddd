import { expect, test } from 'enginehouse/testing/vitest';

import type { ShopTransaction } from '../src/tables.ts';

test('an order takes from the stock, and its customer sees every step', async ({
  executionEngineFactoryTestInitialized: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('inventory', { sku: 'otter-1', wanted: 2 });
  const types: string[] = [];
  for await (const event of run) types.push(event.type);

  expect(await run.result).toMatchObject({ status: 'completed', result: { sku: 'otter-1', ordered: 2, left: 3 } });
  expect(types).toEqual([
    'run_accepted',
    'agent_started',
    'agent_thinking',
    'tool_executing',
    'tool_completed',
    'tool_executing',
    'tool_completed',
    'message_delta',
    'message_completed',
    'agent_completed',
  ]);
  const stock = await engine.databaseSessionManager.transaction((db: ShopTransaction) =>
    db.selectFrom('stock').select('count').where('sku', '=', 'otter-1').executeTakeFirstOrThrow(),
  );
  expect(stock.count).toBe(3);
});

test('over a real socket, two customers have each their own stock and see their own runs only', async ({
  runtime,
  alice,
  bob,
}) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);

  const first = hers.start('inventory', { sku: 'badger-2', wanted: 1 });
  const second = his.start('inventory', { sku: 'badger-2', wanted: 1 });

  // One badger each: had they shared a table, one of them would have got none.
  expect(await first.result).toMatchObject({ status: 'completed', result: { ordered: 1, left: 0 } });
  expect(await second.result).toMatchObject({ status: 'completed', result: { ordered: 1, left: 0 } });
  expect((await alice.fetch(`/api/runs/${first.id}`)).status).toBe(200);
  expect((await bob.fetch(`/api/runs/${first.id}`)).status).toBe(404);
  expect(runtime.bridge.health().connections).toBe(2);
});

test('an order that breaks a rule of the database fails as a whole', async ({
  executionEngineFactoryTestInitialized: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const sell = engine.databaseSessionManager.transaction(async (db: ShopTransaction) => {
    await db.insertInto('orders').values({ id: 'o1', sku: 'otter-1', count: 9 }).execute();
    await db.updateTable('stock').set({ count: -4 }).where('sku', '=', 'otter-1').execute();
  });

  await expect(sell).rejects.toMatchObject({ code: 'DATABASE_FAILED' });
  const orders = await engine.databaseSessionManager.transaction((db: ShopTransaction) =>
    db.selectFrom('orders').selectAll().execute(),
  );
  expect(orders).toEqual([]);
});
