import { test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('three parts fail at the end', async ({ testScope, executionEngineFactory: factory, alice }) => {
  await factory.createForUser(alice.context());
  testScope.defer('the first part', () => {
    throw new Error('the first part is broken', { cause: new Error('its disk is full') });
  });
  testScope.defer('the second part', async () => {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => {
      throw new Error('the inner one of two');
    });
    throw new Error('the outer one of two');
  });
});
