/**
 * The only way an engine writes events. It is bound to one context, so it
 * cannot address another run or another user; it never touches a socket.
 *
 *   M1. Events are numbered in the order of the calls, and committed in that
 *       order. What waits while a commit is under way goes into the next one.
 *   M2. Adjacent deltas of one part that wait are merged, so that rows are about
 *       commits, not tokens.
 *   M3. After a terminal event, after the lease is lost, after a failed append,
 *       or once it was given up, nothing more is written: every later call is refused.
 *   M4. What waits is bounded. A caller that awaits its calls is slowed to the
 *       pace of the commits; one that does not is refused past `emitterBytes`.
 *       What closes a call or a run is never refused for that: it is small, and
 *       there is one for each that was opened.
 */

import { canonicalJson, nestsDeeper } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { nextTurn } from '../base/next-turn.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';
import { EVENT_DATA, isDelta, type AgentEvent, type EventData, type EventType } from '../context/event.ts';
import { LIMITS, type Limits } from '../context/limits.ts';
import { isTerminal } from '../context/run-status.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { Lease, NewEvent, NewRun, OwnedStore, RunRecord } from './store.ts';

export interface EmitterDeps {
  readonly store: OwnedStore;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'eventBytes' | 'inlineBytes' | 'emitterBytes' | 'commitBytes'>;
  readonly resources: ResourceRegistry;
  /** Names this process in leases. */
  readonly holder: string;
  /** Told of each new head once it is durable, with the events up to it; with none when only the position is known. */
  readonly advanced: (head: number, events: readonly NewEvent[]) => void;
}

/** What the engine knows of a run that it accepts. */
export type RunRequest = Pick<NewRun, 'agent' | 'version' | 'origin' | 'parentRunId' | 'inputDigest'> & {
  readonly accepted: EventData<'run_accepted'>;
};

/** An event that is not committed yet. The text of a delta grows until its commit starts. */
interface Waiting {
  readonly type: EventType;
  readonly at: number;
  /** What the event is without its delta, or all of it, as canonical JSON. */
  readonly data: string;
  readonly part: string | undefined;
  readonly deltas: string[];
  bytes: number;
  readonly settle: PromiseWithResolvers<number>;
}

export class UserWebSocketEmitter implements AsyncDisposable {
  readonly context: UserExecutionContext;
  readonly #deps: EmitterDeps;
  readonly #given: () => void;
  #lease: { readonly generation: number } | undefined;
  #head = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #pumping: Promise<void> | undefined;
  #terminal: AgentEvent | undefined;
  /** Why nothing more is written. Made when somebody asks: most runs end without anyone being refused. */
  #refusal: (() => Error) | undefined;
  readonly #failed = new AbortController();

  constructor(context: UserExecutionContext, deps: EmitterDeps) {
    this.context = context;
    this.#deps = deps;
    this.#given = deps.resources.opened('emitter', context.runId, context.userId);
  }

  /** The last seq that is durable, as far as this writer knows. */
  get head(): number {
    return this.#head;
  }

  /** Aborts with the reason when an append failed, or it was given up, and nothing more can be written by this emitter. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** The run's last event, once it is durable and this emitter wrote it. */
  get terminal(): AgentEvent | undefined {
    return this.#terminal;
  }

  /** Whether the run can still be written by this emitter. */
  get writable(): boolean {
    return this.#lease !== undefined && this.#refusal === undefined;
  }

