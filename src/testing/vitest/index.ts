/**
 * The fixtures for Vitest. Each is lazy: a test pays for what it names.
 *
 * @example
 * import { test, expect } from 'enginehouse/testing/vitest';
 *
 * test('an agent works on the real database', async ({ executionEngineFactoryTestInitialized: factory, alice }) => {
 *   await using engine = await factory.createForUser(alice.context());
 *   const run = engine.executeAgent('inventory', { sku: 'otter-1' });
 *   expect((await run.result).status).toBe('completed');
 * });
 */

import { test as base, describe } from 'vitest';
import type { RunnerTestCase } from 'vitest';

import { TestHome } from '../test-home.ts';
import { stores, type StoreName, type TestOutcome, type TestRuntimeOptions, type TestStore } from '../test-options.ts';

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from '../configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from '../execution-engine-factory-test-manager.ts';
export { stores } from '../test-options.ts';
export type { Isolation, TestRuntimeOptions, TestStore } from '../test-options.ts';
export type { TestUser } from '../test-user.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The store of a whole project's tests: `provide: { onStore: 'postgres' }`. */
    onStore: TestStore;
  }
  interface TaskMeta {
    /** The store of one test, or of a `describe`: `test('…', { meta: { onStore: 'postgres' } }, …)`. */
    onStore?: TestStore | undefined;
  }
}

const options: TestRuntimeOptions = {};
// Not undefined, which `extend` takes for a value that was left out.
const noStore: TestStore | null = null as TestStore | null;

export const test = base
  /** What the runtime is made of; replace it per file or per `describe`: `test.override('runtimeOptions', { … })`. */
  .extend('runtimeOptions', options)
  /** The store, where neither the test's meta nor its options name one. */
  .extend('onStore', { injected: true }, noStore)
  // Not async: the scope it enters is the one that the test's body runs in.
  .extend('testHome', ({ runtimeOptions, onStore, task }, { onCleanup }) => {
    const store = task.meta.onStore ?? runtimeOptions.store ?? onStore ?? undefined;
    const home = new TestHome({ ...runtimeOptions, store });
    home.enter();
    onCleanup(() => home.close(outcomeOf(task)));
    return home;
  })
  /** Function scope: a runtime of this test's own, booted, verified, cleaned up, proven gone. */
  .extend('executionEngineFactoryTestInitialized', async ({ testHome }) => (await testHome.own()).runtime.factory)
  /** Alias for tests that exist. */
  .extend(
    'executionEngineFactory',
    async ({ executionEngineFactoryTestInitialized }) => executionEngineFactoryTestInitialized,
  )
  /** Worker scope: one runtime per process and configuration, fresh users per test. */
  .extend('executionEngineFactorySession', async ({ testHome }) => (await testHome.shared()).runtime.factory)
  /** The whole runtime behind `executionEngineFactoryTestInitialized`. */
  .extend('runtime', async ({ testHome }) => (await testHome.own()).runtime)
  /** That runtime's store. */
  .extend('store', async ({ runtime }) => runtime.store)
  .extend('alice', async ({ testHome }) => testHome.user('alice'))
  .extend('bob', async ({ testHome }) => testHome.user('bob'));

/**
 * Runs the tests inside once on each store.
 *
 * @example
 * onBothStores(() => {
 *   test('an order takes from the stock', async ({ runtime, alice }) => { … });
 * });
 */
export function onBothStores(tests: (store: StoreName) => void): void {
  describe.each(stores)('on %s', (onStore) => {
    test.override({ onStore });
    tests(onStore);
  });
}

/** A fixture is cleaned up when the body, and what follows each test, is over. */
function outcomeOf({ result, fullTestName }: Readonly<RunnerTestCase>): TestOutcome {
  return result?.state === 'fail' ? { failedTest: fullTestName } : {};
}
