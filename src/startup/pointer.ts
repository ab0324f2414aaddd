/**
 * The process-wide accessor, for code that cannot be handed its factory. It is
 * a thin pointer and the one module-level variable of the house: the core takes
 * its factory as a value, and many runtimes live in one process.
 *
 * It resolves in this order: the current async scope (a test fixture enters
 * one, and so does the engine around an agent's code), then the pointer, else
 * the error below with its cure.
 */

import { asyncScope } from '../base/async-scope.ts';
import { ExecutionEngineFactoryError } from '../base/errors.ts';
import { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { EnginehouseRuntime } from './runtime.ts';

let configured: EnginehouseRuntime | undefined;

/**
 * Makes `runtime` the one that `getExecutionEngineFactory()` finds, until it is closed or the returned disposable is disposed.
 *
 * @throws `FACTORY_ALREADY_CONFIGURED` while another one lives
 */
export function configureExecutionEngineFactory(runtime: EnginehouseRuntime): Disposable {
  if (configured !== undefined && !configured.closed) {
    throw new ExecutionEngineFactoryError(
      'FACTORY_ALREADY_CONFIGURED',
      'an ExecutionEngineFactory is configured already, and it lives',
      {},
    );
  }
  const unset = (): void => {
    if (configured === runtime) configured = undefined;
  };
  runtime.onClose(unset);
  configured = runtime;
  return { [Symbol.dispose]: unset };
}

/** Takes the pointer back, whoever set it. @internal */
export function unsetConfiguredRuntime(): void {
  configured = undefined;
}

/** The runtime that the process-wide pointer names. @internal */
export function configuredRuntime(): EnginehouseRuntime | undefined {
  return configured?.closed === false ? configured : undefined;
}

/**
 * The factory of the current async scope, else of the process.
 *
 * @throws ExecutionEngineFactoryError `FACTORY_NOT_CONFIGURED` when there is none; its `cure` says what to do in a test and in an application
 */
export function getExecutionEngineFactory(): ExecutionEngineFactory {
  const scoped = asyncScope.getStore()?.factory;
  if (scoped instanceof ExecutionEngineFactory) return scoped;
  if (configured !== undefined && !configured.closed) return configured.factory;
  const text =
    'ExecutionEngineFactory not configured during startup. The factory requires a WebSocket bridge for proper agent execution. ' +
    'See node_modules/enginehouse/docs/from-mocks.md';
  throw new ExecutionEngineFactoryError('FACTORY_NOT_CONFIGURED', text, {});
}
