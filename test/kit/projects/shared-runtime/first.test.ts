import { expect } from '../../../../src/testing/vitest/index.ts';
import { seen, test as shared } from './kit.ts';

const test = shared.extend('first', async ({ sharedRuntime }) => sharedRuntime.address?.url ?? '');

test('the first file works on the shared runtime', async ({ first, alice, sharedRuntime }) => {
  seen.add(first);
  const client = await alice.client();
  expect(await client.start('echo', 'first').result).toMatchObject({ result: 'first' });
  expect(await alice.url()).toBe(sharedRuntime.address?.url);
});

test('the first file finds one runtime', ({ first }) => {
  seen.add(first);
  console.log(`addresses seen: ${seen.size}`);
});
