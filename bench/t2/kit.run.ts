/** 1,000 tests, each with a runtime of its own and a run of its own in it. */

import { defineAgent } from '../../src/agent/define-agent.ts';
import { expect, test as kit } from '../../src/testing/vitest/index.ts';

const echo = defineAgent({ name: 'echo', run: ({ input }) => input ?? null });
const test = kit.override('runtimeOptions', { config: { agents: [echo] }, store: 'sqlite' });

for (let nth = 1; nth <= 1_000; nth += 1) {
  test(`test ${nth}`, async ({ executionEngineFactoryTestInitialized: factory, alice }) => {
    await using engine = await factory.createForUser(alice.context());
    expect(await engine.executeAgent('echo', nth).result).toMatchObject({ status: 'completed', result: nth });
  });
}
