import type { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import type { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';

/** Which bridge belongs to a factory that the kit booted. Holds nothing alive. */
const bridges = new WeakMap<ExecutionEngineFactory, AgentWebSocketBridge>();

export function know({ factory, bridge }: EnginehouseRuntime): void {
  bridges.set(factory, bridge);
}

export function bridgeOf(factory: ExecutionEngineFactory): AgentWebSocketBridge | undefined {
  return bridges.get(factory);
}
