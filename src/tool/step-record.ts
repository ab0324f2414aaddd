/**
 * What a run did already, as its log tells, and the place of what it does next.
 *
 * Every step, tool call and child run takes a place: its number in the order of
 * starts, and a key made of its kind, name and occurrence. After a takeover the
 * body runs once more from its start, and:
 *
 *   R1. What is recorded under a key gives its recorded outcome, and is not done again.
 *   R2. A recorded place that ran alone can only be taken by the same key: else
 *       the body is not the one that wrote the record, and the run fails.
 *   R3. Places that ran beside others are matched by key, in any order.
 *   R4. At the end nothing recorded is left over.
 */

import type { ErrorJson } from '../base/errors.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import type { KeptValue } from '../event/value-keeper.ts';

export type StepKind = 'step' | 'tool' | 'agent';

export type Recorded =
  | { readonly state: 'started'; readonly childRun?: string }
  | { readonly state: 'ended'; readonly outcome: string; readonly value: KeptValue; readonly error: ErrorJson | undefined };

interface Entry {
  readonly key: string;
  step: number;
  alone: boolean;
  recorded: Recorded;
  claimed: boolean;
}

/** One step, tool call or child run under way. Dispose it when it has ended. */
export interface Place extends Disposable {
  readonly step: number;
  readonly occurrence: number;
  /** `name#occurrence`: names a tool call in events. */
  readonly id: string;
  readonly recorded: Recorded | undefined;
  /** Whether nothing ran beside it so far. */
  readonly alone: boolean;
}

export class StepRecord {
  readonly #runId: RunId;
  readonly #entries = new Map<string, Entry>();
  readonly #byStep = new Map<number, Entry>();
  readonly #occurrences = new Map<string, number>();
  readonly #underWay = new Set<{ alone: boolean }>();
  readonly #artifacts = new Set<string>();
  #next = 0;
  #said = '';
  #messageDone = false;
  #turns = 0;
  #liveTurns = 0;
  #attempts = 0;
  #activeMs = 0;
  #attemptFrom: number | undefined;
  #cancel: { readonly seq: number; readonly by: string; readonly reason: string } | undefined;

  constructor(runId: RunId) {
    this.#runId = runId;
  }

  /** How often an engine started the run. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Milliseconds that the recorded attempts worked, as far as their events tell. */
  get activeMs(): number {
    return this.#activeMs;
  }

  /** Whether this attempt announced a turn. */
  get hasThought(): boolean {
    return this.#liveTurns > 0;
  }

  /** Takes the next turn of this attempt; `recorded` says that an earlier one announced it. */
  takeTurn(): { readonly turn: number; readonly recorded: boolean } {
    const turn = this.#liveTurns;
    this.#liveTurns += 1;
    return { turn, recorded: turn < this.#turns };
  }

  /** The answer that the person has read. */
  get said(): string {
    return this.#said;
  }

  get messageDone(): boolean {
    return this.#messageDone;
  }

  get cancelRequested(): { readonly seq: number; readonly by: string; readonly reason: string } | undefined {
    return this.#cancel;
  }

  /** Whether the artifact was announced already; notes that it is. */
  announced(artifactId: string): boolean {
    if (this.#artifacts.has(artifactId)) return true;
    this.#artifacts.add(artifactId);
    return false;
  }

  /** Folds one event of the log. */
  fold(event: AgentEvent): void {
    this.#foldTime(event);
    switch (event.type) {
      case 'agent_started':
        this.#attempts = event.data.attempt;
        return;
      case 'agent_thinking':
        this.#turns += 1;
        return;
      case 'message_delta':
        this.#said += event.data.delta;
        return;
      case 'message_completed':
        this.#messageDone = true;
        return;
      case 'artifact_created':
        this.#artifacts.add(event.data.artifact);
        return;
      case 'cancel_requested':
        this.#cancel ??= { seq: event.seq, ...event.data };
        return;
      default:
        this.#foldStep(event);
    }
  }

  #foldTime({ type, at }: AgentEvent): void {
    if (type === 'agent_started') this.#attemptFrom = at;
    else if (this.#attemptFrom !== undefined && at > this.#attemptFrom) {
      this.#activeMs += at - this.#attemptFrom;
      this.#attemptFrom = at;
    }
  }

  #foldStep({ type, data }: AgentEvent): void {
    switch (type) {
      case 'step_completed':
        return this.#note(`step ${data.name}#${data.occurrence}`, data, ended(data));
      case 'tool_executing':
        return this.#note(`tool ${data.call}`, data, { state: 'started' });
      case 'tool_completed':
        return this.#note(`tool ${data.call}`, data, ended(data));
      case 'subagent_started':
        return this.#note(`agent ${data.agent}#${data.occurrence}`, data, { state: 'started', childRun: data.run });
      case 'subagent_completed':
        return this.#note(`agent ${data.agent}#${data.occurrence}`, data, ended(data));
      default:
    }
  }

  #note(key: string, at: { readonly step: number; readonly alone?: boolean }, recorded: Recorded): void {
    const entry: Entry = { key, step: at.step, alone: at.alone ?? false, recorded, claimed: false };
    this.#entries.set(key, entry);
    this.#byStep.set(at.step, entry);
  }

  /**
   * Takes the next place for a step, a call or a child run.
   *
   * @throws `STEP_MISMATCH` (R2)
   */
  claim(kind: StepKind, name: string): Place {
    const occurrence = this.#occurrences.get(`${kind} ${name}`) ?? 0;
    const key = `${kind} ${name}#${occurrence}`;
    const step = this.#next;
    const there = this.#byStep.get(step);
    if (there !== undefined && there.key !== key && there.alone && this.#underWay.size === 0) {
      throw this.#mismatch(there.key, key);
    }
    this.#occurrences.set(`${kind} ${name}`, occurrence + 1);
    this.#next += 1;
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.claimed = true;
    return this.#place(step, { occurrence, id: `${name}#${occurrence}`, recorded: entry?.recorded });
  }

  /** @throws `STEP_MISMATCH` (R4) */
  checkAllClaimed(): void {
    for (const { key, claimed } of this.#entries.values()) {
      if (!claimed) throw this.#mismatch(key, 'the end of the run');
    }
  }

  /** The failure of a run whose agent was replaced by code that cannot go on with it. */
  #mismatch(recorded: string, requested: string): EnginehouseError {
    const runId = this.#runId;
    return new EnginehouseError('STEP_MISMATCH', `run ${runId} recorded ${recorded} here, but the agent asks for ${requested}`, {
      runId,
      recorded,
      requested,
    });
  }

  #place(step: number, rest: Pick<Place, 'occurrence' | 'id' | 'recorded'>): Place {
    const under = { alone: this.#underWay.size === 0 };
    for (const other of this.#underWay) other.alone = false;
    this.#underWay.add(under);
    return {
      ...rest,
      step,
      get alone() {
        return under.alone;
      },
      [Symbol.dispose]: () => void this.#underWay.delete(under),
    };
  }
}

function ended(data: KeptValue & { readonly outcome: string; readonly error?: ErrorJson | undefined }): Recorded {
  const { outcome, result, resultArtifact, error } = data;
  return { state: 'ended', outcome, value: { result, resultArtifact }, error };
}
