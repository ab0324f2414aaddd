/** The test kit without a runner: boot the real runtime, verify it, take it down with proof. */

export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from './configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
export { closeSharedRuntimes, sharedRuntime } from './kit-owned.ts';
export { TestClock } from './test-clock.ts';
export { TestRuntime } from './test-runtime.ts';
export { TestUser } from './test-user.ts';
export { stores } from './test-options.ts';
export type { Isolation, StoreName, TestOutcome, TestRuntimeOptions, TestStore } from './test-options.ts';
