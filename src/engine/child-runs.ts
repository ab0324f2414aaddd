/**
 * The child runs of one attempt: each has a log of its own, works under its
 * root's slot, and ends before its parent does.
 *
 *   H1. `subagent_started` with the child's id is durable before the child is
 *       accepted, so that another attempt finds the same child.
 *   H2. When the parent's signal aborts, the child is cancelled, or detached with it.
 *   H3. `subagent_completed` follows before the parent ends, also for a child that
 *       was refused, or that no attempt came back to. Where the store fails under
 *       a child, the parent's attempt is given up with it: the next one goes on.
 */

import type { Json } from '../base/canonical-json.ts';
import { asEnginehouseError, EnginehouseError, isEnginehouseError, reviveError } from '../base/errors.ts';
import type { EventData } from '../context/event.ts';
import { runId, type RunId } from '../context/ids.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import { Detached } from '../tool/detached.ts';
import type { ToolSession } from '../tool/tool-dispatcher.ts';
import type { RunResult } from './agent-run.ts';
import type { DrivenRun, RunHome } from './driven-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import { Cancellation, isStoreTrouble, resultOf } from './run-outcome.ts';

/** Where a child run stands in its parent's log. */
type ChildPlace = EventData<'subagent_started'>;
type EndedPlace = ChildPlace & { readonly alone: boolean };

export class ChildRuns {
  readonly #deps: EngineDeps;
  readonly #home: RunHome;
  #active = 0;

  constructor(deps: EngineDeps, home: RunHome) {
    this.#deps = deps;
    this.#home = home;
  }

