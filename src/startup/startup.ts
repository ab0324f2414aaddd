/**
 * The one way to start Enginehouse, for production, the command line and every
 * test: the composition root, and the only place that knows all parts.
 *
 *   B1. Phases run in the order of `PHASES`; each is noted in the boot trace.
 *   B2. It touches no process-wide variable.
 *   B3. When a phase fails, what was opened is closed, and its error is thrown.
 *   B4. It resolves only after an event made the round trip (readiness).
 */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import { AgentInstanceFactory } from '../agent/agent-instance-factory.ts';
import { AgentRegistry } from '../agent/agent-registry.ts';
import type { AgentDefinition } from '../agent/define-agent.ts';
import { systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { systemIds } from '../base/ids.ts';
import { keepAlive } from '../base/keep-alive.ts';
import { ResourceRegistry } from '../base/resource-registry.ts';
import { Scope } from '../base/scope.ts';
import { AgentWebSocketBridge } from '../bridge/agent-websocket-bridge.ts';
import { ExecutionEngineFactory } from '../factory/execution-engine-factory.ts';
import { createDoors } from '../server/create-doors.ts';
import { listen, type HttpListener } from '../server/listen.ts';
import { createAgentDatabases } from '../store/database/create-agent-databases.ts';
import { openSqliteStore } from '../store/sqlite/open-sqlite-store.ts';
import { Boot } from './boot-trace.ts';
import { consoleFolder, packageVersion } from './package-files.ts';
import type { EnginehouseConfig, Seams } from './config.ts';
import { createLog } from './logger.ts';
import { ReadinessCheck, readinessAgent } from './readiness.ts';
import { resolveConfig, type Environment, type ResolvedConfig } from './resolve-config.ts';
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
 * `STORE_FAILED`, or `STARTUP_FAILED` naming the phase
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
  const { settled, limits, resources, clock, ids, log } = base;
  const { store, databases } = await boot.phase('store', () => openStores(base, scope));
  scope.defer('keep alive', keepAlive());
  // Closed after the factory and the bridge: runs end and sockets are told before their connections are cut.
  let listener: HttpListener | undefined;
  scope.defer('listener', () => listener?.close());
  const { bridge } = await boot.phase('bridge', () => {
    const holder = ids.next();
    return {
      bridge: scope.own('bridge', new AgentWebSocketBridge({ store, clock, ids, limits, resources, holder, log })),
    };
  });
  const { tools } = await boot.phase('tools', () => ({ tools: checkTools(settled.agents) }));
  const { agents, instances } = await boot.phase('agents', () => {
    const registry = new AgentRegistry([...settled.agents, readinessAgent]);
    log('debug', 'agents are registered', { agents: registry.list().map(({ name }) => name), tools });
    return { agents: registry, instances: new AgentInstanceFactory(registry) };
  });
  const { factory } = await boot.phase('factory', () => {
    const made = new ExecutionEngineFactory({
      bridge,
      store,
      agents: instances,
      databases,
      clock,
      ids,
      limits,
      resources,
      log,
    });
    const { drainTimeoutMs, cancelGraceMs } = limits;
    // Its close(), not its disposal: in a test that set it up by hand, disposing the factory closes this very runtime.
    scope.defer('factory', () => made.close(), drainTimeoutMs + cancelGraceMs + 2_000);
    return { factory: made };
  });
  const readiness = new ReadinessCheck({ factory, bridge, store, clock, ids, timeoutMs: limits.readinessTimeoutMs });
  const { doors, address } = await boot.phase('doors', async () => {
    const { auth, server } = settled;
    const ready = () => readiness.check();
    const files = { consoleFolder: consoleFolder(), version: packageVersion() };
    const rest = { store, bridge, agents, clock, ids, limits, resources, auth, log, allowedHosts: server.allowedHosts };
    const made = createDoors({ desk: factory, ready, ...files, ...rest });
    if (!server.listen) return { doors: made, address: undefined };
    listener = await listen(made, { host: server.host, port: server.port, resources, clock });
    bridge.attach(listener.server, made.socket);
    return { doors: made, address: listener.address };
  });
  const { recoveredRuns } = await boot.phase('readiness', async () => {
    await readiness.verify();
    return { recoveredRuns: await factory.recover() };
  });
  const bootTrace = boot.trace(base.seams);
  return new EnginehouseRuntime({
    factory,
    bridge,
    store,
    agents,
    doors,
    readiness,
    address,
    limits,
    resources,
    bootTrace,
    recoveredRuns,
    scope,
  });
}

function configure(config: EnginehouseConfig, { env = process.env, seams = {} }: StartupOptions) {
  const settled = resolveConfig(config, env);
  const { keepOrigins = false, clock = systemClock, ids = systemIds } = seams;
  return {
    settled,
    clock,
    ids,
    limits: settled.limits,
    resources: new ResourceRegistry({ keepOrigins }),
    log: createLog(settled.log),
    seams: Object.entries(seams)
      .filter(([, seam]) => seam !== undefined)
      .map(([name]) => name),
  };
}

async function openStores({ settled, limits, resources, clock }: Configuration, scope: Scope) {
  const { path, maxBytes } = settled.store;
  const store = scope.own('store', await openSqliteStore({ path, maxBytes, limits, resources }), 10_000);
  const data = path === ':memory:' ? temporaryFolder() : { folder: () => path, remove: undefined };
  const databases = createAgentDatabases({
    folder: data.folder,
    migrations: settled.migrations,
    limits,
    clock,
    resources,
  });
  if (data.remove !== undefined) scope.defer('temporary data', data.remove);
  scope.own('databases', databases, 10_000);
  return { store, databases };
}

/** A store in memory has its users' databases in a folder that goes with it, made when one is first used. */
function temporaryFolder(): { readonly folder: () => string; readonly remove: () => Promise<void> } {
  let made: string | undefined;
  return {
    folder: () => (made ??= mkdtempSync(join(tmpdir(), 'enginehouse-'))),
    remove: async () => {
      if (made !== undefined) await rm(made, { recursive: true, force: true });
    },
  };
}

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;

function checkTools(agents: ResolvedConfig['agents']): readonly string[] {
  const names = agents.flatMap((agent: AgentDefinition) =>
    Object.keys(agent.tools).map((tool) => ({ agent: agent.name, tool })),
  );
  for (const { agent, tool } of names) {
    if (TOOL_NAME.test(tool)) continue;
    const reason = `tool ${JSON.stringify(tool)} must be named with 1 to 64 letters, digits, "-" and "_"`;
    throw new EnginehouseError('AGENT_INVALID', `agent ${JSON.stringify(agent)}: ${reason}`, { agent, reason });
  }
  return [...new Set(names.map(({ tool }) => tool))];
}
