import { expect, test } from '../../../../src/testing/vitest/index.ts';
import { getExecutionEngineFactory } from '../../../../src/index.ts';
import { echo } from '../agents.ts';

test.override('runtimeOptions', { config: { agents: [echo] } });

const addresses = new Set<string>();

test.describe.concurrent('at once', () => {
  for (let nth = 0; nth < 200; nth += 1) {
    test(`test ${nth} shares nothing`, async ({ executionEngineFactory: factory, runtime, alice, bob }) => {
      const url = await alice.url();
      expect(addresses).not.toContain(url);
      addresses.add(url);
      const [client, other] = await Promise.all([alice.client(), bob.client()]);
      const run = client.start('echo', `only of test ${nth}`);
      expect(await run.result).toMatchObject({ result: `only of test ${nth}` });
      expect(getExecutionEngineFactory()).toBe(factory);
      expect((await client.runs()).runs).toHaveLength(1);
      expect((await other.runs()).runs).toEqual([]);
      await expect(bob).toHaveSeenNothing();
      expect(runtime.resources.remaining('engine')).toEqual([]);
      addresses.delete(url);
    });
  }
});
