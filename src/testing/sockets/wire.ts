/**
 * The TCP connection below a user's WebSocket. It is a plain `net.Socket` until a
 * fault is asked for: `ws` and `node:http` use it as they use any, and what it
 * does then happens to its bytes, where a network would do it.
 *
 *   W1. Faults are real: a cut sends a reset, what is held is not read from the
 *       kernel, and what is lost never comes.
 *   W2. What should follow the n-th message follows it exactly: nothing after
 *       that message is handed on, also when it came in the same chunk.
 *   W3. A dead wire (half open) tells neither end. When its own end gives it up,
 *       that closes it, and the other end is told.
 */

import { Socket } from 'node:net';

import type { Clock } from '../../base/clock.ts';
import { MessageEnds } from './message-ends.ts';
import { Throttle } from './throttle.ts';

type Written = (error?: Error | null) => void;

export interface WireDeps {
  /** Slow is slow by this clock. */
  readonly clock: Clock;
  /** Told of every whole message. What it returns is done right after that message. */
  readonly message: () => (() => void) | undefined;
}

/** Which way bytes go, as the user sees it. */
export type Direction = 'receiving' | 'sending';

export class Wire extends Socket {
  readonly #incoming: Throttle;
  readonly #outgoing: Throttle;
  readonly #messageEnds = new MessageEnds();
  readonly #message: WireDeps['message'];
  #state: 'good' | 'dead' | 'cut' = 'good';
  /** The stream has asked for more while a chunk was held. */
  #wantsMore = false;
  /** What the stream said when it was given the last slice of a held chunk. */
  #hasRoom = true;

  constructor({ clock, message }: WireDeps) {
    super();
    this.#message = message;
    this.#incoming = new Throttle(clock, (bytes, passed) => {
      this.#hasRoom = this.#handOn(bytes);
      passed();
    });
    this.#outgoing = new Throttle(clock, (bytes, passed) => {
      // Not `_write`, which wants to be told that it is no text in a word that its types do not know.
      super._writev?.([{ chunk: bytes, encoding: 'utf8' }], passed);
    });
  }

  get dead(): boolean {
    return this.#state === 'dead';
  }

  /** Whether a fault holds bytes back: what waits for it does not move by itself. */
  get held(): boolean {
    return this.dead || this.#incoming.heldBytes > 0 || this.#outgoing.heldBytes > 0;
  }

  /** Bytes that were given to the kernel, or wait only for it. */
  get sentBytes(): number {
    const { chunkBytes } = this.#outgoing;
    return this.bytesWritten - (chunkBytes > 0 ? this.writableLength - chunkBytes : 0);
  }

  /** Bytes that were handed on. */
  get takenBytes(): number {
    return this.bytesRead - this.#incoming.heldBytes - this.readableLength;
  }

  /** Whether bytes that arrive are read. */
  get takes(): boolean {
    return !this.dead && this.#incoming.heldBytes === 0 && this.readableFlowing !== false;
  }

  /** W1: a reset, now. What either end has under way is lost. */
  cut(): void {
    if (this.destroyed) return;
    this.#state = 'cut';
    // Where its own end has said that it is done, the kernel takes no reset any more.
    if (!this.writableEnded) this.resetAndDestroy();
    this.destroy();
  }

  /** W3 */
  die(): void {
    if (this.#state !== 'good') return;
    this.#state = 'dead';
    this.#incoming.block();
    this.#outgoing.block();
  }

  /** In these directions; the other one is free. */
  slow(bytesPerSecond: number, directions: readonly Direction[]): void {
    for (const [direction, throttle] of [
      ['receiving', this.#incoming] as const,
      ['sending', this.#outgoing] as const,
    ]) {
      if (directions.includes(direction)) throttle.slow(bytesPerSecond);
      else throttle.free();
    }
  }

  /** Ends `slow`. What was held comes at once. */
  free(): void {
    this.#incoming.free();
    this.#outgoing.free();
  }

  /** What the kernel has read. False stops reading. */
  override push(chunk: Buffer | null): boolean {
    if (this.dead) return false;
    if (chunk === null) return super.push(null);
    if (this.#incoming.isOpen) return this.#handOn(chunk);
    this.#incoming.take(chunk, () => this.#readOn());
    return this.#incoming.heldBytes === 0 && this.#hasRoom;
  }

  override _read(size: number): void {
    if (this.dead) return;
    if (this.#incoming.heldBytes > 0) this.#wantsMore = true;
    else super._read(size);
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, written: Written): void {
    if (this.#outgoing.isOpen) super._write(chunk, encoding, written);
    else this.#outgoing.take(bytesOf(chunk, encoding), written);
  }

  override _writev(
    chunks: { readonly chunk: Buffer | string; readonly encoding: BufferEncoding }[],
    written: Written,
  ): void {
    if (this.#outgoing.isOpen) super._writev?.(chunks, written);
    else this.#outgoing.take(Buffer.concat(chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding))), written);
  }

  override _final(done: Written): void {
    // Dead, it does not tell the other end; cut, it tells it by the reset.
    if (this.#state === 'good') super._final(done);
  }

  /** W3: that the other end has gone is not told either. */
  override destroy(error?: Error): this {
    if (this.dead && error !== undefined && 'syscall' in error && error.syscall === 'read') return this;
    return super.destroy(error);
  }

  override _destroy(error: Error | null, done: Written): void {
    this.#incoming.close(null);
    this.#outgoing.close(error ?? new Error('the connection was closed'));
    super._destroy(error, done);
  }

  /** W2 */
  #handOn(bytes: Buffer): boolean {
    for (const end of this.#messageEnds.in(bytes)) {
      const after = this.#message();
      if (after === undefined) continue;
      super.push(bytes.subarray(0, end));
      after();
      return false;
    }
    return super.push(bytes);
  }

  #readOn(): void {
    if (!this.#wantsMore || this.#state !== 'good' || this.destroyed) return;
    this.#wantsMore = false;
    super._read(0);
  }
}

function bytesOf(chunk: Buffer | string, encoding: BufferEncoding): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}
