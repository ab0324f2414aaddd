/**
 * What a run did already, as its log tells, and the place of what it does next.
 *
 * Every step, tool call and child run takes a place: its number in the order of
 * starts, and a key made of its kind, name and occurrence. After a takeover the
 * body runs once more from its start, and:
 *
 *   R1. What is recorded under a key gives its recorded outcome, and is not done again.
 *   R2. What ran alone comes again in the same order, and nothing new comes before
 *       it: else the body is not the one that wrote the record, and the run fails.
 *   R3. What ran beside others is matched by key, in any order, since which of
 *       two branches is faster may be another one each time.
 *   R4. At the end nothing recorded is left over.
 *   R5. A mismatch stays: an agent that catches it fails all the same.
 */

import type { ErrorJson } from '../base/errors.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import { isTerminal } from '../context/run-status.ts';
import type { KeptValue } from '../event/value-keeper.ts';

export type StepKind = 'step' | 'tool' | 'agent';

/** How a call or a child run begins in the log. */
export type Began = AgentEvent<'tool_executing' | 'subagent_started'>;

export type Recorded =
  | { readonly state: 'started'; readonly began: Began }
  | {
      readonly state: 'ended';
      readonly outcome: string;
      readonly value: KeptValue;
      readonly error: ErrorJson | undefined;
    };

interface Entry {
  readonly key: string;
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
  /** In the order of the log. */
  readonly #recorded = new Unclaimed();
  readonly #ranAlone = new Unclaimed();
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
  #mismatched: EnginehouseError | undefined;
  #ended = false;
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

  /** Whether the run has its terminal event. */
  get ended(): boolean {
    return this.#ended;
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
    this.#ended ||= isTerminal(event.type);
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
    if (type === 'agent_started' || type === 'run_resumed') this.#attemptFrom = at;
    // It waits again, as an attempt that nobody ended does until then.
    else if (type === 'run_queued') this.#attemptFrom = undefined;
    else if (this.#attemptFrom !== undefined && at > this.#attemptFrom) {
      this.#activeMs += at - this.#attemptFrom;
      this.#attemptFrom = at;
    }
    if (type === 'run_parked') this.#attemptFrom = undefined;
  }

  #foldStep(event: AgentEvent): void {
    switch (event.type) {
      case 'step_completed':
        return this.#note(`step ${event.data.name}#${event.data.occurrence}`, event.data.alone, ended(event.data));
      case 'tool_executing':
        return this.#note(`tool ${event.data.call}`, false, { state: 'started', began: event });
      case 'tool_completed':
        return this.#note(`tool ${event.data.call}`, event.data.alone, ended(event.data));
      case 'subagent_started':
        return this.#note(`agent ${event.data.agent}#${event.data.occurrence}`, false, {
          state: 'started',
          began: event,
        });
      case 'subagent_completed':
        return this.#note(`agent ${event.data.agent}#${event.data.occurrence}`, event.data.alone, ended(event.data));
      default:
    }
  }

  #note(key: string, alone: boolean, recorded: Recorded): void {
    const known = this.#entries.get(key);
    const entry = known ?? { key, alone, recorded, claimed: false };
    entry.alone = alone;
    entry.recorded = recorded;
    if (known === undefined) this.#recorded.add(entry);
    if (alone) this.#ranAlone.add(entry);
    this.#entries.set(key, entry);
  }

  /**
   * Takes the next place for a step, a call or a child run.
   *
   * @throws `STEP_MISMATCH` (R2, R5)
   */
  claim(kind: StepKind, name: string): Place {
    if (this.#mismatched !== undefined) throw this.#mismatched;
    const occurrence = this.#occurrences.get(`${kind} ${name}`) ?? 0;
    const key = `${kind} ${name}#${occurrence}`;
    const entry = this.#entries.get(key);
    this.#checkOrder(key, entry);
    this.#occurrences.set(`${kind} ${name}`, occurrence + 1);
    const step = this.#next;
    this.#next += 1;
    if (entry !== undefined) entry.claimed = true;
    return this.#place(step, { occurrence, id: `${name}#${occurrence}`, recorded: entry?.recorded });
  }

  /** R2 and R3. */
  #checkOrder(key: string, entry: Entry | undefined): void {
    if (entry?.alone === false) return;
    const expected = entry === undefined ? this.#recorded.first : this.#ranAlone.first;
    if (expected === undefined || expected === entry || !expected.alone) return;
    if (entry === undefined && this.#underWay.size > 0) return;
    throw this.mismatch(expected.key, key);
  }

  /** @throws `STEP_MISMATCH` (R4, R5) */
  checkAllClaimed(): void {
    const left = this.#recorded.first;
    if (this.#mismatched === undefined && left !== undefined) this.mismatch(left.key, 'the end of the run');
    if (this.#mismatched !== undefined) throw this.#mismatched;
  }

  /** R5: the failure of a run whose agent was replaced by code that cannot go on with it, once it was found. */
  get mismatched(): EnginehouseError | undefined {
    return this.#mismatched;
  }

  /** Notes that the agent does not do what the record says it did; gives the failure. */
  mismatch(recorded: string, requested: string): EnginehouseError {
    const runId = this.#runId;
    const message = `run ${runId} recorded ${recorded} here, but the agent asks for ${requested}`;
    return (this.#mismatched ??= new EnginehouseError('STEP_MISMATCH', message, { runId, recorded, requested }));
  }

  /** The calls and child runs that an earlier attempt began, that nobody ended, and that this attempt did not come to. */
  get open(): readonly Began[] {
    return [...this.#entries.values()].flatMap(({ claimed, recorded }) =>
      claimed || recorded.state !== 'started' ? [] : [recorded.began],
    );
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

/** Entries of which the first that is not claimed is asked for again and again. */
class Unclaimed {
  readonly #entries: Entry[] = [];
  #from = 0;

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  get first(): Entry | undefined {
    while (this.#entries[this.#from]?.claimed === true) this.#from += 1;
    return this.#entries[this.#from];
  }
}

function ended(data: KeptValue & { readonly outcome: string; readonly error?: ErrorJson | undefined }): Recorded {
  const { outcome, result, resultArtifact, error } = data;
  return { state: 'ended', outcome, value: { result, resultArtifact }, error };
}
