import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import { isTerminal } from '../context/run-status.ts';
import type { AcceptedRun, AgentRun, RunResult } from './agent-run.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { DrivenRun } from './driven-run.ts';
import { resultOf } from './run-outcome.ts';

/** A run as its starter holds it: everything it tells is in the log. */
export class StartedRun implements AgentRun {
  readonly accepted: Promise<AcceptedRun>;
  readonly #driver: DrivenRun;
  readonly #deps: EngineDeps;
  #result: Promise<RunResult> | undefined;

  constructor(driver: DrivenRun, deps: EngineDeps, accept: () => Promise<AcceptedRun>) {
    this.#driver = driver;
    this.#deps = deps;
    this.accepted = accept();
    // Whoever awaits it learns of a refusal; a caller may await `result` instead.
    this.accepted.catch(() => undefined);
  }

  get runId(): RunId {
    return this.#driver.context.runId;
  }

  get result(): Promise<RunResult> {
    return (this.#result ??= this.#readResult());
  }

  async *events(options: { readonly after?: number; readonly signal?: AbortSignal } = {}): AsyncIterable<AgentEvent> {
    await this.accepted;
    for await (const batch of this.#follow(options.after ?? 0, options.signal)) yield* batch;
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentEvent> {
    return this.events()[Symbol.asyncIterator]();
  }

  async cancel(reason = 'cancelled by its starter'): Promise<{ readonly seq: number }> {
    await this.accepted;
    const { context } = this.#driver;
    const active = this.#deps.active.get(context, this.runId);
    await active?.cancel(context.userId, reason);
    const { limits, clock } = this.#deps;
    return withDeadline(`cancelling run ${this.runId}`, limits.drainTimeoutMs, clock, this.#cancelled());
  }

  async #cancelled(): Promise<{ readonly seq: number }> {
    for await (const batch of this.#follow(0)) {
      const found = batch.find(({ type }) => type === 'cancel_requested' || isTerminal(type));
      if (found !== undefined) return { seq: found.seq };
    }
    throw this.#lost();
  }

  /** Cancels the run when a caller's signal aborts; the listener goes with the run. */
  cancelOn(signal: AbortSignal): void {
    const cancel = (): void => void this.cancel(reasonText(signal.reason)).catch(() => undefined);
    if (signal.aborted) return cancel();
    signal.addEventListener('abort', cancel, { once: true });
    void this.result.catch(() => undefined).finally(() => signal.removeEventListener('abort', cancel));
  }

  async #readResult(): Promise<RunResult> {
    const { created } = await this.accepted;
    // Whoever wrote the end knows it and need not read it.
    const end = created ? await this.#driver.ended : undefined;
    const known = end && (await resultOf(this.runId, end, this.#driver.values));
    return known ?? this.#followToResult();
  }

  /** The run goes on elsewhere, or has ended before. */
  async #followToResult(): Promise<RunResult> {
    // Only the last event tells the result, so what is there already is not read again.
    const head = await this.#deps.store.for(this.#driver.context).log.head(this.runId);
    for await (const batch of this.#follow(Math.max(0, (head?.head ?? 1) - 1))) {
      const last = batch.at(-1);
      const result = last && (await resultOf(this.runId, last, this.#driver.values));
      if (result !== undefined) return result;
    }
    throw this.#lost();
  }

  #follow(after: number, signal?: AbortSignal): AsyncIterable<readonly AgentEvent[]> {
    return this.#deps.bridge.follow(this.#driver.context, this.runId, after, signal);
  }

  #lost(): EnginehouseError {
    return new EnginehouseError('NOT_FOUND', `run ${this.runId} was deleted`, { what: 'run', id: this.runId });
  }
}

function reasonText(reason: unknown): string {
  if (isEnginehouseError(reason)) return reason.code;
  return reason instanceof Error ? reason.message : 'its caller aborted';
}
