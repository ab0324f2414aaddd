import { getExecutionEngineFactory } from 'enginehouse';
import { describe, expect, test } from 'enginehouse/testing/vitest';

test('the test booted what production boots', async ({ runtime }) => {
  await expect(runtime).toHaveBootedLikeProduction();
});

test('code that asks for the factory by itself finds that of its test', async ({ alice, bridge }) => {
  await using _engine = await getExecutionEngineFactory().createForUser(alice.context());

  expect(bridge.health().connections).toBe(0);
});

describe('tests that share one runtime, where a boot is too much', () => {
  const addresses = new Set<string | undefined>();

  test.for(['first', 'second'])('the %s has users of its own', async (note, { sharedRuntime, alice }) => {
    await using engine = await sharedRuntime.factory.createForUser(alice.context());

    expect(await engine.executeAgent('collector', { notes: [note] }).result).toMatchObject({ status: 'completed' });
    expect(addresses.add(sharedRuntime.address?.url).size).toBe(1);
  });
});