  /**
   * Runs another agent and gives its result.
   *
   * @throws `AGENT_UNKNOWN`, `INPUT_INVALID`, `CHILD_LIMIT`, the child's own error, `RUN_CANCELLED` when the child was cancelled alone.
   */
  async run(parent: ToolSession, agent: string, input: unknown): Promise<Json> {
    using place = parent.record.claim('agent', agent);
    const { recorded } = place;
    if (recorded?.state === 'ended') {
      if (recorded.error !== undefined) throw reviveError(recorded.error);
      return parent.values.load(recorded.value);
    }
    this.#deps.agents.registry.get(agent);
    using _slot = this.#enter();
    const child = runId(recorded?.began.type === 'subagent_started' ? recorded.began.data.run : this.#deps.ids.next());
    const context = childContext(parent.user, child, agent);
    const { step, occurrence } = place;
    if (recorded === undefined) await parent.emitter.emit('subagent_started', { run: child, agent, occurrence, step });
    const driver = this.#home.createDriver(context);
    const at: EndedPlace = {
      run: child,
      agent,
      occurrence,
      step,
      // Known when it ends.
      get alone() {
        return place.alone;
      },
    };
    const result = await this.#toItsEnd(driver, parent, { agent, input, at });
    return valueOf(result, child);
  }

  /** H3 */
  async #toItsEnd(
    driver: DrivenRun,
    parent: ToolSession,
    { at, ...request }: { readonly agent: string; readonly input: unknown; readonly at: EndedPlace },
  ): Promise<RunResult> {
    try {
      const result = await this.#drive(driver, parent, request).catch(async (error: unknown) => {
        await this.#recordRefusal(parent, at, error);
        throw error;
      });
      await this.#record(parent, at, result);
      return result;
    } catch (error) {
      if (error instanceof EnginehouseError && isStoreTrouble(error)) parent.emitter.giveUp(error);
      throw error;
    }
  }

  /** H3: cancels a child that an earlier attempt began, and waits for its end. */
  async end(
    parent: Pick<ToolSession, 'user' | 'emitter' | 'values'> & { readonly stopped: AbortSignal },
    began: ChildPlace,
  ): Promise<void> {
    const { run, agent, occurrence, step } = began;
    const at = { run, agent, occurrence, step, alone: false };
    const driver = this.#home.createDriver(childContext(parent.user, runId(run), agent));
    try {
      if (await driver.resume()) {
        const { by, reason } = causeOf(parent.stopped.reason);
        await driver.cancel(by, reason);
        await driver.drive(() => Promise.resolve());
      }
      await this.#record(parent, at, await this.#resultOf(driver));
    } catch (error) {
      // It was begun in the log, and its process died before it was accepted.
      if (!isEnginehouseError(error, 'NOT_FOUND')) throw error;
      await parent.emitter.emit('subagent_completed', { ...at, outcome: 'cancelled', error: error.toJSON() });
    } finally {
      await driver.emitter.close();
    }
  }

  async #drive(
    driver: DrivenRun,
    parent: ToolSession,
    request: { readonly agent: string; readonly input: unknown },
  ): Promise<RunResult> {
    const follow = (): void => stopWith(driver, parent.signal.reason);
    try {
      const { created } = await driver.accept({ ...request, origin: 'agent', parentRunId: parent.user.runId });
      if (created || (await driver.resume())) {
        // Only now: a run that is not held yet cannot be cancelled.
        parent.signal.addEventListener('abort', follow, { once: true });
        if (parent.signal.aborted) follow();
        await driver.drive(() => Promise.resolve());
      }
    } finally {
      parent.signal.removeEventListener('abort', follow);
      await driver.emitter.close();
    }
    return this.#resultOf(driver);
  }

  async #resultOf(driver: DrivenRun): Promise<RunResult> {
    const { runId: child } = driver.context;
    const { log } = this.#deps.store.for(driver.context);
    const head = (await log.head(child))?.head ?? 0;
    const last = (await log.read(child, head - 1, 1)).at(0);
    const result = last && (await resultOf(child, last, driver.values));
    // Without an end the child was detached, and its parent with it.
    if (result === undefined) throw driver.stopped.reason ?? new Detached('its child was left');
    return result;
  }

  async #record(parent: Pick<ToolSession, 'emitter' | 'values'>, at: EndedPlace, result: RunResult): Promise<void> {
    const rest =
      result.status === 'completed'
        ? await parent.values.keep(`result of agent ${at.agent}#${at.occurrence}`, result.result)
        : { error: failureOf(result, runId(at.run)).toJSON() };
    await parent.emitter.emit('subagent_completed', { ...at, outcome: result.status, ...rest });
  }

  /** H3: a child that was never accepted. One that was left is for the next attempt. */
  async #recordRefusal({ signal, emitter }: ToolSession, at: EndedPlace, error: unknown): Promise<void> {
    if (signal.reason instanceof Detached || error instanceof Detached || isStoreLost(error) || !emitter.writable)
      return;
    await emitter.emit('subagent_completed', {
      ...at,
      outcome: 'failed',
      error: asEnginehouseError(error, 'AGENT_THREW').toJSON(),
    });
  }

  #enter(): Disposable {
    const max = this.#deps.limits.childRuns;
    if (this.#active >= max) {
      throw new EnginehouseError('CHILD_LIMIT', `a run has at most ${max} child runs at once`, {
        limit: 'childRuns',
        max,
      });
    }
    this.#active += 1;
    return { [Symbol.dispose]: () => void (this.#active -= 1) };
  }
}

/** H2 */
function stopWith(driver: DrivenRun, cause: unknown): void {
  const { by, reason } = causeOf(cause);
  if (cause instanceof Detached || isStoreLost(cause)) driver.detach();
  else void driver.cancel(by, reason).catch(() => driver.detach());
}

function causeOf(cause: unknown): { readonly by: string; readonly reason: string } {
  return cause instanceof Cancellation ? cause : { by: 'enginehouse', reason: 'its parent run ended' };
}

function isStoreLost(reason: unknown): boolean {
  return (
    reason instanceof EnginehouseError && ['STORE_FULL', 'STORE_FAILED', 'LEASE_LOST', 'CLOSED'].includes(reason.code)
  );
}

function childContext(parent: UserExecutionContext, child: RunId, agent: string): UserExecutionContext {
  try {
    return parent.forChildRun(child, agent);
  } catch (cause) {
    const max = parent.depth;
    throw new EnginehouseError(
      'CHILD_LIMIT',
      `runs nest at most ${max} deep`,
      { limit: 'contextDepth', max },
      { cause },
    );
  }
}

function failureOf(result: Exclude<RunResult, { status: 'completed' }>, child: RunId): EnginehouseError {
  return result.status === 'failed' ? reviveError(result.error) : new Cancellation(child, result.by, result.reason);
}

function valueOf(result: RunResult, child: RunId): Json {
  if (result.status === 'completed') return result.result;
  throw failureOf(result, child);
}
