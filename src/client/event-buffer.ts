import type { AgentEvent } from '../context/event.ts';

const EVENTS = 10_000;
const BYTES = 16_777_216;

/**
 * The events of a run that the client holds: contiguous, newest last. Those that
 * every reader has seen go when there are more than 10,000, or 16 MB; a reader
 * that comes later and wants them has them sent again.
 */
export class EventBuffer {
  readonly #events: { readonly event: AgentEvent; readonly bytes: number }[] = [];
  #after = 0;
  #bytes = 0;

  /** The last seq that is no longer, or was never, held. */
  get after(): number {
    return this.#after;
  }

  /** The last seq that is held. */
  get last(): number {
    return this.#after + this.#events.length;
  }

  at(seq: number): AgentEvent | undefined {
    return this.#events[seq - this.#after - 1]?.event;
  }

  /** Takes the event after the last. */
  push(event: AgentEvent, bytes: number): void {
    this.#events.push({ event, bytes });
    this.#bytes += bytes;
  }

  /** Starts anew after `after`. */
  restart(after: number): void {
    this.#events.length = 0;
    this.#after = after;
    this.#bytes = 0;
  }

  /** Whether it is as full as it may get, everything after `seen` being still to be read. */
  isFull(seen: number): boolean {
    this.#trim(seen, 1);
    return this.#unread(seen) >= EVENTS || this.#bytes > BYTES;
  }

  /** Whether half of it is free again. */
  hasRoom(seen: number): boolean {
    this.#trim(seen, 0.5);
    return this.#unread(seen) <= EVENTS / 2 && this.#bytes <= BYTES / 2;
  }

  #unread(seen: number): number {
    return this.last - Math.max(seen, this.#after);
  }

  /** Lets go of the oldest that are seen, down to a share of the limits. */
  #trim(seen: number, share: number): void {
    const { length } = this.#events;
    let gone = 0;
    while (
      this.#after + gone < Math.min(seen, this.last) &&
      (length - gone > EVENTS * share || this.#bytes > BYTES * share)
    ) {
      this.#bytes -= this.#events[gone]?.bytes ?? 0;
      gone += 1;
    }
    if (gone === 0) return;
    this.#events.splice(0, gone);
    this.#after += gone;
  }
}
