/**
 * The one way to start Enginehouse, for production, the command line and every
 * test: the composition root, and the only place that knows all parts.
 *
 *   B1. Phases run in the order of `PHASES`. Each gets the parts that are there by
 *       then, and the boot trace notes which of them it read and what it made.
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
import { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import { createDoors } from '../server/create-doors.ts';
import { listen } from '../server/listen.ts';
import { Boot, writeBootTrace } from './boot-trace.ts';
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

type Configuration = ReturnType<typeof configure>;

/**
 * Starts a runtime and resolves once it is verified. The caller owns it: `await using runtime = await startup(config)`.
 * With ENGINEHOUSE_BOOT_TRACE in the environment its boot trace is written to that file, as JSON.
 *
 * @throws `CONFIG_INVALID`, `AGENT_INVALID`, `AUTH_REQUIRED`, `PORT_IN_USE`, `STORE_NEWER`, `STORE_IN_USE`,
 * `STORE_FAILED`, `MIGRATION_PENDING`, `MIGRATION_FAILED`, or `STARTUP_FAILED` naming the phase
 * @example
 * await using runtime = await startup({ agents: [greeter] });
 * console.log(runtime.address?.url);
 */
export async function startup(config: EnginehouseConfig, options: StartupOptions = {}): Promise<EnginehouseRuntime> {
  const { env = process.env, seams = {} } = options;
  const boot = new Boot();
  const scope = new Scope('runtime', { clock: seams.clock ?? systemClock });
  try {
    const base = await boot.phase('configuration', { config, env, seams }, configure);
    const runtime = await openAll(base, boot, scope);
    const traceFile = env['ENGINEHOUSE_BOOT_TRACE'] ?? '';
    if (traceFile !== '') await writeBootTrace(traceFile, runtime.bootTrace);
    return runtime;
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
}

async function openAll(base: Configuration, boot: Boot, scope: Scope): Promise<EnginehouseRuntime> {
  const stores = await boot.phase('store', base, (parts) => openAroundStores(parts, scope));
  scope.defer('keep alive', keepAlive());
  // Its place is here, so that it closes after the factory and the bridge: runs end and sockets are told before their
  // connections are cut.
  const listening = scope.own('listener', new AsyncDisposableStack());
  const { bridge } = await boot.phase('bridge', { ...base, ...stores }, (parts) => openBridge(parts, scope));
  await boot.phase('tools', base, ({ settled }) => ({ tools: checkTools(settled.agents) }));
  const { agents, instances } = await boot.phase('agents', base, openAgents);
  const { factory } = await boot.phase('factory', { ...base, ...stores, bridge, instances }, (parts) =>
    openFactory(parts, scope),
  );
  const { doors, readiness, address } = await boot.phase(
    'doors',
    { ...base, ...stores, bridge, agents, factory },
    (parts) => openDoors(parts, listening),
  );
  const { recoveredRuns } = await boot.phase('readiness', { factory, readiness }, async (parts) => {
    await parts.readiness.verify();
    return { recoveredRuns: await parts.factory.recover() };
  });
  const { limits, resources } = base;
  const bootTrace = boot.trace(base.seams);
  const parts = { factory, bridge, store: stores.store, agents, doors, readiness, address };
  return new EnginehouseRuntime({ ...parts, limits, resources, bootTrace, recoveredRuns, scope });
}

/** What closes a store is the scope that opened it: what stands around it sees calls, not the end. */
async function openAroundStores(
  { settled, limits, resources, clock, seams }: Configuration,
  scope: Scope,
): Promise<Stores> {
  const { tenant, aroundStore, aroundDatabases } = seams;
  const { store, databases } = await openStores({ settled, limits, resources, clock, tenant }, scope);
  return { store: aroundStore?.(store) ?? store, databases: aroundDatabases?.(databases) ?? databases };
}

function openBridge({ store, clock, ids, limits, resources, log }: Configuration & Stores, scope: Scope) {
  const holder = ids.next();
  const bridge = new AgentWebSocketBridge({ store, clock, ids, limits, resources, holder, log });
  return { bridge: scope.own('bridge', bridge) };
}

function openAgents({ settled }: Configuration) {
  const agents = new AgentRegistry([...settled.agents, readinessAgent]);
  return { agents, instances: new AgentInstanceFactory(agents) };
}

interface BehindFactory extends Configuration, Stores {
  readonly bridge: AgentWebSocketBridge;
  readonly instances: AgentInstanceFactory;
}

function openFactory(parts: BehindFactory, scope: Scope) {
  const { bridge, store, instances: agents, databases, clock, ids, limits, resources, log } = parts;
  const factory = new ExecutionEngineFactory({ bridge, store, agents, databases, clock, ids, limits, resources, log });
  const { drainTimeoutMs, cancelGraceMs } = limits;
  // Its close(), not its disposal: in a test that set it up by hand, disposing the factory closes this very runtime.
  scope.defer('factory', () => factory.close(), drainTimeoutMs + cancelGraceMs + 2_000);
  return { factory };
}

interface BehindDoors extends Configuration, Stores {
  readonly bridge: AgentWebSocketBridge;
  readonly agents: AgentRegistry;
  readonly factory: ExecutionEngineFactory;
}

async function openDoors(parts: BehindDoors, listening: AsyncDisposableStack) {
  const { settled, store, bridge, agents, factory, clock, ids, limits, resources, log } = parts;
  const { host, port, listen: own, allowedHosts } = settled.server;
  const readiness = new ReadinessCheck({ factory, bridge, store, clock, ids, timeoutMs: limits.readinessTimeoutMs });
  const behind = { store, bridge, agents, desk: factory, ready: () => readiness.check() };
  const files = { consoleFolder: consoleFolder(), version: packageVersion() };
  const doors = createDoors({ ...behind, ...files, clock, ids, limits, auth: settled.auth, log, allowedHosts });
  if (!own) return { doors, readiness, address: undefined };
  const listener = listening.use(await listen(doors, { host, port, resources, clock }));
  bridge.attach(listener.server, doors.socket);
  return { doors, readiness, address: listener.address };
}

interface Said {
  readonly config: EnginehouseConfig;
  readonly env: Environment;
  readonly seams: Seams;
}

function configure({ config, env, seams }: Said) {
  const settled = resolveConfig(config, env);
  const { keepOrigins = false, clock = systemClock, ids = systemIds, logLine } = seams;
  return {
    settled,
    clock,
    ids,
    limits: settled.limits,
    resources: new ResourceRegistry({ keepOrigins }),
    log: createLog(settled.log, logLine),
    seams,
  };
}
