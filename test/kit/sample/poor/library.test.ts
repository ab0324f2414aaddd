import { expect, test } from '../../../../src/testing/vitest/index.ts';

test('the clerk lends a book', async ({ executionEngineFactoryTestInitialized: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());

  expect(await engine.executeAgent('clerk', { title: 'Otters' }).result).toMatchObject({ status: 'completed' });
});
