/**
 * The newest events of a run that somebody follows, so that a commit is not
 * read back from the store once for every tab.
 *
 *   T1. What it holds is contiguous and ends at the head that it was told last.
 *   T2. It is bounded: past `limitBytes` the oldest go, and readers of those go
 *       to the store. At least the newest one stays.
 *   T3. An event is encoded once, however many sockets send it. A reader that
 *       wants the event itself gets a copy of its own.
 */

import type { AgentEvent } from '../context/event.ts';
import type { NewEvent } from '../event/store.ts';
import { encodeNew, parseNew, type EncodedEvent } from './event-frame.ts';

class TailEvent {
  readonly seq: number;
  readonly #kept: NewEvent;
  #encoded: EncodedEvent | undefined;

  constructor(seq: number, kept: NewEvent) {
    this.seq = seq;
    this.#kept = kept;
  }

  get type(): NewEvent['type'] {
    return this.#kept.type;
  }

  get bytes(): number {
    return this.#kept.data.length;
  }

  event(): AgentEvent {
    return parseNew(this.seq, this.#kept);
  }

  encoded(): EncodedEvent {
    return (this.#encoded ??= encodeNew(this.seq, this.#kept));
  }
}

export class HotTail {
  readonly #limitBytes: number;
  readonly #events: TailEvent[] = [];
  #after = 0;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The last seq that is no longer, or not yet, held. */
  get after(): number {
    return this.#after;
  }

  /** Takes what was committed up to `head`. When the events do not continue what is held, it starts anew at `head`. */
  advance(head: number, events: readonly NewEvent[]): void {
    if (head - events.length !== this.#after + this.#events.length) {
      this.restart(head);
      return;
    }
    let seq = head - events.length;
    for (const event of events) {
      seq += 1;
      this.#events.push(new TailEvent(seq, event));
      this.#bytes += event.data.length;
    }
    this.#trim();
  }

  restart(head: number): void {
    this.#events.length = 0;
    this.#after = head;
    this.#bytes = 0;
  }

  /** Events after `after`, or `undefined` when they are no longer here. */
  eventsAfter(after: number, limit: number): readonly AgentEvent[] | undefined {
    return this.#slice(after, limit)?.map((event) => event.event());
  }

  encodedAfter(after: number, limit: number): readonly EncodedEvent[] | undefined {
    return this.#slice(after, limit)?.map((event) => event.encoded());
  }

  /** Bytes and types of what is held after `after`. */
  waitingAfter(after: number): Iterable<{ readonly type: NewEvent['type']; readonly bytes: number }> {
    return this.#events.slice(Math.max(0, after - this.#after));
  }

  #slice(after: number, limit: number): readonly TailEvent[] | undefined {
    if (after < this.#after) return undefined;
    return this.#events.slice(after - this.#after, after - this.#after + limit);
  }

  #trim(): void {
    let gone = 0;
    while (this.#bytes > this.#limitBytes && gone < this.#events.length - 1) {
      this.#bytes -= this.#events[gone]?.bytes ?? 0;
      gone += 1;
    }
    this.#events.splice(0, gone);
    this.#after += gone;
  }
}
