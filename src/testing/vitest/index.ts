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

import { test as base } from 'vitest';

import { TestHome } from '../test-home.ts';
import type { TestRuntimeOptions } from '../test-options.ts';

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from '../configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from '../execution-engine-factory-test-manager.ts';
export type { TestRuntimeOptions } from '../test-options.ts';
export type { TestUser } from '../test-user.ts';

const options: TestRuntimeOptions = {};

export const test = base
  /** What the runtime is made of; replace it per file or per `describe`: `test.override('runtimeOptions', { … })`. */
  .extend('runtimeOptions', options)
  // Not async: the scope it enters is the one that the test's body runs in.
  .extend('testHome', ({ runtimeOptions }, { onCleanup }) => {
    const home = new TestHome(runtimeOptions);
    home.enter();
    onCleanup(() => home.close());
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
  .extend('alice', async ({ testHome }) => testHome.user('alice'))
  .extend('bob', async ({ testHome }) => testHome.user('bob'));
