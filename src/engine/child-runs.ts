/**
 * The child runs of one attempt: each has a log of its own, works under its
 * root's slot, and ends before its parent does.
 *
 *   H1. `subagent_started` with the child's id is durable before the child is
 *       accepted, so that another attempt finds the same child.
 *   H2. When the parent's signal aborts, the child is cancelled, or detached with it.
 */

import type { Json } from '../base/canonical-json.ts';
import { EnginehouseError, reviveError } from '../base/errors.ts';
import { runId, type RunId } from '../context/ids.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { Place } from '../tool/step-record.ts';
import type { ToolSession } from '../tool/tool-dispatcher.ts';
import type { RunResult } from './agent-run.ts';
import type { DrivenRun, RunHome } from './driven-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import { Cancellation, Detached, resultOf } from './run-outcome.ts';

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
    const child = recorded?.childRun === undefined ? runId(this.#deps.ids.next()) : runId(recorded.childRun);
    const context = childContext(parent.user, child, agent);
    const { step, occurrence } = place;
    if (recorded === undefined) await parent.emitter.emit('subagent_started', { run: child, agent, occurrence, step });
    const driver = this.#home.createDriver(context);
    const result = await this.#drive(driver, parent, { agent, input });
    await this.#record(parent, place, { agent, child, result });
    return valueOf(result, child);
  }

  async #drive(driver: DrivenRun, parent: ToolSession, request: { readonly agent: string; readonly input: unknown }): Promise<RunResult> {
    const follow = (): void => stopWith(driver, parent.signal.reason);
    parent.signal.addEventListener('abort', follow, { once: true });
    try {
      const { created } = await driver.accept({ ...request, origin: 'agent', parentRunId: parent.user.runId });
      if (created || (await driver.resume())) {
        if (parent.signal.aborted) follow();
        await driver.drive(() => Promise.resolve());
      }
    } catch (error) {
      await driver.emitter.close();
      throw error;
    } finally {
      parent.signal.removeEventListener('abort', follow);
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

  async #record(parent: ToolSession, place: Place, { agent, child, result }: { agent: string; child: RunId; result: RunResult }): Promise<void> {
    const { step, occurrence, alone } = place;
    const rest =
      result.status === 'completed'
        ? await parent.values.keep(`${agent} result ${step}`, result.result)
        : { error: failureOf(result, child).toJSON() };
    await parent.emitter.emit('subagent_completed', { run: child, agent, occurrence, step, alone, outcome: result.status, ...rest });
  }

  #enter(): Disposable {
    const max = this.#deps.limits.childRuns;
    if (this.#active >= max) {
      throw new EnginehouseError('CHILD_LIMIT', `a run has at most ${max} child runs at once`, { limit: 'childRuns', max });
    }
    this.#active += 1;
    return { [Symbol.dispose]: () => void (this.#active -= 1) };
  }
}

/** H2 */
function stopWith(driver: DrivenRun, reason: unknown): void {
  if (reason instanceof Cancellation) void driver.cancel(reason.by, reason.reason).catch(() => driver.detach());
  else if (reason instanceof Detached || isStoreLost(reason)) driver.detach();
  else void driver.cancel('enginehouse', 'its parent run ended').catch(() => driver.detach());
}

function isStoreLost(reason: unknown): boolean {
  return reason instanceof EnginehouseError && ['STORE_FULL', 'STORE_FAILED', 'LEASE_LOST', 'CLOSED'].includes(reason.code);
}

function childContext(parent: UserExecutionContext, child: RunId, agent: string): UserExecutionContext {
  try {
    return parent.forChildRun(child, agent);
  } catch (cause) {
    const max = parent.depth;
    throw new EnginehouseError('CHILD_LIMIT', `runs nest at most ${max} deep`, { limit: 'contextDepth', max }, { cause });
  }
}

function failureOf(result: Exclude<RunResult, { status: 'completed' }>, child: RunId): EnginehouseError {
  return result.status === 'failed' ? reviveError(result.error) : new Cancellation(child, result.by, result.reason);
}

function valueOf(result: RunResult, child: RunId): Json {
  if (result.status === 'completed') return result.result;
  throw failureOf(result, child);
}
