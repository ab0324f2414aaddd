/**
 * One context's engine: it runs agents for one user, and for nobody else.
 *
 *   U1. The first run has the context's run id; further ones are child runs of
 *       it, a few at a time, under the same slot.
 *   U2. Disposing it cancels what has not ended (`engine_disposed`) and waits,
 *       with a bound. After that it refuses.
 *   U3. A start that the store failed may be durable all the same. Whoever
 *       starts it again only attaches to it, so this engine takes it up.
 */

import { sleep } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { withDeadline } from '../base/deadline.ts';
import { runId } from '../context/ids.ts';
import { isFinal } from '../context/run-status.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import { ToolDispatcher } from '../tool/tool-dispatcher.ts';
import { EngineSlot, type Ticket } from './admission.ts';
import type { AcceptedRun, AgentRun } from './agent-run.ts';
import type { DrivenRun, RunHome } from './driven-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import { RunDriver } from './run-driver.ts';
import { isStoreTrouble } from './run-outcome.ts';
import { StartedRun } from './started-run.ts';

interface Start {
  readonly name: string;
  readonly input: unknown;
  /** Whether it is the context's own run. */
  readonly first: boolean;
}

/** Who has an engine, and what is to be done when it is disposed. */
export interface EngineLoan {
  /** The house has it, for a run that a door started or that a restart took up. */
  readonly ofHouse: boolean;
  readonly disposed: () => void;
}

/** Milliseconds between two looks for a run that may have been accepted. */
const LOOK_AGAIN_MS = 500;

/** Why it looks no more. Without a reason of our own an error would be made each time. */
const LEAVING = 'the engine is left';

export class UserExecutionEngine implements AsyncDisposable {
  readonly context: UserExecutionContext;
  /** Transactions on the application's tables as this engine's user. */
  readonly databaseSessionManager: DatabaseSessionManager;
  readonly toolDispatcher: ToolDispatcher;
  readonly #deps: EngineDeps;
  readonly #home: RunHome;
  readonly #slot = new EngineSlot();
  #first: DrivenRun;
  readonly #accepting = new Set<Promise<unknown>>();
  readonly #drives = new Map<DrivenRun, Promise<void>>();
  readonly #further = new Set<DrivenRun>();
  readonly #closed: () => void;
  readonly #leaving = new AbortController();
  #started = false;
  #detached = false;
  #disposing: Promise<void> | undefined;

