/**
 * Drives one run from its acceptance to its end, as its only writer.
 *
 *   queue ──▶ attempt ──▶ terminal event
 *               ▲  │ the store fails
 *               └──┘ waits, takes the lease again, folds the log
 *
 *   E1. Exactly one terminal event, whatever the agent does: it may throw, hang,
 *       return nothing, or go on after its end. Nothing is written after it.
 *   E2. Every tool call and child run has ended in the log before its run does.
 *   E3. The wish to cancel is in the log before the agent's signal aborts, and
 *       wins over a result that comes after it.
 *   E4. A run whose driver is detached, or whose store is lost, has no end here:
 *       another attempt, in this process or the next, goes on with it.
 */

import { createHash } from 'node:crypto';

import { asyncScope } from '../base/async-scope.ts';
import { canonicalJson, nestsDeeper } from '../base/canonical-json.ts';
import { sleep } from '../base/clock.ts';
import { asEnginehouseError, EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import { LinkedSignal } from '../base/linked-signal.ts';
import { validate } from '../base/validate.ts';
import type { AgentEvent } from '../context/event.ts';
import { LIMITS } from '../context/limits.ts';
import { isFinal } from '../context/run-status.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { OwnedStore, RunRecord } from '../event/store.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import { ValueKeeper } from '../event/value-keeper.ts';
import { Detached } from '../tool/detached.ts';
import { StepRecord } from '../tool/step-record.ts';
import type { AcceptedRun } from './agent-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { DrivenRun, EnterSlot, NewRunRequest, RunHome } from './driven-run.ts';
import { RunAttempt } from './run-attempt.ts';
import { Cancellation, isStoreTrouble } from './run-outcome.ts';

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 30_000;
const READ_PAGE = 1_000;

export class RunDriver implements DrivenRun {
  readonly context: UserExecutionContext;
  readonly values: ValueKeeper;
  readonly #deps: EngineDeps;
  readonly #home: RunHome;
  readonly #owned: OwnedStore;
  readonly #stop = new AbortController();
  /** Aborts when it is detached, also when it was to stop already. */
  readonly #left = new AbortController();
  readonly #ended = Promise.withResolvers<AgentEvent | undefined>();
  #emitter: UserWebSocketEmitter;
  #run: RunRecord | undefined;
  #input: unknown;
  #fresh = false;
  /** Whether it has its slot. */
  #entered = false;
  #cancelling: Promise<void> | undefined;
  /** The seq of `cancel_requested`. */
  #cancelledAt: number | undefined;

  constructor(context: UserExecutionContext, deps: EngineDeps, home: RunHome) {
    this.context = context;
    this.#deps = deps;
    this.#home = home;
    this.#owned = deps.store.for(context);
    this.#emitter = deps.bridge.createUserEmitter(context);
    this.values = new ValueKeeper({
      runId: context.runId,
      artifacts: this.#owned.artifacts,
      clock: deps.clock,
      limits: deps.limits,
    });
  }

  get emitter(): UserWebSocketEmitter {
    return this.#emitter;
  }

  get agent(): string {
    return this.#run?.agent ?? '';
  }

  get ended(): Promise<AgentEvent | undefined> {
    return this.#ended.promise;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Commits the run, or finds that its owner started it before.
   *
   * @throws `AGENT_UNKNOWN`, `INPUT_INVALID`, `TOO_LARGE`, `RUN_ID_CONFLICT`, store errors
   */
  async accept(request: NewRunRequest): Promise<AcceptedRun> {
    const { agent, input, origin, parentRunId } = request;
    const definition = this.#deps.agents.registry.get(agent);
    await validate(`agent ${agent}`, definition.inputSchema, input);
    const inputDigest = digestOf(agent, input);
    // Named by what it is: a start that turns out to be a conflict must not replace the input of the run that is there.
    const kept = await this.values.keep(`input ${inputDigest.slice(0, 16)}`, input);
    const { created, run } = await this.#emitter.accept({
      agent,
      version: definition.version,
      origin,
      parentRunId,
      inputDigest,
      accepted: {
        agent,
        version: definition.version,
        ...(kept.resultArtifact === undefined ? { input: kept.result } : { inputArtifact: kept.resultArtifact }),
        ...(parentRunId === undefined ? {} : { parent: parentRunId }),
      },
    });
    if (run.inputDigest !== inputDigest) {
      if (kept.resultArtifact !== undefined) await this.#owned.artifacts.delete(kept.resultArtifact);
      throw this.#conflict();
    }
    this.#run = run;
    // What a later attempt reads, not the caller's own object.
    this.#input = await this.values.load(kept);
    this.#fresh = created;
    return { runId: run.runId, threadId: run.threadId, created, seq: 1 };
  }

  /** Takes over a run that was accepted before and has not ended. False when it has. @throws `NOT_FOUND` */
  async resume(): Promise<boolean> {
    const run = await this.#owned.runs.get(this.context.runId);
    if (run === undefined) throw this.#notFound();
    if (isFinal(run.status)) return false;
    this.#run = run;
    await this.#emitter.take();
    return true;
  }

  /** Runs the agent to its end. `enter` waits for the slot. Resolves also when detached; never rejects for what an agent did. */
  async drive(enter: EnterSlot): Promise<void> {
    using _listed = this.#deps.active.add(this);
    const closed = this.#deps.resources.opened('run', this.context.runId, this.context.userId);
    try {
      await this.#untilEnded(enter);
    } catch (error) {
      if (!(error instanceof Detached) && !isEnginehouseError(error, 'LEASE_LOST')) await this.#endAnyway(error);
    } finally {
      await this.#emitter.close();
      closed();
      this.#ended.resolve(this.#emitter.terminal);
    }
  }

  /** E1: what nobody foresaw ends the run as well, where it still can be written. */
  async #endAnyway(thrown: unknown): Promise<void> {
    const error = asEnginehouseError(thrown, 'INTERNAL');
    const { runId } = this.context;
    this.#deps.log('error', 'a run was broken off', { runId, error: String(thrown), ref: error.ref });
    if (!this.#emitter.writable) return;
    await this.#emitter.emit('agent_failed', { error: error.toJSON() }).catch((again: unknown) => {
      this.#deps.log('error', 'a run was left without an end', { runId, error: String(again) });
    });
  }

  async #untilEnded(enter: EnterSlot): Promise<void> {
    let waitMs = RETRY_FIRST_MS;
    for (;;) {
      try {
        const taken = !this.#fresh;
        const record = await this.#foldLog();
        // An append that failed may be durable all the same, and it may have been the last.
        if (record.ended) return;
        this.#heedCancel(record);
        await (this.#entered ? this.applyCommands() : this.#enter(enter));
        await this.#attempt(record, taken);
        return;
      } catch (error) {
        if (!isStoreTrouble(error)) throw error;
        this.#deps.log('warn', 'the store failed under a run; it is tried again', {
          runId: this.context.runId,
          waitMs,
          error: String(error),
        });
      }
      waitMs = await this.#takeAgain(waitMs);
    }
  }

  /**
   * Takes its place in the line before anything is read, so that the line has the order of acceptance, and waits for
   * its slot. A run that is stopped meanwhile goes on to its end without one.
   */
  async #enter(enter: EnterSlot): Promise<void> {
    using link = new LinkedSignal([this.#stop.signal, this.#emitter.failed]);
    const moved = (position: number): void =>
      void this.#emitter.emit('run_queued', { position }).catch(() => undefined);
    const entering = enter(link.signal, moved);
    const applying = this.applyCommands().catch((error: unknown) => {
      link.abort(error);
      throw error;
    });
    const [slot, commands] = await Promise.allSettled([entering, applying]);
    this.#entered = slot.status === 'fulfilled';
    if (commands.status === 'rejected') throw commands.reason;
    if (slot.status === 'fulfilled') return;
    if (slot.reason instanceof Detached || this.#emitter.failed.aborted) throw slot.reason;
  }

  /** @param taken - by this process from another, or from an attempt before */
  async #attempt(record: StepRecord, taken: boolean): Promise<void> {
    const run = this.#run;
    if (run === undefined) throw this.#notFound();
    const attempt = new RunAttempt(this, {
      deps: this.#deps,
      home: this.#home,
      record,
      run,
      taken,
      input: this.#input,
    });
    const { runId, userId } = this.context;
    await asyncScope.run({ factory: this.#deps.scope(), runId, userId }, () => attempt.run());
  }

  /** The store failed: waits, then becomes the writer again, as often as it takes. */
  async #takeAgain(waitMs: number): Promise<number> {
    let nextMs = waitMs;
    for (;;) {
      await this.#pause(nextMs);
      nextMs = Math.min(nextMs * 2, RETRY_LAST_MS);
      try {
        await this.#emitter.close();
        this.#emitter = this.#deps.bridge.createUserEmitter(this.context);
        await this.#emitter.take();
        return nextMs;
      } catch (error) {
        if (!isStoreTrouble(error)) throw error;
      }
    }
  }

  /** A wait that only a detachment breaks off: a cancellation needs the store as well. */
  async #pause(ms: number): Promise<void> {
    await sleep(this.#deps.clock, ms, this.#left.signal);
  }

  async #foldLog(): Promise<StepRecord> {
    const record = new StepRecord(this.context.runId);
    if (this.#fresh) {
      this.#fresh = false;
      return record;
    }
    for (let after = 0; ;) {
      const events = await this.#owned.log.read(this.context.runId, after, READ_PAGE);
      for (const event of events) {
        record.fold(event);
        if (event.type === 'run_accepted')
          this.#input = await this.values.load({ result: event.data.input, resultArtifact: event.data.inputArtifact });
      }
      if (events.length < READ_PAGE) return record;
      after = events.at(-1)?.seq ?? after;
    }
  }

  #heedCancel({ cancelRequested: asked }: StepRecord): void {
    this.#cancelledAt ??= asked?.seq;
    if (asked !== undefined) this.#stop.abort(new Cancellation(this.context.runId, asked.by, asked.reason));
  }

  /** Turns the commands that wait in the inbox into events. Called when one was put there. */
  async applyCommands(): Promise<void> {
    const pending = await this.#owned.commands.pending(this.context.runId);
    for (const { commandId, args } of pending) {
      const { by, reason } = JSON.parse(args) as { by: string; reason: string };
      await this.cancel(by, reason);
      // A run that ends for another reason ends all the same; whoever asked finds that end.
      if (this.#cancelledAt !== undefined) await this.#owned.commands.applied(commandId, this.#cancelledAt);
    }
  }

  /** E3. Once is enough; later wishes join the first. */
  cancel(by: string, reason: string): Promise<void> {
    return (this.#cancelling ??= this.#cancel(by, reason));
  }

  async #cancel(by: string, reason: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      this.#cancelledAt = await this.#emitter.emit('cancel_requested', { by, reason });
    } catch (error) {
      if (isEnginehouseError(error, 'RUN_ENDED')) return;
      this.#cancelling = undefined;
      throw error;
    }
    this.#stop.abort(new Cancellation(this.context.runId, by, reason));
  }

  /** Waits for a wish to cancel that is on its way into the log. */
  async settleCancel(): Promise<void> {
    await this.#cancelling?.catch(() => undefined);
  }

  /** Ends the run with a failure that is not the agent's to catch. */
  fail(error: EnginehouseError): void {
    this.#stop.abort(error);
  }

  /** E4. */
  detach(): void {
    const reason = new Detached('its runtime closes');
    this.#left.abort(reason);
    this.#stop.abort(reason);
  }

  #conflict(): EnginehouseError {
    const { runId } = this.context;
    return new EnginehouseError('RUN_ID_CONFLICT', `run ${runId} was started before with another agent or input`, {
      runId,
    });
  }

  #notFound(): EnginehouseError {
    const { runId } = this.context;
    return new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
  }
}

/** @throws `INPUT_INVALID` for what is not JSON, or nests without end */
function digestOf(agent: string, input: unknown): string {
  const text = textOf(agent, input);
  return createHash('sha256').update(text).digest('hex');
}

function textOf(agent: string, input: unknown): string {
  let reason = `it nests more than ${LIMITS.inputDepth.default} levels deep`;
  try {
    const text = canonicalJson([agent, input ?? null]);
    if (!nestsDeeper(text, LIMITS.inputDepth.default + 1)) return text;
  } catch (error) {
    reason = `it is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  const what = `agent ${agent}`;
  throw new EnginehouseError('INPUT_INVALID', `the input of ${what} is malformed: ${reason}`, {
    what,
    issues: [reason],
  });
}
