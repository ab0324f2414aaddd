import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', {
  config: { agents: [echo] },
  seams: {
    aroundStore: (store) => ({
      description: store.description,
      for: (owner) => store.for(owner),
      unfinished: () => new Promise(() => undefined),
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }),
  },
});

test('its shared runtime never boots', { timeout: 300 }, ({ sharedRuntime }) => {
  expect(sharedRuntime).toBeDefined();
});
