import { expect, test } from 'enginehouse/testing/vitest';

import { buildServer } from '../src/server.ts';

test("the shop's own server and Enginehouse share one port", async ({ runtime, alice }) => {
  const server = buildServer(runtime);
  try {
    const url = await server.listen({ port: 0 });
    const headers = { 'content-type': 'application/json', 'x-customer': alice.id };

    const order = await fetch(`${url}/orders`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ sku: 'otter-1', wanted: 3 }),
    });
    const stock = await fetch(`${url}/stock`, { headers });
    const ready = await fetch(`${url}/health/ready`);

    expect(await order.json()).toMatchObject({ status: 'completed', result: { ordered: 3, left: 2 } });
    expect(await stock.json()).toEqual([
      { sku: 'badger-2', count: 1 },
      { sku: 'otter-1', count: 2 },
    ]);
    expect(ready.status).toBe(200);
    expect(await (await fetch(url)).text()).toBe('The shop is open.');
  } finally {
    await server.close();
  }
});

test('an input that is no order is refused by name, before anything runs', async ({ runtime, alice }) => {
  const client = await alice.client();

  await expect(client.start('inventory', { sku: 'otter-1', wanted: 0 }).result).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
  expect(runtime.factory.metrics().runsRunning).toBe(0);
});
