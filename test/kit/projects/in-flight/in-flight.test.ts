import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo, patient } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo, patient] } });

for (let nth = 0; nth < 20; nth += 1) {
  test(`test ${nth} ends in the middle of its run`, async ({ executionEngineFactory: factory, alice, bob }) => {
    const client = await bob.client();
    const engine = await factory.createForUser(alice.context());
    engine.executeAgent('echo', 'nobody waits for it');
    client.start('echo', 'nor for this');
    const run = client.start('patient', null);
    if (nth % 2 === 0) await run[Symbol.asyncIterator]().next();
    await engine[Symbol.asyncDispose]();
  });

  test(`test ${nth} ends so on the shared runtime`, async ({ executionEngineFactorySession: factory, alice, bob }) => {
    const client = await bob.client();
    client.start('patient', 'nobody waits for it');
    await using engine = await factory.createForUser(alice.context());
    expect(await engine.executeAgent('echo', nth).result).toMatchObject({ result: nth });
  });
}
