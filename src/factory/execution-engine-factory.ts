/**
 * Makes one engine per context and keeps every user within the limits. Users
 * never share an engine.
 *
 *   F1. It cannot exist without its parts: a missing one is a compile error and,
 *       from JavaScript, an `ExecutionEngineFactoryError` that names it.
 *   F2. Every run goes through it, whichever door it came in by.
 *   F3. Once closed it refuses; closing waits for runs, with a bound, and leaves
 *       what has not ended to the next start.
 */

import type { AgentInstanceFactory } from '../agent/agent-instance-factory.ts';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError, ExecutionEngineFactoryError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { LoopWatch } from '../base/loop-watch.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import { ownerKey, tenantId, userId, type Owner, type RunId } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import { isTerminal } from '../context/run-status.ts';
import { UserExecutionContext } from '../context/user-execution-context.ts';
import { ActiveRuns } from '../engine/active-runs.ts';
import type { AcceptedRun } from '../engine/agent-run.ts';
import type { EngineDeps } from '../engine/engine-deps.ts';
import type { DrivenRun } from '../engine/driven-run.ts';
import { UserExecutionEngine, type EngineLoan } from '../engine/user-execution-engine.ts';
import type { AgentDatabases } from '../event/database-session-manager.ts';
import type { EventBridge } from '../event/event-bridge.ts';
import type { Store } from '../event/store.ts';
import { Detached } from '../tool/detached.ts';
import { Slots } from './slots.ts';

/** The parts of a factory. `startup()` has them all. */
export interface ExecutionEngineFactoryDeps {
  readonly bridge: EventBridge;
  readonly store: Store;
  readonly agents: AgentInstanceFactory;
  readonly databases: AgentDatabases;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly resources: ResourceRegistry;
  readonly log: Log;
}

/** What a door says when a user wants a run to end. */
export interface CancelRequest {
  /** The idempotency key: repeating it has one effect and one answer. */
  readonly commandId: string;
  readonly runId: RunId;
  readonly reason: string;
  readonly by: string;
}

export interface FactoryMetrics {
  readonly enginesCreated: number;
  readonly enginesDisposed: number;
  readonly runsRunning: number;
  readonly runsWaiting: number;
}

const PARTS = ['bridge', 'store', 'agents', 'databases', 'clock', 'ids', 'limits', 'resources', 'log'] as const;

export class ExecutionEngineFactory implements AsyncDisposable {
  /** Whom readiness runs for: nobody, under an id that nobody can guess. @internal */
  readonly house: Owner = { tenantId: tenantId('enginehouse'), userId: userId(crypto.randomUUID()) };
  readonly #deps: EngineDeps;
  readonly #slots: Slots;
  readonly #active = new ActiveRuns();
  /** Engines of callers, who must dispose them. */
  readonly #lent = new Map<string, Set<UserExecutionEngine>>();
  /** Engines of runs that a door started, or that a restart took up. */
  readonly #own = new Set<UserExecutionEngine>();
  readonly #watch: LoopWatch<DrivenRun>;
  #created = 0;
  #disposed = 0;
  #closing: Promise<void> | undefined;

