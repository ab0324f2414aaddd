import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('and so does the next file', async ({ executionEngineFactorySession: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 2).result).toMatchObject({ result: 2 });
});
