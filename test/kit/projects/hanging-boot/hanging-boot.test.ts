import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.describe('a runtime that never boots', () => {
  test.override('runtimeOptions', {
    config: { agents: [echo] },
    seams: {
      aroundStore: (store) => ({
        description: store.description,
        for: (owner) => ({
          ...store.for(owner),
          runs: { ...store.for(owner).runs, accept: () => new Promise(() => undefined) },
        }),
        unfinished: () => store.unfinished(),
        close: () => store.close(),
        [Symbol.asyncDispose]: () => store.close(),
      }),
    },
  });

  test('waits for it', { timeout: 500 }, ({ runtime }) => {
    expect(runtime).toBeDefined();
  });
});

test('the rest of the run goes on', async ({ alice }) => {
  expect((await alice.fetch('/api/agents')).status).toBe(200);
});
