import { asyncScope } from '../base/async-scope.ts';
import { ExecutionEngineFactoryError, isEnginehouseError } from '../base/errors.ts';
import type { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import { configuredRuntime, configureExecutionEngineFactory } from '../startup/pointer.ts';
import { ExecutionEngineFactoryTestManager } from './execution-engine-factory-test-manager.ts';
import { bootedAt } from './hand-made.ts';
import { bridgeOf } from './known-runtimes.ts';
import { ownedByKit } from './kit-owned.ts';
import type { TestRuntimeOptions } from './test-options.ts';

/**
 * The fixture by hand: boots and verifies a runtime, and makes it the one that `getExecutionEngineFactory()` finds.
 * Disposing the factory takes the whole runtime down, with proof.
 *
 * @throws `FACTORY_ALREADY_CONFIGURED` while another one lives, and what `startup()` throws
 * @example
 * await using factory = await configureExecutionEngineFactoryForTest();
 */
export async function configureExecutionEngineFactoryForTest(
  options: TestRuntimeOptions = {},
): Promise<ExecutionEngineFactory & AsyncDisposable> {
  const manager = new ExecutionEngineFactoryTestManager(options);
  const factory = await manager.initializeForTests();
  try {
    configureExecutionEngineFactory(manager.runtime);
  } catch (error) {
    await manager.cleanup();
    const where = bootedAt(configuredRuntime());
    if (!isEnginehouseError(error, 'FACTORY_ALREADY_CONFIGURED') || where === undefined) throw error;
    throw new ExecutionEngineFactoryError(error.code, `${error.message}: it was booted at ${where}`, {});
  }
  // This factory's end is its runtime's end: the test owns both.
  return Object.defineProperty(factory, Symbol.asyncDispose, { value: () => manager.cleanup() });
}

/**
 * The bridge of the current scope's runtime, else of the process-wide one, else of a runtime that the kit boots and
 * closes by itself (after the last test of the file, where `enginehouse/testing/vitest/setup` is set up).
 */
export async function getOrCreateWebSocketBridgeForTests(): Promise<AgentWebSocketBridge> {
  const scoped = asyncScope.getStore()?.factory;
  const known = scoped instanceof ExecutionEngineFactory ? bridgeOf(scoped) : configuredRuntime()?.bridge;
  return known ?? (await ownedByKit()).bridge;
}
