import { expect, test } from './kit.ts';

test("the shop's own server and Enginehouse share one port", async ({ shop, alice }) => {
  const order = await shop.order(alice, { sku: 'otter-1', wanted: 3 });
  const [home, stock, ready] = await Promise.all(['/', '/stock', '/health/ready'].map((path) => shop.get(path, alice)));

  expect(order).toMatchObject({ status: 'completed', result: { ordered: 3, left: 2 } });
  expect(await stock?.json()).toEqual([
    { sku: 'badger-2', count: 1 },
    { sku: 'otter-1', count: 2 },
  ]);
  expect(ready?.status).toBe(200);
  expect(await home?.text()).toBe('The shop is open.');
});

test('an input that is no order is refused by name, before anything runs', async ({ runtime, alice }) => {
  const client = await alice.client();

  await expect(client.start('inventory', { sku: 'otter-1', wanted: 0 }).result).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
  expect(runtime.factory.metrics().runsRunning).toBe(0);
});
