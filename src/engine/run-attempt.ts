/**
 * One attempt of a run: makes a fresh agent, gives it its session, and writes
 * how it ended. See the head of `run-driver.ts` for what always holds.
 */

import type { AgentDefinition, AgentInstance } from '../agent/define-agent.ts';
import type { Clock } from '../base/clock.ts';
import { orAborted } from '../base/deadline.ts';
import { asEnginehouseError, EnginehouseError } from '../base/errors.ts';
import { LinkedSignal } from '../base/linked-signal.ts';
import { validate } from '../base/validate.ts';
import type { RunRecord } from '../event/store.ts';
import type { KeptValue } from '../event/value-keeper.ts';
import { Detached } from '../tool/detached.ts';
import { RunArtifacts } from '../tool/run-artifacts.ts';
import type { StepRecord } from '../tool/step-record.ts';
import { outcomeUnknown, type ToolSession } from '../tool/tool-dispatcher.ts';
import { ChildRuns } from './child-runs.ts';
import type { DrivenRun, RunHome } from './driven-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import { Cancellation } from './run-outcome.ts';
import { RunSession } from './run-session.ts';

interface AttemptOf {
  readonly deps: EngineDeps;
  readonly home: RunHome;
  readonly record: StepRecord;
  readonly run: RunRecord;
  /** Whether the run was begun elsewhere, or by an attempt before. */
  readonly taken: boolean;
  readonly input: unknown;
}

type Ending = { readonly kept: KeptValue } | { readonly error: EnginehouseError };

export class RunAttempt {
  readonly #driver: DrivenRun;
  readonly #of: AttemptOf;

  constructor(driver: DrivenRun, of: AttemptOf) {
    this.#driver = driver;
    this.#of = of;
  }

  /** Resolves once the terminal event is durable. @throws `Detached`, and what ended the writing when the store failed. */
  async run(): Promise<void> {
    const { emitter, stopped } = this.#driver;
    if (stopped.aborted) return this.#end(undefined);
    const { run, record, taken } = this.#of;
    const attempt = record.attempts + 1;
    const started = emitter.emit('agent_started', { agent: run.agent, attempt });
    // Whoever takes a run over must know that it is its writer before it does anything. Who accepted it knows already.
    if (taken) await started;
    using link = new LinkedSignal([stopped, emitter.failed]);
    const ending = await this.#work(attempt, link);
    if (emitter.failed.aborted) throw emitter.failed.reason;
    await this.#end(ending);
  }

  async #work(attempt: number, link: LinkedSignal): Promise<Ending> {
    const { deps, run, record, input } = this.#of;
    let session: RunSession | undefined;
    let disarm: (() => void) | undefined;
    try {
      const { definition, instance } = deps.agents.create(run.agent);
      checkVersion(definition, run);
      disarm = this.#armDeadline(definition, record);
      const checked = await orAborted(validate(`agent ${run.agent}`, definition.inputSchema, input), link.signal);
      session = this.#session({ attempt, input: checked }, definition, link.signal);
      const value = await this.#body(instance, session, link.signal);
      if (value === undefined) throw returnedNothing(run.agent);
      await this.#settle(session, link);
      await session.finish();
      return { kept: await this.#driver.values.keep('result', value) };
    } catch (thrown) {
      if (session !== undefined) await this.#settle(session, link);
      // An agent may catch a mismatch, and go on to another end.
      return { error: this.#asFailure(record.mismatched ?? thrown) };
    } finally {
      disarm?.();
    }
  }

  /** Breaks off what the agent left under way, and waits until it is closed in the log. */
  async #settle(session: RunSession, link: LinkedSignal): Promise<void> {
    const { runId } = this.#driver.context;
    link.abort(new EnginehouseError('RUN_ENDED', `run ${runId} has ended`, { runId }));
    await session.settle();
  }

