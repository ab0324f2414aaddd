import { ExecutionEngineFactory, type ExecutionEngineFactoryDeps } from '../../src/factory/execution-engine-factory.ts';

/** With all its parts there is a factory. */
export function whole(parts: ExecutionEngineFactoryDeps): ExecutionEngineFactory {
  return new ExecutionEngineFactory(parts);
}

/** Without its bridge there is none. */
export function withoutBridge(parts: Omit<ExecutionEngineFactoryDeps, 'bridge'>): ExecutionEngineFactory {
  // @ts-expect-error the bridge is missing
  return new ExecutionEngineFactory(parts);
}
