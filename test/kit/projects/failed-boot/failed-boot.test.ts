import { afterAll, expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

let attempts = 0;

test.override('runtimeOptions', {
  config: { agents: [echo] },
  seams: {
    aroundStore: () => {
      attempts += 1;
      throw new Error('the disk is gone');
    },
  },
});

afterAll(() => console.log(`attempts to boot: ${attempts}`));

for (const nth of ['first', 'second', 'third']) {
  test(`the ${nth} test needs the runtime`, ({ executionEngineFactorySession: factory }) => {
    expect(factory).toBeDefined();
  });
}

test('a test that needs none passes', () => {
  expect(attempts).toBeLessThan(2);
});
