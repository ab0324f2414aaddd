/**
 * One run as those who follow it share it: how far its log goes, its newest
 * events, and whether it has ended. It exists while somebody follows the run;
 * `live-runs.ts` makes it and drops it.
 *
 *   L1. `head` is durable: nothing is told of an event that the store could forget.
 *   L2. Replay and live are one path. A reader asks for what is after its own
 *       position; the answer comes from the tail or, when it is older, from a
 *       page of the store.
 *   L3. A listener is told of every advance, and once more when the end is known.
 *       It asks again for what it wants, so a hint too many does no harm.
 */

import type { AgentEvent } from '../context/event.ts';
import type { Owner, RunId } from '../context/ids.ts';
import { isFinal, isTerminal, type FinalStatus } from '../context/run-status.ts';
import { runStream } from '../context/wire.ts';
import type { NewEvent, RunLog } from '../event/store.ts';
import { encodeEvent, eventFrame, frameHead, mayGather, type EventFrame } from './event-frame.ts';
import { HotTail } from './hot-tail.ts';

/** One frame carries at least one event and about this much. */
export const QUANTUM_BYTES = 16_384;
const TAIL_BYTES = 65_536;
const PAGE_EVENTS = 64;

export interface RunEnd {
  readonly seq: number;
  readonly status: FinalStatus;
  readonly crc: number;
}

export class LiveRun {
  readonly owner: Owner;
  readonly runId: RunId;
  readonly stream: string;
  readonly #log: RunLog;
  readonly #tail = new HotTail(TAIL_BYTES);
  readonly #listeners = new Set<() => void>();
  #opening: Promise<boolean> | undefined;
  #epoch = '';
  #frameHead = '';
  #head = 0;
  #end: RunEnd | undefined;
  #frame: EventFrame | undefined;
  #pageEvents = PAGE_EVENTS;

  constructor(owner: Owner, runId: RunId, log: RunLog) {
    this.owner = owner;
    this.runId = runId;
    this.stream = runStream(runId);
    this.#log = log;
  }

  get head(): number {
    return this.#head;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The end, once it is known. */
  get end(): RunEnd | undefined {
    return this.#end;
  }

  /** Looks the run up, once. False for an unknown or foreign one. @throws what the store throws. */
  open(): Promise<boolean> {
    this.#opening ??= this.look().then(
      (found) => {
        if (!found) this.#opening = undefined;
        return found;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /** Reads from the store where the log stands. False when there is none. */
  async look(): Promise<boolean> {
    const log = await this.#log.head(this.runId);
    if (log === undefined) return false;
    const { head, epoch, status, crc } = log;
    this.#epoch = epoch;
    this.#frameHead = frameHead(this.stream, epoch);
    const isNews = head > this.#head || (this.#end === undefined && isFinal(status));
    if (head > this.#head) {
      this.#head = head;
      this.#tail.restart(head);
    }
    if (isFinal(status)) this.#end = { seq: head, status, crc };
    if (isNews) this.#tell();
    return true;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Takes what the writer committed up to `head`. Never throws. */
  advance(head: number, events: readonly NewEvent[]): void {
    if (head <= this.#head) return;
    this.#head = head;
    this.#tail.advance(head, events);
    const last = events.at(-1);
    // A failed look at the store is made again by whoever sends the terminal event.
    if (last !== undefined && isTerminal(last.type)) this.settle().catch(() => undefined);
    this.#tell();
  }

  /** Events after `after`, a page at a time. Empty at the head, and when the run was deleted. */
  async events(after: number): Promise<readonly AgentEvent[]> {
    return this.#tail.eventsAfter(after, PAGE_EVENTS) ?? (await this.#log.read(this.runId, after, PAGE_EVENTS));
  }

  /** The next frame after `after`, at once when the tail has it. `undefined` when the run was deleted. */
  frame(after: number): EventFrame | Promise<EventFrame | undefined> | undefined {
    if (this.#frame?.after === after && (this.#frame.last === this.#head || this.#frame.bytes.length >= QUANTUM_BYTES))
      return this.#frame;
    const hot = this.#tail.encodedAfter(after, PAGE_EVENTS);
    if (hot === undefined) return this.#readFrame(after);
    this.#frame = eventFrame(this.#frameHead, hot, QUANTUM_BYTES);
    return this.#frame;
  }

  /** Whether what is after `after` need not be sent at once: it is new, it is little, and nobody waits for it. */
  mayGather(after: number): boolean {
    if (after < this.#tail.after || this.#end !== undefined) return false;
    let bytes = 0;
    for (const waiting of this.#tail.waitingAfter(after)) {
      bytes += waiting.bytes;
      if (!mayGather(waiting.type) || bytes >= QUANTUM_BYTES) return false;
    }
    return true;
  }

  /** How the run ended, read anew unless it is known. `undefined` while it has not. */
  async settle(): Promise<RunEnd | undefined> {
    if (this.#end === undefined) await this.look();
    return this.#end;
  }

  async #readFrame(after: number): Promise<EventFrame | undefined> {
    const page = await this.#log.read(this.runId, after, this.#pageEvents);
    const frame = eventFrame(this.#frameHead, page.map(encodeEvent), QUANTUM_BYTES);
    // The next page is about one frame, so that large events are not read only to be read again.
    if (frame !== undefined) this.#pageEvents = Math.min(PAGE_EVENTS, Math.max(1, 2 * (frame.last - after)));
    return frame;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