  /** @throws `FACTORY_PART_MISSING` naming the part (F1). */
  constructor(deps: ExecutionEngineFactoryDeps) {
    requireParts(deps);
    const { limits } = deps;
    this.#slots = new Slots(limits, this.house);
    this.#watch = new LoopWatch<DrivenRun>(limits.blockedLoopMs, (suspects, blockedMs) =>
      this.#blocked(suspects, blockedMs),
    );
    this.#deps = { ...deps, admission: this.#slots, active: this.#active, watch: this.#watch, scope: () => this };
  }

  /**
   * Gives an engine bound to `context`. Queues nothing, writes nothing. Dispose it: `await using engine = …`.
   *
   * @throws `FACTORY_CLOSED`; `ENGINES_NOT_DISPOSED` past 64 undisposed engines of one user; `CONTEXT_INVALID` when it is no context.
   */
  async createForUser(context: UserExecutionContext): Promise<UserExecutionEngine> {
    this.#refuseClosed();
    requireContext(context);
    const key = ownerKey(context);
    const lent = this.#lent.get(key) ?? new Set();
    const limit = this.#deps.limits.enginesPerUser;
    if (lent.size >= limit) {
      const { userId } = context;
      throw new EnginehouseError('ENGINES_NOT_DISPOSED', `${userId} has ${limit} engines that nobody disposed`, {
        userId,
        limit,
      });
    }
    const disposed = (): void => {
      lent.delete(engine);
      if (lent.size === 0) this.#lent.delete(key);
    };
    const engine = this.#make(context, { ofHouse: false, disposed });
    this.#lent.set(key, lent.add(engine));
    return engine;
  }

  /** Runs `work` with an engine for `context` and disposes it after, whatever happens. */
  async userExecutionScope<T>(
    context: UserExecutionContext,
    work: (engine: UserExecutionEngine) => Promise<T>,
  ): Promise<T> {
    await using engine = await this.createForUser(context);
    return await work(engine);
  }

  /**
   * Starts a run that nobody holds: it goes on by itself, and the factory disposes its engine when it ends.
   * Resolves once the run is durable.
   *
   * @throws `FACTORY_CLOSED`, and what `AgentRun.accepted` rejects with
   */
  async startRun(context: UserExecutionContext, agent: string, input: unknown): Promise<AcceptedRun> {
    this.#refuseClosed();
    requireContext(context);
    const engine = this.#makeOwn(context);
    const run = engine.executeAgent(agent, input);
    try {
      return await run.accepted;
    } finally {
      this.#disposeWhenIdle(engine);
    }
  }

  /**
   * Keeps a user's wish to end a run, and resolves with the seq where it is visible: `cancel_requested`, or the end that came first.
   *
   * @throws `NOT_FOUND` for an unknown or foreign run
   */
  async cancelRun(owner: Owner, request: CancelRequest): Promise<{ readonly seq: number }> {
    const { commandId, runId, reason, by } = request;
    const { commands } = this.#deps.store.for(owner);
    const at = this.#deps.clock.now();
    const { command } = await commands.put({
      commandId,
      runId,
      op: 'run.cancel',
      args: canonicalJson({ by, reason }),
      at,
    });
    if (command.appliedSeq !== undefined) return { seq: command.appliedSeq };
    await this.#active.get(owner, runId)?.applyCommands();
    const what = `cancelling run ${runId}`;
    const seq = await withDeadline(
      what,
      this.#deps.limits.drainTimeoutMs,
      this.#deps.clock,
      this.#cancelSeq(owner, runId),
    );
    await commands.applied(commandId, seq);
    return { seq };
  }

  /** The engines that callers hold, per user key. */
  activeEngines(): readonly UserExecutionEngine[] {
    return [...this.#lent.values()].flatMap((engines) => [...engines]);
  }

  metrics(): FactoryMetrics {
    return {
      enginesCreated: this.#created,
      enginesDisposed: this.#disposed,
      runsRunning: this.#slots.running,
      runsWaiting: this.#slots.waiting,
    };
  }

  /** Takes up the runs that an earlier process left without an end, oldest first. Resolves with their number; they go on by themselves. */
  async recover(): Promise<number> {
    const unfinished = await this.#deps.store.unfinished();
    for (const { owner, runId } of unfinished) {
      const run = await this.#deps.store.for(owner).runs.get(runId);
      if (run === undefined) continue;
      const engine = this.#makeOwn(UserExecutionContext.restore(owner, run, run.context));
      await engine.resume();
      this.#disposeWhenIdle(engine);
    }
    return unfinished.length;
  }

  /** F3. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const engines = [...this.#own, ...this.activeEngines()];
    const { drainTimeoutMs, cancelGraceMs } = this.#deps.limits;
    // Also those that are just being accepted: no run starts while a factory closes.
    this.#slots.close(new Detached('its runtime closes'));
    const idle = Promise.all(engines.map((engine) => engine.idle()));
    await withDeadline('waiting for running runs', drainTimeoutMs, this.#deps.clock, idle).catch(() => undefined);
    for (const engine of engines) engine.detach();
    try {
      await withDeadline('leaving running runs', cancelGraceMs + 1_000, this.#deps.clock, idle);
    } finally {
      this.#watch.stop();
      await Promise.allSettled(engines.map((engine) => engine[Symbol.asyncDispose]()));
    }
  }

  #make(context: UserExecutionContext, { ofHouse, disposed }: EngineLoan): UserExecutionEngine {
    this.#created += 1;
    const gone = (): void => {
      this.#disposed += 1;
      disposed();
    };
    return new UserExecutionEngine(context, this.#deps, { ofHouse, disposed: gone });
  }

  #makeOwn(context: UserExecutionContext): UserExecutionEngine {
    const engine = this.#make(context, { ofHouse: true, disposed: () => this.#own.delete(engine) });
    this.#own.add(engine);
    return engine;
  }

  #disposeWhenIdle(engine: UserExecutionEngine): void {
    void engine
      .idle()
      .then(() => engine[Symbol.asyncDispose]())
      .catch((error: unknown) =>
        this.#deps.log('error', 'an engine did not close', { runId: engine.context.runId, error: String(error) }),
      );
  }

  async #cancelSeq(owner: Owner, runId: RunId): Promise<number> {
    for await (const batch of this.#deps.bridge.follow(owner, runId, 0)) {
      const found = batch.find(({ type }) => type === 'cancel_requested' || isTerminal(type));
      if (found !== undefined) return found.seq;
    }
    throw new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
  }

  /** Fails the run that held the event loop. When it may have been one of several, the operator is told, and nobody pays for another. */
  #blocked(suspects: readonly DrivenRun[], blockedMs: number): void {
    const limitMs = this.#deps.limits.blockedLoopMs;
    const agent = suspects.map((driver) => driver.agent).join(' or ');
    const message = `agent ${agent} held the event loop for ${blockedMs} ms, the limit is ${limitMs} ms`;
    this.#deps.log('error', message, { runIds: suspects.map(({ context }) => context.runId) });
    const [driver, ...others] = suspects;
    if (others.length === 0)
      driver?.fail(new EnginehouseError('EVENT_LOOP_BLOCKED', message, { agent, blockedMs, limitMs }));
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined)
      throw new ExecutionEngineFactoryError('FACTORY_CLOSED', 'the ExecutionEngineFactory is closed', {});
  }
}

function requireParts(deps: ExecutionEngineFactoryDeps): void {
  for (const part of PARTS) {
    if (deps?.[part] !== undefined && deps[part] !== null) continue;
    const why = part === 'bridge' ? ': the factory requires a WebSocket bridge for proper agent execution' : '';
    throw new ExecutionEngineFactoryError('FACTORY_PART_MISSING', `ExecutionEngineFactory needs its ${part}${why}`, {
      part,
    });
  }
}

function requireContext(context: UserExecutionContext): void {
  if (context instanceof UserExecutionContext) return;
  const reason = 'make it with UserExecutionContext.fromRequest()';
  throw new EnginehouseError(
    'CONTEXT_INVALID',
    `an engine needs a UserExecutionContext, got ${typeof context}; ${reason}`,
    { field: 'context', reason },
  );
}
