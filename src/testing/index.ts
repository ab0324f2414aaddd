/** The test kit without a runner: boot the real runtime, verify it, drive it, audit it, take it down with proof. */

export { Activity } from './activity.ts';
export { Chaos } from './chaos.ts';
export { configureExecutionEngineFactoryForTest, getOrCreateWebSocketBridgeForTests } from './configure-for-test.ts';
export { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
export { closeSharedRuntimes, sharedRuntime } from './kit-owned.ts';
export { Models } from './models/models.ts';
export { assertBootedLikeProduction } from './parity/check-parity.ts';
export { compareBoots } from './parity/compare-boots.ts';
export { productionTrace } from './parity/production-trace.ts';
export { Seed } from './seed.ts';
export { shared } from './shared.ts';
export { TestClock } from './test-clock.ts';
export { TestHome } from './test-home.ts';
export { stores } from './test-options.ts';
export { TestRuntime } from './test-runtime.ts';
export { TestTimeline } from './test-timeline.ts';
export { TestUser } from './test-user.ts';
export { Worker } from './worker/worker.ts';
export type { ParityOptions } from './parity/production-entry.ts';
export type { Sharing } from './shared.ts';
export type { Isolation, StoreName, TestOutcome, TestRuntimeOptions, TestStore } from './test-options.ts';
