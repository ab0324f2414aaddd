import { expect } from '../../../../src/testing/vitest/index.ts';
import { seen, test as shared } from './kit.ts';

const test = shared.extend('second', async ({ sharedRuntime }) => sharedRuntime.address?.url ?? '');

test('the second file works on the shared runtime', async ({ second, alice, sharedRuntime }) => {
  seen.add(second);
  const client = await alice.client();
  expect(await client.start('echo', 'second').result).toMatchObject({ result: 'second' });
  expect(await alice.url()).toBe(sharedRuntime.address?.url);
});

test('the second file finds one runtime', ({ second }) => {
  seen.add(second);
  console.log(`addresses seen: ${seen.size}`);
});
