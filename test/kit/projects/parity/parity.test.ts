import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('a runtime boots as production does', async ({ runtime }) => {
  await expect(runtime).toHaveBootedLikeProduction();
});

test('a test that does not ask', async ({ runtime, alice }) => {
  expect(await (await alice.client()).start('echo', 1).result).toMatchObject({ result: 1 });
  expect(runtime.closed).toBe(false);
});
