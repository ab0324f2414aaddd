/**
 * The fixtures for `node:test`, which has none of its own: one call per test,
 * and one hook that takes everything down, last opened first.
 *
 * @example
 * import { test } from 'node:test';
 * import { enginehouse } from 'enginehouse/testing/node';
 *
 * test('an agent works on the real database', async (t) => {
 *   const { factory, alice } = await enginehouse(t);
 *   await using engine = await factory.createForUser(alice.context());
 *   …
 * });
 */

import type { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { Store } from '../event/store.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { tellEnd } from './tell-failure.ts';
import { TestHome } from './test-home.ts';
import type { TestRuntimeOptions } from './test-options.ts';
import type { TestUser } from './test-user.ts';

export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from './configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
export { closeSharedRuntimes } from './kit-owned.ts';
export { shared } from './shared.ts';
export { stores } from './test-options.ts';
export type { Sharing } from './shared.ts';
export type { Isolation, StoreName, TestRuntimeOptions, TestStore } from './test-options.ts';
export type { TestUser } from './test-user.ts';

/** What the kit needs of a test's context. */
interface NodeTest {
  /** The names of the test and of those around it. */
  readonly fullName?: string;
  /** Once its function is over: whether that went well. Hooks may still fail. */
  readonly passed?: boolean;
  after(hook: () => Promise<void>): void;
}

/** One test's runtime and users, and all that `TestHome` gives: models, chaos, clock, timeline, scope … */
export interface NodeTestHome {
  readonly factory: ExecutionEngineFactory;
  readonly runtime: EnginehouseRuntime;
  readonly bridge: AgentWebSocketBridge;
  readonly store: Store;
  readonly alice: TestUser;
  readonly bob: TestUser;
  /** What the test steers. */
  readonly home: TestHome;
}

export interface NodeTestOptions extends TestRuntimeOptions {
  /** One runtime per process and configuration instead of one per test; close it with `after(closeSharedRuntimes)`. @default false */
  readonly session?: boolean;
}

/** A home for the test `t`, without a runtime until it asks for one; it is closed after the test, with proof. */
export function testHome(t: NodeTest, options: TestRuntimeOptions = {}): TestHome {
  const home = new TestHome(options, t.fullName);
  home.enter();
  // One hook, because the runner calls several in the order they were given, and forgets the error of the second.
  t.after(async () => {
    const test = t.fullName ?? 'a test';
    const failed = t.passed === false;
    await home.close(failed ? { failedTest: test } : {}).catch((error: unknown) => {
      // Of a test that failed, the runner tells nothing that came after.
      if (failed) tellEnd(test, error);
      throw error;
    });
  });
  return home;
}

/** Boots and verifies a runtime for the test `t`, and takes it down after it, with proof. */
export async function enginehouse(t: NodeTest, options: NodeTestOptions = {}): Promise<NodeTestHome> {
  const { session = false, ...rest } = options;
  const home = testHome(t, rest);
  const runtime = session ? await home.shared() : await home.own();
  const { factory, bridge, store } = runtime;
  return { factory, runtime, bridge, store, alice: home.user('alice'), bob: home.user('bob'), home };
}
