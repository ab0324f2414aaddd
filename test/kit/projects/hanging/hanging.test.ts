import { expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import { shared } from '../../../../src/testing/index.ts';
import { echo } from '../agents.ts';

kit.override('runtimeOptions', { config: { agents: [echo] } });

const never = (): Promise<void> => new Promise(() => undefined);

const test = kit
  .extend('queue', async ({ testScope }) => {
    testScope.defer('the queue', never);
    return 'queue';
  })
  .extend('mail', { scope: 'worker' }, async () =>
    shared({ name: 'the mail sender', open: () => 'mail', close: never }),
  );

test('a test whose own part hangs', async ({ queue, executionEngineFactory }) => {
  expect([queue, executionEngineFactory]).toBeDefined();
});

test('a test that shares a part that hangs', async ({ mail }) => {
  expect(mail).toBe('mail');
});

test('the rest of the run goes on', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ status: 'completed', result: 1 });
});
