import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

test('the next file is not blamed', async ({ executionEngineFactorySession: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
});