  /** Commits a new run with its first event and takes its lease. A run that exists already is given back untouched. */
  async accept(request: RunRequest): Promise<{ readonly created: boolean; readonly run: RunRecord }> {
    const { accepted, ...run } = request;
    const { runId, threadId, roles, metadata, operations } = this.context;
    const { type, at, data } = this.#prepare('run_accepted', accepted);
    const answer = await this.#deps.store.runs.accept({
      ...run,
      runId,
      threadId,
      context: canonicalJson({ roles, metadata, operations }),
      holder: this.#deps.holder,
      accepted: { type, at, data },
    });
    if (answer.created) this.#hold(answer.run.generation, answer.run.head);
    return answer;
  }

  /** Takes the run over from whoever held it. @throws `NOT_FOUND` */
  async take(): Promise<Lease> {
    const { runId } = this.context;
    const lease = await this.#deps.store.leases.take(runId, this.#deps.holder);
    if (lease === undefined)
      throw new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
    this.#hold(lease.generation, lease.head.head);
    return lease;
  }

  /**
   * Writes one event and resolves with its seq, or that of the event it was merged into, once it is durable.
   *
   * @throws `EVENT_INVALID` when the data does not match the vocabulary or is over 64 KB; the run goes on.
   * @throws `RUN_ENDED`, `LEASE_LOST`, `STORE_FULL`, `STORE_FAILED` when the run cannot be written any more.
   */
  emit<T extends EventType>(type: T, data: EventData<T>): Promise<number> {
    try {
      return this.#write(type, data);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Writes nothing more, as after a failed append: the store failed something else that the run cannot go on without. */
  giveUp(error: Error): void {
    if (this.#refusal === undefined) this.#refuse(error, []);
  }

  /** Writes nothing more. What waits is still committed. Idempotent. */
  async close(): Promise<void> {
    await this.#pumping;
    this.#refusal ??= () => closed(this.context, 'is closed');
    this.#given();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #hold(generation: number, head: number): void {
    this.#lease = { generation };
    this.#head = head;
    this.#deps.advanced(head, []);
  }

  #write<T extends EventType>(type: T, data: EventData<T>): Promise<number> {
    const event = this.#prepare(type, data);
    if (this.#refusal !== undefined) throw this.#refusal();
    if (this.#lease === undefined) throw closed(this.context, 'does not hold it');
    if (!closes(type)) this.#refuseFlood(event.bytes);
    if (isTerminal(type)) this.#refusal = () => ended(this.context, type);
    const delta = isDelta(type) ? (data as Delta) : undefined;
    return (this.#merge(event, delta) ?? this.#line(event, delta)).promise;
  }

  /** M2: a delta joins the last one that waits when both belong to the same part and fit one event. */
  #merge({ type, bytes }: Sized, delta: Delta | undefined): PromiseWithResolvers<number> | undefined {
    const last = this.#waiting.at(-1);
    if (delta === undefined || last?.type !== type || last.part !== partOf(delta)) return undefined;
    if (last.bytes + bytes > this.#deps.limits.inlineBytes) return undefined;
    last.deltas.push(delta.delta);
    last.bytes += bytes;
    this.#waitingBytes += bytes;
    return last.settle;
  }

  #line(event: Sized, delta: Delta | undefined): PromiseWithResolvers<number> {
    const settle = Promise.withResolvers<number>();
    // A caller may choose not to wait; whoever does wait learns of a failure all the same.
    settle.promise.catch(() => undefined);
    const part = delta && partOf(delta);
    this.#waiting.push({ ...event, part, deltas: delta ? [delta.delta] : [], settle });
    this.#waitingBytes += event.bytes;
    this.#pumping ??= this.#pump();
    return settle;
  }

  #refuseFlood(bytes: number): void {
    const max = this.#deps.limits.emitterBytes;
    if (this.#waitingBytes + bytes <= max) return;
    const what = `run ${this.context.runId} has ${this.#waitingBytes} bytes of events that wait for their commit`;
    throw new EnginehouseError('LIMIT_REACHED', `${what}; await the calls that write them`, {
      limit: 'emitterBytes',
      max,
    });
  }

  /** Commits what waits, as much at a time as one group commit takes, until nothing waits. */
  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      // One turn, so that what a step says and how it ends go together: a turn of the loop costs microseconds, a commit
      // waits for the disk.
      await nextTurn();
      const batch = this.#nextBatch();
      const after = this.#head;
      try {
        const generation = this.#lease?.generation ?? 0;
        const events = batch.map(asEvent);
        this.#head = await this.#deps.store.log.append(this.context.runId, { generation, after, events });
        this.#terminal = terminalOf(events, this.#head);
        batch.forEach(({ settle }, index) => settle.resolve(after + index + 1));
        this.#deps.advanced(this.#head, events);
      } catch (error) {
        this.#refuse(error as Error, batch);
      }
    }
    this.#pumping = undefined;
  }

  #nextBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && bytes + more > this.#deps.limits.commitBytes) break;
      bytes += more;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** M3: the log stays as it is durable; every call that waits learns why. */
  #refuse(error: Error, batch: readonly Waiting[]): void {
    this.#refusal = () => error;
    this.#failed.abort(error);
    const lost = [...batch, ...this.#waiting.splice(0)];
    this.#waitingBytes = 0;
    for (const { settle } of lost) settle.reject(error);
  }

  #prepare<T extends EventType>(type: T, data: EventData<T>): Sized {
    const parsed = EVENT_DATA[type].safeParse(data);
    if (!parsed.success) {
      const reason = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
      throw new EnginehouseError('EVENT_INVALID', `${type} is malformed: ${reason}`, { type, reason });
    }
    const text = textOf(type, parsed.data);
    const limit = this.#deps.limits.eventBytes;
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) {
      throw new EnginehouseError('EVENT_INVALID', `${type} is ${bytes} bytes, an event has at most ${limit}`, {
        type,
        reason: 'too large',
      });
    }
    if (!isDelta(type) && nestsDeeper(text, LIMITS.inputDepth.default + AROUND_LEVELS)) {
      const reason = `it nests more than ${LIMITS.inputDepth.default} levels deep`;
      throw new EnginehouseError('EVENT_INVALID', `${type} is malformed: ${reason}`, { type, reason });
    }
    return { type, at: this.#deps.clock.now(), data: text, bytes };
  }
}

