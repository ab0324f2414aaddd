import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

const late = Promise.withResolvers<void>();
const told = Promise.withResolvers<unknown>();

test('the one that runs on', { timeout: 300 }, async ({ executionEngineFactory: factory, alice, bob, store }) => {
  const client = await bob.client();
  const engine = await factory.createForUser(alice.context());
  await late.promise;
  const uses: Record<string, () => unknown> = {
    factory: () => factory.createForUser(alice.context()),
    engine: () => engine.executeAgent('echo', 1),
    client: () => client.start('echo', 1),
    user: () => bob.connect(),
    store: () => store.unfinished(),
  };
  const codes: string[] = [];
  for (const [name, use] of Object.entries(uses)) {
    const error: unknown = await Promise.resolve()
      .then(use)
      .then(
        () => 'nothing was thrown',
        (thrown: unknown) => thrown,
      );
    codes.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  told.resolve(codes.join('\n'));
  void engine.executeAgent('echo', 1);
});

test('the one that runs now', async ({ executionEngineFactory: factory, alice }) => {
  late.resolve();
  console.log(String(await told.promise));
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ status: 'completed' });
});
