/**
 * Sends a connection what its cursors have not seen.
 *
 *   U1. There is no queue: what waits is `log[cursor .. head]`, and it stays in
 *       the log. A frame is built only when the socket has room for it.
 *   U2. It sends only while the socket's buffer and the client's window are low.
 *       When they are not, it stops until a write ends or an acknowledgement comes.
 *   U3. Streams take turns, a quantum each, and after a quantum the event loop
 *       turns, so that no replay starves a stream or a connection.
 *   U4. An idle connection is sent what is new at once, and so is every event
 *       that somebody waits for. A busy one gathers streamed text for up to
 *       `coalesceMs`.
 *   U5. A client that makes no progress for `slowClientMs` while something waits
 *       is given up. Its cursor survives; nothing was dropped.
 */

import type { Clock } from '../base/clock.ts';
import { nextTurn } from '../base/next-turn.ts';
import type { Limits } from '../context/limits.ts';
import { crcText, type ServerFrame } from '../context/wire.ts';
import type { EventFrame } from './event-frame.ts';
import { QUANTUM_BYTES, type RunEnd } from './live-run.ts';
import type { SendWindow } from './send-window.ts';
import type { Subscription } from './subscriptions.ts';
import type { Timers } from './timers.ts';

/** What the pump needs of a socket. */
export interface Outlet {
  readonly bufferedAmount: number;
  /** Tells `sent` when the bytes have left the process, or the socket has failed. */
  send(bytes: Buffer, sent: () => void): void;
  say(frame: ServerFrame): void;
}

export interface PumpDeps {
  readonly outlet: Outlet;
  readonly window: SendWindow;
  readonly clock: Clock;
  readonly timers: Pick<Timers<'gather' | 'slow'>, 'arm' | 'clear' | 'has'>;
  readonly limits: Pick<Limits, 'socketBufferBytes' | 'slowClientMs' | 'coalesceMs'>;
  /** The stream has ended for this connection; `found` is false when its run was deleted. */
  readonly ended: (subscription: Subscription, found: boolean) => void;
  /** The client is too slow. */
  readonly slow: () => void;
  readonly failed: (error: unknown) => void;
}

export class SocketPump {
  readonly #deps: PumpDeps;
  /** Streams that may have something to send, in the order of their turns. */
  readonly #due = new Set<Subscription>();
  readonly #resumed = (): void => this.resume();
  #pumping = false;
  #stopped = false;
  #hurry = false;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #bufferedWhenBlocked = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #sentBytes = 0;

  constructor(deps: PumpDeps) {
    this.#deps = deps;
  }

