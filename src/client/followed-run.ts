/**
 * One run as this client follows it, whatever becomes of its sockets.
 *
 *   F1. It applies `last + 1` and nothing else: what it has is dropped, and on a
 *       hole it subscribes again from where it is. It never guesses.
 *   F2. At the end, count and CRC must be the log's. If they are not, or the log
 *       is another one, what was shown is withdrawn: every reader ends with
 *       `STREAM_RESET`, listeners are told, and the run is read from its start.
 *       A second time it fails.
 *   F3. It holds a bounded number of events. While a reader is open, the slowest
 *       sets the pace: when the buffer is full of what it has not seen, the
 *       client leaves the stream and comes back when half of that is read. So a
 *       reader that stops reading stops this run's other readers and its result,
 *       and nothing else. Without a reader the oldest go.
 *   F4. A reader that needs what is no longer held has it sent again.
 */

import { EnginehouseError } from '../base/errors.ts';
import { unpackEvent } from '../context/event-tuple.ts';
import type { AgentEvent } from '../context/event.ts';
import { isTerminal } from '../context/run-status.ts';
import { runStream, type ServerFrame, type SubscribeFrom } from '../context/wire.ts';
import { EventBuffer } from './event-buffer.ts';
import { RunProof } from './run-proof.ts';
import { runResult, type RunResult } from './run-result.ts';

type Ev = Extract<ServerFrame, { t: 'ev' }>;
type Gap = Extract<ServerFrame, { t: 'gap' }>;
type End = Extract<ServerFrame, { t: 'end' }>;

/** A place in a run that an application can keep and come back to, with the state that it describes. */
export interface RunCursor {
  readonly epoch: string;
  /** Everything up to this seq was applied. */
  readonly after: number;
  /** The CRC up to there; without it the end of the run cannot be proven. */
  readonly crc?: string | undefined;
}

/** Says that what was shown of a run must be dropped. */
export interface RunReset {
  readonly runId: string;
  /** The log is another one than the cursor's, or the CRC at the end is not the log's. */
  readonly why: 'epoch' | 'crc';
}

/** How much of a run was received, and whether it is proven to be the log. */
export interface RunEvidence {
  /** The last seq; as many events as that. */
  readonly n: number;
  /** CRC-32 of the canonical bytes of all of them; `undefined` after a cursor without one. */
  readonly crc: string | undefined;
  /** True once the run has ended and both are what the log says. */
  readonly verified: boolean;
}

/** What a followed run asks of its client. */
export interface RunLink {
  /** @throws `CLOSED` when the client is closed, or follows the run anew. */
  subscribe(run: FollowedRun, from: SubscribeFrom): void;
  unsubscribe(run: FollowedRun): void;
  /** Nothing more is wanted of the stream. */
  over(run: FollowedRun): void;
  applied(stream: string, seq: number, bytes: number): void;
  reset(reset: RunReset): void;
}

/** Whether frames are wanted: `waiting` until the run is started, `parked` while readers are behind. */
type Phase = 'waiting' | 'following' | 'parked' | 'over';

interface Reader {
  seen: number;
  failure: EnginehouseError | undefined;
}

/** Where an application wants a run from. After a reset it is the start. */
export interface RunView {
  after: number;
  epoch: string | undefined;
  resets: number;
}

export class FollowedRun {
  readonly id: string;
  readonly stream: string;
  readonly #link: RunLink;
  readonly #buffer = new EventBuffer();
  readonly #readers = new Set<Reader>();
  readonly #result = Promise.withResolvers<RunResult>();
  #phase: Phase = 'waiting';
  #epoch: string | undefined;
  #proof: RunProof;
  #terminal: AgentEvent | undefined;
  #end: End | undefined;
  #verified = false;
  #failure: EnginehouseError | undefined;
  #resyncing = false;
  #resets = 0;
  #changed = Promise.withResolvers<void>();

  constructor(id: string, from: RunCursor | undefined, link: RunLink) {
    this.id = id;
    this.stream = runStream(id);
    this.#link = link;
    this.#epoch = from?.epoch;
    this.#proof = new RunProof(from?.after ?? 0, from?.crc);
    this.#buffer.restart(from?.after ?? 0);
    // Nobody may be waiting for it.
    this.#result.promise.catch(() => undefined);
  }

  get result(): Promise<RunResult> {
    return this.#result.promise;
  }

  get evidence(): RunEvidence {
    return { n: this.#proof.after, crc: this.#proof.crc, verified: this.#verified };
  }

  /** Where the newest event is; `undefined` before the first. */
  get cursor(): RunCursor | undefined {
    const { after, crc } = this.#proof;
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, after, ...(crc === undefined ? {} : { crc }) };
  }

  /** Whether a new socket must subscribe to it. */
  get wanted(): boolean {
    return this.#phase === 'following';
  }

  /** Where its next subscription starts. */
  get place(): SubscribeFrom {
    return this.#epoch === undefined ? 'start' : { epoch: this.#epoch, after: this.#buffer.last };
  }