  #armDeadline(definition: AgentDefinition, record: StepRecord): () => void {
    const { runId } = this.#driver.context;
    const timeoutMs = definition.timeoutMs ?? this.#of.deps.limits.runTimeoutMs;
    return this.#of.deps.clock.after(Math.max(0, timeoutMs - record.activeMs), () => {
      this.#driver.fail(
        new EnginehouseError('RUN_TIMEOUT', `run ${runId} was active for more than ${timeoutMs} ms`, {
          runId,
          timeoutMs,
        }),
      );
    });
  }

  #session(
    run: { readonly attempt: number; readonly input: unknown },
    definition: AgentDefinition,
    signal: AbortSignal,
  ): RunSession {
    const { deps, home, record } = this.#of;
    const { context, emitter, values } = this.#driver;
    const { clock, ids, limits, watch } = deps;
    const artifacts = new RunArtifacts(context, {
      store: deps.store.for(context).artifacts,
      emitter,
      record,
      clock,
      limits,
      signal,
    });
    const session: ToolSession = { user: context, tools: definition.tools, emitter, record, values, artifacts, signal };
    const children = new ChildRuns(deps, home);
    return new RunSession(run, session, {
      clock,
      ids,
      database: home.database,
      dispatcher: home.dispatcher,
      children,
      paused: () => watch.pause(this.#driver),
      resumed: () => watch.resume(this.#driver),
    });
  }

  /** The agent's own code. It has a grace after its signal aborted; then it is left behind. */
  async #body(instance: AgentInstance, session: RunSession, signal: AbortSignal): Promise<unknown> {
    const { watch, clock, limits } = this.#of.deps;
    watch.enter(this.#driver);
    try {
      const work = Promise.resolve().then(() => instance.run(session.context));
      return await withGrace(work, signal, { clock, graceMs: limits.cancelGraceMs });
    } finally {
      watch.leave(this.#driver);
    }
  }

  /** E1 and E3: what stopped the run wins over what its agent made of it. */
  async #end(ending: Ending | undefined): Promise<void> {
    const { emitter, stopped } = this.#driver;
    await this.#closeOpen();
    await this.#driver.settleCancel();
    const reason: unknown = stopped.aborted ? stopped.reason : undefined;
    if (reason instanceof Detached) throw reason;
    if (reason instanceof Cancellation) await emitter.emit('agent_cancelled', { by: reason.by, reason: reason.reason });
    else if (reason instanceof EnginehouseError) await emitter.emit('agent_failed', { error: reason.toJSON() });
    else if (ending !== undefined && 'kept' in ending) await emitter.emit('agent_completed', ending.kept);
    else if (ending !== undefined) await emitter.emit('agent_failed', { error: ending.error.toJSON() });
  }

  /** E2: ends what an earlier attempt began and this one did not come back to. */
  async #closeOpen(): Promise<void> {
    const { emitter, stopped, context: user, values } = this.#driver;
    const { deps, home, record } = this.#of;
    for (const { type, data } of record.open) {
      if (stopped.reason instanceof Detached) throw stopped.reason;
      if (type === 'subagent_started') {
        await new ChildRuns(deps, home).end({ user, emitter, values, stopped }, data);
        continue;
      }
      const { call, tool, step } = data;
      const error = outcomeUnknown(tool, call).toJSON();
      await emitter.emit('tool_completed', {
        call,
        tool,
        step,
        alone: false,
        outcome: 'unknown',
        durationMs: 0,
        error,
      });
    }
  }

  #asFailure(thrown: unknown): EnginehouseError {
    const error = asEnginehouseError(thrown, 'AGENT_THREW');
    const { runId } = this.#driver.context;
    if (!this.#driver.stopped.aborted) {
      const cause = error.cause instanceof Error ? error.cause.stack : undefined;
      this.#of.deps.log('warn', 'an agent failed', {
        runId,
        agent: this.#of.run.agent,
        code: error.code,
        ref: error.ref,
        cause,
      });
    }
    return error;
  }
}

/** Settles as `work` does; after the signal aborts it has `graceMs` left, then the signal's reason is thrown. */
function withGrace<T>(
  work: Promise<T>,
  signal: AbortSignal,
  { clock, graceMs }: { clock: Clock; graceMs: number },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let disarm: (() => void) | undefined;
    const leave = (): void => {
      disarm = clock.after(graceMs, () => reject(signal.reason));
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const done = (): void => {
      signal.removeEventListener('abort', leave);
      disarm?.();
    };
    work.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error);
      },
    );
  });
}

function checkVersion(definition: AgentDefinition, run: RunRecord): void {
  if (definition.version === run.version || definition.continues.includes(run.version)) return;
  const [recorded, requested] = [`${run.agent} version ${run.version}`, `version ${definition.version}`];
  const { runId } = run;
  throw new EnginehouseError(
    'STEP_MISMATCH',
    `run ${runId} was begun by ${recorded}, which ${requested} does not continue`,
    { runId, recorded, requested },
  );
}

function returnedNothing(agent: string): EnginehouseError {
  return new EnginehouseError('AGENT_RETURNED_NOTHING', `agent ${agent} ended without a result`, { agent });
}
