/**
 * What a guarded handle gives out that must be guarded as well. A member that
 * no shape names is given out as it is: values, events, promises of results.
 */

import { AgentWebSocketBridge } from '../../bridge/agent-websocket-bridge.ts';
import type { ClientRun } from '../../client/client-run.ts';
import { EnginehouseClient } from '../../client/enginehouse-client.ts';
import type { AgentRun } from '../../engine/agent-run.ts';
import { UserExecutionEngine } from '../../engine/user-execution-engine.ts';
import type { OwnedStore, Store } from '../../event/store.ts';
import { ExecutionEngineFactory } from '../../factory/execution-engine-factory.ts';
import { EnginehouseRuntime } from '../../startup/runtime.ts';
import { TestUser } from '../test-user.ts';

export interface Shape {
  /** Members whose value or result is guarded, also when it is promised. */
  readonly gives: ReadonlyMap<PropertyKey, Shape>;
  /** Methods whose callback is given something that is guarded. */
  readonly lends: ReadonlyMap<PropertyKey, Shape>;
}

type Members<T> = { readonly [Member in keyof T]?: Shape };

function shape<T>(gives: Members<T>, lends: Members<T> = {}): Shape {
  return { gives: byName(gives), lends: byName(lends) };
}

function byName(members: object): ReadonlyMap<PropertyKey, Shape> {
  return new Map(Object.entries(members));
}

/** Guarded itself, and nothing that it gives out. */
export const NO_SHAPE: Shape = shape({});

const OWNED_STORE = shape<OwnedStore>({
  log: NO_SHAPE,
  runs: NO_SHAPE,
  leases: NO_SHAPE,
  commands: NO_SHAPE,
  artifacts: NO_SHAPE,
  threads: NO_SHAPE,
});
const STORE = shape<Store>({ for: OWNED_STORE });
const RUN = shape<AgentRun>({});
const ENGINE = shape<UserExecutionEngine>({
  executeAgent: RUN,
  emitter: NO_SHAPE,
  databaseSessionManager: NO_SHAPE,
  toolDispatcher: NO_SHAPE,
});
const FACTORY = shape<ExecutionEngineFactory>(
  { createForUser: ENGINE, activeEngines: ENGINE },
  { userExecutionScope: ENGINE },
);
const BRIDGE = shape<AgentWebSocketBridge>({ createUserEmitter: NO_SHAPE, attach: NO_SHAPE });
const RUNTIME = shape<EnginehouseRuntime>({
  factory: FACTORY,
  bridge: BRIDGE,
  store: STORE,
  resources: NO_SHAPE,
  agents: NO_SHAPE,
  attach: NO_SHAPE,
});
const CLIENT_RUN = shape<ClientRun>({});
const CLIENT = shape<EnginehouseClient>({ start: CLIENT_RUN, run: CLIENT_RUN });
const USER = shape<TestUser>({ client: CLIENT, connect: CLIENT });

const SHAPES = [
  [ExecutionEngineFactory, FACTORY],
  [UserExecutionEngine, ENGINE],
  [EnginehouseRuntime, RUNTIME],
  [AgentWebSocketBridge, BRIDGE],
  [TestUser, USER],
  [EnginehouseClient, CLIENT],
] as const;

/** The shape of a handle. A store has no class of its own: it is one by what it can do. */
export function shapeOf(handle: object): Shape {
  const known = SHAPES.find(([type]) => handle instanceof type)?.[1];
  return known ?? ('for' in handle && 'unfinished' in handle ? STORE : NO_SHAPE);
}
