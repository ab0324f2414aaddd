import { AsyncResource } from 'node:async_hooks';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { EnginehouseError, ExecutionEngineFactoryError } from '../../src/base/errors.ts';
import { runId } from '../../src/context/ids.ts';
import { configureExecutionEngineFactory, getExecutionEngineFactory } from '../../src/startup/pointer.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { closeSharedRuntimes } from '../../src/testing/index.ts';
import {
  configureExecutionEngineFactoryForTest,
  expect,
  getOrCreateWebSocketBridgeForTests,
  test,
} from '../../src/testing/vitest/index.ts';
import { ownStore } from '../support/own-store.ts';

/** What the accessor finds inside an agent's code: in its body, in a step, in a tool and in a child. */
const finder = defineAgent({
  name: 'finder',
  run: async ({ step }) => {
    found.push(getExecutionEngineFactory());
    await step('inside', () => void found.push(getExecutionEngineFactory()));
    return null;
  },
});
let found: unknown[] = [];

test.override('runtimeOptions', { config: { agents: [finder] } });

/** Code that no fixture's scope reaches. */
const outside = new AsyncResource('outside');
const accessor = (): ReturnType<typeof getExecutionEngineFactory> => outside.runInAsyncScope(getExecutionEngineFactory);

const startAnother = async (): Promise<EnginehouseRuntime> =>
  startup({ agents: [finder], store: await ownStore(), server: { listen: false }, log: 'silent' }, { env: {} });

test('with no factory anywhere, the accessor says so word for word, and how it is cured', () => {
  let thrown: unknown;
  try {
    accessor();
  } catch (error) {
    thrown = error;
  }

  expect(thrown).toBeInstanceOf(ExecutionEngineFactoryError);
  expect(thrown).toBeInstanceOf(EnginehouseError);
  expect(String(thrown)).toBe(
    'ExecutionEngineFactoryError: ExecutionEngineFactory not configured during startup. The factory requires a WebSocket bridge for proper agent execution. See node_modules/enginehouse/docs/from-mocks.md',
  );
  const { code, cure } = thrown as ExecutionEngineFactoryError;
  expect(code).toBe('FACTORY_NOT_CONFIGURED');
  for (const way of [
    'executionEngineFactoryTestInitialized',
    'configureExecutionEngineFactoryForTest()',
    'configureExecutionEngineFactory(await startup(config))',
    'docs/from-mocks.md',
  ]) {
    expect(cure).toContain(way);
  }
});

test('a test that takes a fixture finds it, here and in what it awaits, and nobody else does', async ({
  executionEngineFactory,
}) => {
  expect(getExecutionEngineFactory()).toBe(executionEngineFactory);
  await new Promise((resolve) => setImmediate(resolve));
  expect(getExecutionEngineFactory()).toBe(executionEngineFactory);
  expect(accessor).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
});

test('a test that takes none finds none, whatever the test before it took', () => {
  expect(getExecutionEngineFactory).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
});

test('an agent’s code finds the factory it runs in, whatever the process has', async ({
  executionEngineFactory,
  alice,
}) => {
  await using other = await startAnother();
  using _pointer = configureExecutionEngineFactory(other);
  found = [];

  await outside.runInAsyncScope(async () => {
    await using engine = await executionEngineFactory.createForUser(alice.context());
    await engine.executeAgent('finder', null).result;
  });

  expect(found).toEqual([executionEngineFactory, executionEngineFactory]);
  expect(accessor()).toBe(other.factory);
});

test('the process-wide factory is found until its runtime closes, and a second one is refused while it lives', async () => {
  const [first, second] = [await startAnother(), await startAnother()];
  configureExecutionEngineFactory(first);

  expect(accessor()).toBe(first.factory);
  expect(() => configureExecutionEngineFactory(second)).toThrowError(
    expect.objectContaining({ name: 'ExecutionEngineFactoryError', code: 'FACTORY_ALREADY_CONFIGURED' }),
  );
  await first.close();
  expect(accessor).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
  const pointer = configureExecutionEngineFactory(second);
  expect(accessor()).toBe(second.factory);
  pointer[Symbol.dispose]();
  expect(accessor).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
  await second.close();
});

test('unsetting a pointer that another runtime has by now leaves that one', async () => {
  await using first = await startAnother();
  await using second = await startAnother();
  const old = configureExecutionEngineFactory(first);
  old[Symbol.dispose]();
  using _pointer = configureExecutionEngineFactory(second);

  old[Symbol.dispose]();
  await first.close();

  expect(accessor()).toBe(second.factory);
});

test('by hand, the factory of a test is the process-wide one until it is disposed', async () => {
  {
    await using factory = await configureExecutionEngineFactoryForTest({ config: { agents: [finder] } });
    expect(accessor()).toBe(factory);
    await expect(configureExecutionEngineFactoryForTest()).rejects.toMatchObject({
      code: 'FACTORY_ALREADY_CONFIGURED',
    });
    expect(accessor()).toBe(factory);
  }
  expect(accessor).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
});

test('the bridge is that of the scope, else of the pointer, else of a runtime that the kit owns', async ({
  runtime,
  alice,
}) => {
  await using other = await startAnother();
  using pointer = configureExecutionEngineFactory(other);

  expect(await getOrCreateWebSocketBridgeForTests()).toBe(runtime.bridge);
  expect(await outside.runInAsyncScope(getOrCreateWebSocketBridgeForTests)).toBe(other.bridge);
  pointer[Symbol.dispose]();
  const own = await outside.runInAsyncScope(getOrCreateWebSocketBridgeForTests);
  expect(own.health()).toMatchObject({ connections: expect.any(Number) });
  expect(await outside.runInAsyncScope(getOrCreateWebSocketBridgeForTests)).toBe(own);
  await closeSharedRuntimes();
  await expect(Array.fromAsync(own.follow(alice.context(), runId('r1'), 0))).rejects.toMatchObject({ code: 'CLOSED' });
});