  view(from: RunCursor | undefined): RunView {
    return { after: from?.after ?? 0, epoch: from?.epoch, resets: this.#resets };
  }

  /** Begins to follow, unless it does already. */
  follow(): void {
    if (this.#phase !== 'waiting' || this.#failure !== undefined) return;
    this.#subscribe();
  }

  /** F1 */
  received(frame: Ev, bytes: number): void {
    if (this.#phase !== 'following' || this.#failure !== undefined) return;
    this.#epoch ??= frame.e;
    const { from, at, ev } = frame;
    if (from > this.#buffer.last + 1) return this.#resync();
    this.#resyncing = false;
    const share = bytes / Math.max(1, ev.length);
    for (const [index, tuple] of ev.entries()) {
      if (from + index === this.#buffer.last + 1) this.#apply(unpackEvent(tuple, from + index, at), share);
    }
    this.#link.applied(this.stream, this.#buffer.last, bytes);
    if (this.#buffer.isFull(this.#slowest())) this.#park();
    this.#tell();
  }

  /** F2 */
  ended(frame: End): void {
    if (this.#phase !== 'following' || this.#failure !== undefined) return;
    if (frame.seq !== this.#buffer.last) return this.#resync();
    if (this.#terminal === undefined) return this.#rewind(frame.seq - 1);
    const { after, crc } = this.#proof;
    if (frame.n !== frame.seq || after !== frame.seq || (crc !== undefined && crc !== frame.crc))
      return this.#reset('crc');
    this.#verified = crc !== undefined;
    this.#end = frame;
    this.#phase = 'over';
    this.#link.over(this);
    this.#result.resolve(runResult(this.#terminal, frame));
    this.#tell();
  }

  /** F2 */
  gap(frame: Gap): void {
    if (this.#phase !== 'following') return;
    if (this.#proof.after === 0) this.#epoch = frame.e;
    else this.#reset('epoch', frame.e);
  }

  /** Ends it for every reader, and its result unless that is known. */
  fail(error: EnginehouseError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#phase = 'over';
    this.#link.over(this);
    this.#result.reject(error);
    this.#tell();
  }

  /** Stops following for good. */
  leave(): void {
    if (this.#phase === 'following') this.#link.unsubscribe(this);
    if (this.#phase !== 'over')
      this.fail(new EnginehouseError('CLOSED', `run ${this.id} is no longer followed`, { what: 'run' }));
  }

  /** Every event after the view's place, once and in order, up to and with the terminal one. */
  async *read(view: RunView): AsyncGenerator<AgentEvent, void> {
    const reader: Reader = { seen: view.after, failure: undefined };
    this.#readers.add(reader);
    try {
      for (;;) {
        this.#throwIfReset(view, reader);
        const event = this.#buffer.at(reader.seen + 1);
        if (event !== undefined) {
          reader.seen = event.seq;
          this.#resume();
          yield event;
        } else if (this.#end !== undefined && reader.seen >= this.#end.seq) return;
        else await this.#more(reader);
      }
    } finally {
      this.#readers.delete(reader);
      this.#resume();
    }
  }

  /** Waits for what the reader has not seen. F4 */
  async #more(reader: Reader): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (reader.seen < this.#buffer.after) this.#rewind(reader.seen);
    await this.#changed.promise;
  }

  /** F2: whoever was shown something else is told so once; the next reading starts anew. */
  #throwIfReset(view: RunView, reader: Reader): void {
    const otherLog = view.epoch !== undefined && this.#epoch !== undefined && view.epoch !== this.#epoch;
    const unseenReset = view.after > 0 && view.resets !== this.#resets;
    if (reader.failure === undefined && !otherLog && !unseenReset) return;
    Object.assign(view, { after: 0, epoch: undefined, resets: this.#resets });
    throw reader.failure ?? this.#wrong(otherLog ? 'epoch' : 'crc');
  }

  #apply(event: AgentEvent, bytes: number): void {
    this.#buffer.push(event, bytes);
    this.#proof.add(event);
    if (isTerminal(event.type)) this.#terminal = event;
  }

  /** The place of the reader that is furthest behind. Without readers everything counts as seen. */
  #slowest(): number {
    let slowest = Number.MAX_SAFE_INTEGER;
    for (const { seen } of this.#readers) slowest = Math.min(slowest, seen);
    return slowest;
  }

  /** F3 */
  #park(): void {
    this.#phase = 'parked';
    this.#link.unsubscribe(this);
  }

  #resume(): void {
    if (this.#phase === 'parked' && this.#buffer.hasRoom(this.#slowest())) this.#subscribe();
  }

  #subscribe(): void {
    this.#phase = 'following';
    this.#link.subscribe(this, this.place);
  }

  /** Asks once for what follows, and drops what comes before it does. */
  #resync(): void {
    if (this.#resyncing) return;
    this.#resyncing = true;
    this.#subscribe();
  }

  /** F4 */
  #rewind(after: number): void {
    this.#buffer.restart(after);
    this.#resyncing = true;
    this.#subscribe();
  }

  #reset(why: RunReset['why'], epoch?: string): void {
    this.#resets += 1;
    const error = this.#wrong(why);
    for (const reader of this.#readers) if (reader.seen > 0) reader.failure = error;
    this.#epoch = epoch;
    this.#proof = new RunProof(0, undefined);
    this.#terminal = undefined;
    this.#buffer.restart(0);
    this.#link.reset({ runId: this.id, why });
    if (this.#resets > 1) this.fail(error);
    else if (why === 'crc') this.#rewind(0);
    this.#tell();
  }

  #wrong(why: RunReset['why']): EnginehouseError {
    return new EnginehouseError('STREAM_RESET', `what was shown of run ${this.id} is not its log`, {
      runId: this.id,
      why,
    });
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
