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

import { writeSync } from 'node:fs';

import { test as base, describe, expect } from 'vitest';
import type { RunnerTestCase } from 'vitest';

import { printable, printed } from '../audit/printable.ts';
import { closeSharedRuntimes } from '../kit-owned.ts';
import { TestHome } from '../test-home.ts';
import { tellEnd } from '../tell-failure.ts';
import { stores, type StoreName, type TestOutcome, type TestRuntimeOptions, type TestStore } from '../test-options.ts';
import { parityMatchers } from './matchers-parity.ts';
import './matchers.ts';
import './matchers-parity.ts';

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from '../configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from '../execution-engine-factory-test-manager.ts';
export { shared } from '../shared.ts';
export { stores } from '../test-options.ts';
export { t } from '../timeline/pattern.ts';
export type { Sharing } from '../shared.ts';
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

expect.extend(parityMatchers);

const options: TestRuntimeOptions = {};
// Not undefined, which `extend` takes for a value that was left out.
const noStore: TestStore | null = null as TestStore | null;

export const test = base
  /** What the runtime is made of; replace it per file or per `describe`: `test.override('runtimeOptions', { … })`. */
  .extend('runtimeOptions', options)
  /** The store, where neither the test's meta nor its options name one. */
  .extend('onStore', { injected: true }, noStore)
  // Vitest makes it once for each chain of `extend`; what it closes is kept by the kit, once per process.
  // oxlint-disable-next-line eslint/no-empty-pattern -- Vitest reads from the pattern that it needs no other fixture.
  .extend('kit', { scope: 'worker' }, ({}, { onCleanup }) => {
    onCleanup(endOfWorker);
    return true;
  })
  // Not async: the scope it enters is the one that the test's body runs in. It has no options yet, so that
  // `runtimeOptions` may be made of the test's models and parts.
  .extend('bareHome', ({ task, kit: _kit }, { onCleanup }) => {
    const home = new TestHome({}, task.fullTestName);
    home.enter();
    onCleanup(() =>
      home.close(outcomeOf(task)).catch((error: unknown) => {
        // Vitest would take it for the failure that the test is to have.
        if (task.fails !== true) throw printed(error);
        tellEnd(task.fullTestName, error);
      }),
    );
    return home;
  })
  /** The same, once it knows what the test's runtime is made of. */
  .extend('testHome', ({ bareHome, runtimeOptions, onStore, task }) => {
    const store = task.meta.onStore ?? runtimeOptions.store ?? onStore ?? undefined;
    bareHome.configure({ ...runtimeOptions, store });
    return bareHome;
  })
  /** Function scope: a runtime of this test's own, booted, verified, cleaned up, proven gone. */
  .extend('executionEngineFactoryTestInitialized', async ({ testHome }) => (await testHome.own()).factory)
  /** Alias for tests that exist. */
  .extend(
    'executionEngineFactory',
    async ({ executionEngineFactoryTestInitialized }) => executionEngineFactoryTestInitialized,
  )
  /** Worker scope: one runtime per process and configuration, fresh users per test. */
  .extend('executionEngineFactorySession', async ({ testHome }) => (await testHome.shared()).factory)
  /** The whole runtime behind `executionEngineFactoryTestInitialized`. */
  .extend('runtime', async ({ testHome }) => testHome.own())
  /** That runtime's store. */
  .extend('store', async ({ runtime }) => runtime.store)
  /** That runtime's bridge. */
  .extend('bridge', async ({ runtime }) => runtime.bridge)
  /** The whole runtime behind `executionEngineFactorySession`. */
  .extend('sharedRuntime', async ({ testHome }) => testHome.shared())
  /** A runtime in a process of its own, which `chaos.kill()` can kill. */
  .extend('worker', async ({ testHome }) => testHome.worker())
  .extend('alice', async ({ testHome }) => testHome.user('alice'))
  .extend('bob', async ({ testHome }) => testHome.user('bob'))
  /** Fresh users, connected: `const [first, second] = await users(2)`. */
  .extend(
    'users',
    async ({ testHome }) =>
      (count: number) =>
        testHome.users(count),
  )
  /** Scripted models, an AI SDK provider. */
  .extend('models', async ({ bareHome }) => bareHome.models())
  /** The time of the test's own runtime; it stands still until it is moved. */
  .extend('clock', async ({ testHome }) => testHome.clock())
  /** What the test lets go wrong. */
  .extend('chaos', async ({ testHome }) => testHome.chaos)
  /** What the test's runs did. */
  .extend('timeline', async ({ testHome }) => testHome.timeline)
  /** Randomness that a failure tells how to have again. */
  .extend('seed', async ({ bareHome }) => bareHome.seed)
  /** What is under way: tell it of work that the kit cannot see, `activity.track('the mail', sending)`. */
  .extend('activity', async ({ testHome }) => testHome.activity())
  /** Closes the test's own parts, last opened first, each within 2 s: `testScope.defer('the queue', () => queue.stop())`. */
  .extend('testScope', async ({ bareHome }) => bareHome.scope);

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

/** Vitest may not hear of what goes wrong here, so it is said as well. */
async function endOfWorker(): Promise<void> {
  try {
    await closeSharedRuntimes();
  } catch (error) {
    const failure = printable(error);
    writeSync(2, `enginehouse: the end of a test process failed: ${failure.message}\n`);
    throw failure;
  }
}

/** A fixture is cleaned up when the body, and what follows each test, is over. Of `test.fails` a failure is in order. */
function outcomeOf({ result, fails, fullTestName }: Readonly<RunnerTestCase>): TestOutcome {
  return result?.state === 'fail' && fails !== true ? { failedTest: fullTestName } : {};
}
