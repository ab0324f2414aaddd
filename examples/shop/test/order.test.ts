import { expect, test } from 'enginehouse/testing/vitest';

test('an order takes from the stock', async ({ executionEngineFactoryTestInitialized: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('inventory', { sku: 'otter-1', wanted: 2 });

  expect(await run.result).toMatchObject({ status: 'completed', result: { ordered: 2, left: 3 } });
});
