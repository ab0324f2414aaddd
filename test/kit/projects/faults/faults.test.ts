import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('a store that was to fail', async ({ chaos, runtime, alice }) => {
  expect(runtime.closed).toBe(false);
  chaos.store.fail('append', { types: ['agent_failed'] }); // never fails
  expect(await (await alice.client()).start('echo', 1).result).toMatchObject({ result: 1 });
});

test('a store that was to fail three times', async ({ chaos, runtime, alice }) => {
  expect(runtime.closed).toBe(false);
  chaos.store.fail('accept', { times: 3, owner: alice });
  await expect((await alice.client()).start('echo', 1).result).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('a connection that was to be cut', async ({ chaos, alice }) => {
  const client = await alice.client();
  void chaos.socket(alice).cut({ afterFrame: 900 }); // never cut
  expect(await client.start('echo', 1).result).toMatchObject({ result: 1 });
});

test('a store that fails', async ({ chaos, runtime, alice }) => {
  expect(runtime.closed).toBe(false);
  chaos.store.fail('accept', { owner: alice });
  await expect((await alice.client()).start('echo', 1).result).rejects.toMatchObject({ code: 'STORE_FAILED' });
});