  /** Made by `ExecutionEngineFactory.createForUser`. @internal */
  constructor(context: UserExecutionContext, deps: EngineDeps, { ofHouse, disposed }: EngineLoan) {
    this.context = context;
    this.#deps = deps;
    this.databaseSessionManager = new DatabaseSessionManager(context, deps.databases);
    this.toolDispatcher = new ToolDispatcher({
      clock: deps.clock,
      limits: deps.limits,
      database: this.databaseSessionManager,
    });
    this.#home = {
      database: this.databaseSessionManager,
      dispatcher: this.toolDispatcher,
      createDriver: (child) => new RunDriver(child, deps, this.#home),
    };
    this.#first = this.#home.createDriver(context);
    const closed = deps.resources.opened('engine', context.runId, context.userId, { ofHouse });
    this.#closed = () => {
      closed();
      disposed();
    };
  }

  /** The writer of the context's run. */
  get emitter(): UserWebSocketEmitter {
    return this.#first.emitter;
  }

  /** How many runs have not ended. */
  get activeRuns(): number {
    return this.#drives.size;
  }

  /**
   * Starts an agent. The run is committed, waits for its turn in the user's queue, and goes on whether or not anyone watches.
   *
   * @throws `ENGINE_DISPOSED`, `CHILD_LIMIT`. Everything else rejects `accepted` and `result`.
   * @example
   * const run = engine.executeAgent('inventory', { sku: 'otter-1' });
   * for await (const event of run) console.log(event.seq, event.type);
   * const { status } = await run.result;
   */
  executeAgent(name: string, input: unknown, options: { readonly signal?: AbortSignal } = {}): AgentRun {
    this.#refuseDisposed();
    const first = !this.#started;
    this.#started = true;
    const driver = first ? this.#first : this.#nextDriver(name);
    const run = new StartedRun(driver, this.#deps, () => this.#accepted(driver, { name, input, first }));
    if (options.signal !== undefined) run.cancelOn(options.signal);
    return run;
  }

  /** Goes on with the context's run after a restart. @internal */
  async resume(): Promise<void> {
    this.#refuseDisposed();
    this.#started = true;
    if (await this.#first.resume()) void this.#drive(this.#first, this.#deps.admission.reserve(this.context, true));
  }

  /** Waits until every run has ended or was detached. @internal */
  async idle(): Promise<void> {
    while (this.#drives.size + this.#accepting.size > 0)
      await Promise.allSettled([...this.#accepting, ...this.#drives.values()]);
  }

  /** Leaves every run to the next start. @internal */
  detach(): void {
    this.#detached = true;
    this.#leaving.abort(LEAVING);
    for (const driver of this.#drives.keys()) driver.detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposing ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    const { drainTimeoutMs, cancelGraceMs } = this.#deps.limits;
    this.#leaving.abort(LEAVING);
    for (const driver of this.#drives.keys()) stop(driver);
    try {
      const what = `disposing the engine of run ${this.context.runId}`;
      await withDeadline(what, drainTimeoutMs + cancelGraceMs, this.#deps.clock, this.idle());
    } finally {
      await this.#first.emitter.close();
      this.#closed();
    }
  }

  /** Notes that a run is being accepted: whoever waits for this engine to be idle waits for that too. */
  #accepted(driver: DrivenRun, start: Start): Promise<AcceptedRun> {
    return this.#untilAccepted(this.#accept(driver, start));
  }

  #untilAccepted<T>(work: Promise<T>): Promise<T> {
    const accepting = work.finally(() => this.#accepting.delete(accepting));
    this.#accepting.add(accepting);
    return accepting;
  }

  async #accept(driver: DrivenRun, { name, input, first }: Start): Promise<AcceptedRun> {
    const ticket = this.#deps.admission.reserve(this.context);
    try {
      const parent = first ? {} : { parentRunId: this.context.runId };
      const accepted = await driver.accept({ agent: name, input, origin: first ? 'request' : 'engine', ...parent });
      if (accepted.created) void this.#drive(driver, ticket);
      else await this.#leave(driver, ticket);
      return accepted;
    } catch (error) {
      await this.#leave(driver, ticket);
      if (first && this.#disposing === undefined) this.#beginAgain();
      if (isStoreTrouble(error)) void this.#untilAccepted(this.#takeUp(driver.context));
      throw error;
    }
  }

  /** U3. Where the store does not say in time what it holds, the run is left to the next start. */
  async #takeUp(context: UserExecutionContext): Promise<void> {
    const { clock, log } = this.#deps;
    do {
      try {
        return await this.#resumeLeft(context);
      } catch (error) {
        log('warn', 'it is not known whether a run was accepted', { runId: context.runId, error: String(error) });
        if (!isStoreTrouble(error)) return;
      }
      await sleep(clock, LOOK_AGAIN_MS, this.#leaving.signal).catch(() => undefined);
    } while (!this.#leaving.signal.aborted);
  }

  /** Drives the run if it is there and nobody does. */
  async #resumeLeft(context: UserExecutionContext): Promise<void> {
    const { store, active, admission } = this.#deps;
    const run = await store.for(context).runs.get(context.runId);
    if (run === undefined || isFinal(run.status) || active.get(context, context.runId) !== undefined) return;
    const driver = this.#home.createDriver(context);
    let driven = false;
    try {
      driven = await driver.resume();
      if (driven) void this.#drive(driver, admission.reserve(context, true));
    } finally {
      if (!driven) await driver.emitter.close();
    }
  }

  /** Nothing was written: the next call has the context's run id. */
  #beginAgain(): void {
    this.#first = this.#home.createDriver(this.context);
    this.#started = false;
  }

  /** A run that is not driven here: it was refused, or its owner attached to it. */
  async #leave(driver: DrivenRun, ticket: Ticket): Promise<void> {
    ticket[Symbol.dispose]();
    this.#further.delete(driver);
    await driver.emitter.close();
  }

  #drive(driver: DrivenRun, ticket: Ticket): Promise<void> {
    const done = this.#driveInSlot(driver, ticket).finally(() => {
      this.#drives.delete(driver);
      this.#further.delete(driver);
    });
    this.#drives.set(driver, done);
    // An engine that was left or is being disposed while its run was being accepted.
    if (this.#detached) driver.detach();
    else if (this.#disposing !== undefined) stop(driver);
    return done;
  }

  async #driveInSlot(driver: DrivenRun, ticket: Ticket): Promise<void> {
    let held: Disposable = ticket;
    try {
      await driver.drive(async (signal, moved) => {
        held = await this.#slot.enter(ticket, signal, moved);
      });
    } finally {
      held[Symbol.dispose]();
    }
  }

  /** U1 */
  #nextDriver(name: string): DrivenRun {
    const max = this.#deps.limits.runsPerEngine;
    if (this.#further.size >= max) {
      throw new EnginehouseError('CHILD_LIMIT', `an engine carries at most ${max} further runs at once`, {
        limit: 'runsPerEngine',
        max,
      });
    }
    const context = this.context.forChildRun(runId(this.#deps.ids.next()), name);
    const driver = this.#home.createDriver(context);
    this.#further.add(driver);
    return driver;
  }

  #refuseDisposed(): void {
    if (this.#disposing === undefined) return;
    const id = this.context.runId;
    throw new EnginehouseError('ENGINE_DISPOSED', `the engine of run ${id} was disposed`, { runId: id });
  }
}

/** U2. Where the wish cannot be kept, the run is left to the next start. */
function stop(driver: DrivenRun): void {
  void driver.cancel('enginehouse', 'engine_disposed').catch(() => driver.detach());
}
