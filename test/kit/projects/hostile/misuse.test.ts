import { configuredRuntime, configureExecutionEngineFactory } from '../../../../src/startup/pointer.ts';
import { describe, expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import type { TestUser } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

const config = { agents: [echo] };
const test = kit.override('runtimeOptions', { config });

async function works(user: TestUser): Promise<void> {
  expect(await (await user.client()).start('echo', 1).result).toMatchObject({ result: 1 });
}

test('it closes its own runtime', async ({ runtime, alice }) => {
  await works(alice);
  await runtime.close();
});

test('it closes parts of its own runtime', async ({ executionEngineFactory: factory, bridge, store, alice }) => {
  await works(alice);
  await factory.close();
  await bridge.close();
  await store.close();
});

test('it configures its own runtime and forgets it', async ({ runtime, alice }) => {
  configureExecutionEngineFactory(runtime);
  await works(alice);
});

describe('blamed', () => {
  test('it closes the shared factory', async ({ executionEngineFactorySession: factory }) => {
    await factory.close();
  });

  test('it disposes the shared runtime', async ({ sharedRuntime }) => {
    await using _runtime = sharedRuntime;
  });

  test('it configures the shared runtime and forgets it', async ({ sharedRuntime, alice }) => {
    configureExecutionEngineFactory(sharedRuntime);
    await works(alice);
  });
});

test('the shared runtime lives on, and nothing is configured', async ({ sharedRuntime, alice }) => {
  expect(sharedRuntime.closed).toBe(false);
  expect(configuredRuntime()).toBe(undefined);
  await works(alice);
});
