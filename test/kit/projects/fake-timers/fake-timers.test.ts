import { vi } from 'vitest';

import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('ends under timers that stand still', async ({ executionEngineFactory: factory, alice }) => {
  vi.useFakeTimers();
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
});

test('the rest of the run goes on', async ({ alice }) => {
  vi.useRealTimers();
  expect(await (await alice.client()).start('echo', 2).result).toMatchObject({ result: 2 });
});