/** Levels that an event puts around a value: its data, an error, its details. */
const AROUND_LEVELS = 3;

const CLOSING: ReadonlySet<EventType> = new Set(['tool_completed', 'subagent_completed', 'cancel_requested']);

/** M4 */
function closes(type: EventType): boolean {
  return CLOSING.has(type) || isTerminal(type);
}

function textOf(type: EventType, data: unknown): string {
  try {
    return canonicalJson(data);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EnginehouseError('EVENT_INVALID', `${type} is not JSON: ${reason}`, { type, reason }, { cause });
  }
}

type Sized = NewEvent & { readonly bytes: number };

interface Delta {
  readonly delta: string;
  readonly part?: string;
  readonly message?: string;
  readonly call?: string;
}

function partOf(delta: Delta): string | undefined {
  return delta.part ?? delta.message ?? delta.call;
}

function asEvent({ type, at, data, deltas }: Waiting): NewEvent {
  if (deltas.length < 2) return { type, at, data };
  const whole = JSON.parse(data) as Delta;
  return { type, at, data: canonicalJson({ ...whole, delta: deltas.join('') }) };
}

function terminalOf(events: readonly NewEvent[], seq: number): AgentEvent | undefined {
  const last = events.at(-1);
  if (last === undefined || !isTerminal(last.type)) return undefined;
  // A parse boundary: the data was checked against the type's schema.
  return { seq, type: last.type, at: last.at, data: JSON.parse(last.data) } as AgentEvent;
}

function closed({ runId }: UserExecutionContext, why: string): EnginehouseError {
  return new EnginehouseError('CLOSED', `the emitter of run ${runId} ${why}`, { what: 'emitter' });
}

function ended({ runId }: UserExecutionContext, type: EventType): EnginehouseError {
  return new EnginehouseError('RUN_ENDED', `run ${runId} has ended, ${type} was its last event`, { runId });
}
