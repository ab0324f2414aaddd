/**
 * The one way to start Enginehouse, for production, the command line and every
 * test: the composition root, and the only place that knows all parts.
 *
 *   B1. Phases run in the order of `PHASES`; each is noted in the boot trace.
 *   B2. It touches no process-wide variable.
 *   B3. When a phase fails, what was opened is closed, and its error is thrown.
 *   B4. It resolves only after an event made the round trip (readiness).
 */

import { AgentInstanceFactory } from '../agent/agent-instance-factory.ts';
import { AgentRegistry } from '../agent/agent-registry.ts';
import { systemClock } from '../base/clock.ts';
import { systemIds } from '../base/ids.ts';
import { keepAlive } from '../base/keep-alive.ts';
import { ResourceRegistry } from '../base/resource-registry.ts';
import { Scope } from '../base/scope.ts';
import { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import type { Store } from '../event/store.ts';
import { ExecutionEngineFactory, type ExecutionEngineFactoryDeps } from '../factory/execution-engine-factory.ts';
import { createDoors } from '../server/create-doors.ts';
import type { DoorDeps } from '../server/door-deps.ts';
import { listen } from '../server/listen.ts';
import { Boot } from './boot-trace.ts';
import { checkTools } from './check-tools.ts';
import { consoleFolder, packageVersion } from './package-files.ts';
import type { EnginehouseConfig, Seams } from './config.ts';
import { createLog } from './logger.ts';
import { openStores, type Stores } from './open-stores.ts';
import { ReadinessCheck, readinessAgent } from './readiness.ts';
import { resolveConfig, type Environment } from './resolve-config.ts';
import { EnginehouseRuntime } from './runtime.ts';

export interface StartupOptions {
  /** Where options that the config leaves open are looked up. @default process.env */
  readonly env?: Environment;
  /** What a test replaces. A production entry passes none. */
  readonly seams?: Seams;
}

type Configuration = Awaited<ReturnType<typeof configure>>;

/**
 * Starts a runtime and resolves once it is verified. The caller owns it: `await using runtime = await startup(config)`.
 *
 * @throws `CONFIG_INVALID`, `AGENT_INVALID`, `AUTH_REQUIRED`, `PORT_IN_USE`, `STORE_NEWER`, `STORE_IN_USE`,
 * `STORE_FAILED`, `MIGRATION_PENDING`, `MIGRATION_FAILED`, or `STARTUP_FAILED` naming the phase
 * @example
 * await using runtime = await startup({ agents: [greeter] });
 * console.log(runtime.address?.url);
 */
export async function startup(config: EnginehouseConfig, options: StartupOptions = {}): Promise<EnginehouseRuntime> {
  const boot = new Boot();
  const seams = options.seams ?? {};
  const clock = seams.clock ?? systemClock;
  const scope = new Scope('runtime', { clock });
  try {
    const base = await boot.phase('configuration', () => configure(config, options));
    return await openAll(base, boot, scope);
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
}

async function openAll(base: Configuration, boot: Boot, scope: Scope): Promise<EnginehouseRuntime> {
  const { settled, limits, resources, clock, ids } = base;
  const stores = await boot.phase('store', async () => aroundStores(await openStores(base, scope), base.around));
  const { store } = stores;
  scope.defer('keep alive', keepAlive());
  // Its place is here, so that it closes after the factory and the bridge: runs end and sockets are told before their
  // connections are cut.
  const listening = scope.own('listener', new AsyncDisposableStack());
  const { bridge } = await boot.phase('bridge', () => openBridge(base, store, scope));
  await boot.phase('tools', () => ({ tools: checkTools(settled.agents) }));
  const { agents, instances } = await boot.phase('agents', () => {
    const registry = new AgentRegistry([...settled.agents, readinessAgent]);
    return { agents: registry, instances: new AgentInstanceFactory(registry) };
  });
  const { factory } = await boot.phase('factory', () =>
    openFactory({ ...base, ...stores, bridge, agents: instances }, scope),
  );
  const readiness = new ReadinessCheck({ factory, bridge, store, clock, ids, timeoutMs: limits.readinessTimeoutMs });
  const { doors, address } = await boot.phase('doors', () =>
    openDoors(base, { store, bridge, agents, desk: factory, ready: () => readiness.check() }, listening),
  );
  const { recoveredRuns } = await boot.phase('readiness', async () => {
    await readiness.verify();
    return { recoveredRuns: await factory.recover() };
  });
  const bootTrace = boot.trace(base.seams);
  const parts = { factory, bridge, store, agents, doors, readiness, address };
  return new EnginehouseRuntime({ ...parts, limits, resources, bootTrace, recoveredRuns, scope });
}

/** What closes a store is the scope that opened it: what stands around it sees calls, not the end. */
function aroundStores({ store, databases }: Stores, { aroundStore, aroundDatabases }: Seams): Stores {
  return { store: aroundStore?.(store) ?? store, databases: aroundDatabases?.(databases) ?? databases };
}

function openBridge({ clock, ids, limits, resources, log }: Configuration, store: Store, scope: Scope) {
  const holder = ids.next();
  const bridge = new AgentWebSocketBridge({ store, clock, ids, limits, resources, holder, log });
  return { bridge: scope.own('bridge', bridge) };
}

function openFactory(deps: ExecutionEngineFactoryDeps, scope: Scope) {
  const { bridge, store, agents, databases, clock, ids, limits, resources, log } = deps;
  const factory = new ExecutionEngineFactory({ bridge, store, agents, databases, clock, ids, limits, resources, log });
  const { drainTimeoutMs, cancelGraceMs } = limits;
  // Its close(), not its disposal: in a test that set it up by hand, disposing the factory closes this very runtime.
  scope.defer('factory', () => factory.close(), drainTimeoutMs + cancelGraceMs + 2_000);
  return { factory };
}

interface BehindDoors extends Pick<DoorDeps, 'store' | 'agents' | 'desk' | 'ready'> {
  readonly bridge: AgentWebSocketBridge;
}

async function openDoors(base: Configuration, behind: BehindDoors, listening: AsyncDisposableStack) {
  const { settled, clock, ids, limits, resources, log } = base;
  const { host, port, listen: own, allowedHosts } = settled.server;
  const files = { consoleFolder: consoleFolder(), version: packageVersion() };
  const doors = createDoors({ ...behind, ...files, clock, ids, limits, auth: settled.auth, log, allowedHosts });
  if (!own) return { doors, address: undefined };
  const listener = listening.use(await listen(doors, { host, port, resources, clock }));
  behind.bridge.attach(listener.server, doors.socket);
  return { doors, address: listener.address };
}

function configure(config: EnginehouseConfig, { env = process.env, seams = {} }: StartupOptions) {
  const settled = resolveConfig(config, env);
  const { keepOrigins = false, clock = systemClock, ids = systemIds, tenant } = seams;
  return {
    settled,
    clock,
    ids,
    tenant,
    limits: settled.limits,
    resources: new ResourceRegistry({ keepOrigins }),
    log: createLog(settled.log, seams.logLine),
    around: seams,
    seams: Object.entries(seams)
      .filter(([, seam]) => seam !== undefined)
      .map(([name]) => name),
  };
}