  /** Bytes of events, since the connection began. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Something of the stream may be there to be sent. */
  offer(subscription: Subscription): void {
    if (this.#stopped || subscription.state !== 'open') return;
    this.#due.add(subscription);
    this.resume();
  }

  /** There may be room again. */
  resume(): void {
    if (this.#pumping || this.#stopped || this.#due.size === 0) return;
    void this.#pump();
  }

  /** Resolves when everything known so far was given to the socket. Gathers no more. */
  flush(): Promise<void> {
    this.#hurry = true;
    this.#idle ??= Promise.withResolvers<void>();
    if (this.#due.size === 0 && !this.#pumping) this.#idle.resolve();
    this.resume();
    return this.#idle.promise;
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#due.clear();
    this.#idle?.resolve();
  }

  /** Runs through without a pause, unless a page of the store must be read or the event loop must turn. */
  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#due.size > 0 && !this.#stopped && !this.#blocked() && !this.#gathering()) {
        const turn = this.#turn(0);
        const sentBytes = typeof turn === 'number' ? turn : await turn;
        if (sentBytes > 0) this.#flushedAt = this.#deps.clock.now();
        if (sentBytes >= QUANTUM_BYTES) await nextTurn();
      }
    } catch (error) {
      if (!this.#stopped) this.#deps.failed(error);
    } finally {
      // Here, not in a later microtask: an offer that comes in between must find that nobody pumps.
      this.#pumping = false;
      if (this.#due.size === 0) this.#idle?.resolve();
    }
  }

  /** U3: one quantum, from the streams that have waited longest. */
  #turn(alreadySent: number): number | Promise<number> {
    let sentBytes = alreadySent;
    for (const subscription of this.#due) {
      if (this.#stopped || sentBytes >= QUANTUM_BYTES || (sentBytes > 0 && this.#full())) break;
      this.#due.delete(subscription);
      const served = this.#serve(subscription);
      if (typeof served !== 'number') return served.then((bytes) => this.#turn(sentBytes + bytes));
      sentBytes += served;
    }
    return sentBytes;
  }

  /** Sends the next frame, and the end when that was the last one. Gives the bytes sent. */
  #serve(subscription: Subscription): number | Promise<number> {
    const { run, state, cursor } = subscription;
    if (state !== 'open') return 0;
    if (cursor >= run.head) {
      if (run.end !== undefined) this.#sayEnd(subscription, run.end);
      return 0;
    }
    const frame = run.frame(cursor);
    if (frame instanceof Promise) return frame.then((read) => this.#send(subscription, read));
    return this.#send(subscription, frame);
  }

  #send(subscription: Subscription, frame: EventFrame | undefined): number | Promise<number> {
    const { outlet, window, timers, ended } = this.#deps;
    if (subscription.state !== 'open' || this.#stopped) return 0;
    if (frame === undefined) {
      ended(subscription, false);
      return 0;
    }
    const { bytes, last, terminal } = frame;
    timers.clear('slow');
    subscription.cursor = last;
    this.#sentBytes += bytes.length;
    window.sent(subscription.stream, last, bytes.length);
    outlet.send(bytes, this.#resumed);
    if (terminal) return subscription.run.settle().then((end) => this.#goOn(subscription, end, bytes.length));
    return this.#goOn(subscription, subscription.run.end, bytes.length);
  }

  #goOn(subscription: Subscription, end: RunEnd | undefined, sentBytes: number): number {
    if (subscription.state !== 'open' || this.#stopped) return sentBytes;
    if (subscription.cursor < subscription.run.head) this.#due.add(subscription);
    else if (end !== undefined) this.#sayEnd(subscription, end);
    return sentBytes;
  }

  #sayEnd(subscription: Subscription, { seq, status, crc }: RunEnd): void {
    const { stream } = subscription;
    this.#deps.outlet.say({ t: 'end', s: stream, seq, status, n: seq, crc: crcText(crc) });
    this.#deps.ended(subscription, true);
  }

  #full(): boolean {
    const { outlet, window, limits } = this.#deps;
    return window.full || outlet.bufferedAmount >= limits.socketBufferBytes;
  }

  /** U2, U5 */
  #blocked(): boolean {
    const { timers, limits, outlet } = this.#deps;
    if (!this.#full()) return false;
    if (!timers.has('slow')) {
      this.#bufferedWhenBlocked = outlet.bufferedAmount;
      timers.arm('slow', limits.slowClientMs, () => this.#stillBlocked());
    }
    return true;
  }

  #stillBlocked(): void {
    if (this.#due.size === 0 || !this.#full()) return this.resume();
    // Bytes that leave the buffer are progress, though not enough of it for another frame.
    if (this.#deps.outlet.bufferedAmount < this.#bufferedWhenBlocked) this.#blocked();
    else this.#deps.slow();
  }

  /** U4 */
  #gathering(): boolean {
    const { clock, limits, timers } = this.#deps;
    const waitMs = Math.min(limits.coalesceMs, this.#flushedAt + limits.coalesceMs - clock.now());
    const urgent = this.#hurry || waitMs <= 0 || [...this.#due].some(({ run, cursor }) => !run.mayGather(cursor));
    if (urgent) {
      timers.clear('gather');
      return false;
    }
    if (!timers.has('gather')) timers.arm('gather', waitMs, () => this.#flushNow());
    return true;
  }

  #flushNow(): void {
    this.#flushedAt = Number.NEGATIVE_INFINITY;
    this.resume();
  }
}
