import type { Clock, Disarm } from '../../base/clock.ts';

type Done = (error?: Error | null) => void;

interface Held {
  rest: Buffer;
  /** What the whole chunk was. */
  readonly bytes: number;
  readonly done: Done;
}

/** At the given speed, bytes pass in slices of so many milliseconds. */
const SLICE_MS = 50;

/**
 * One direction of a wire: bytes pass at once, slowly, or not at all.
 *
 *   T1. It holds one chunk at most. Whoever gives it one gives the next after
 *       `done`, so that backpressure reaches the end that writes.
 *   T2. Slow is slow by the clock: where a test moves time, `advance('10s')` lets
 *       ten seconds of bytes pass, every time the same ones.
 *   T3. Order is kept, whatever it is changed to while it holds something.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #pass: (bytes: Buffer, passed: Done) => void;
  #held: Held | undefined;
  #passing = false;
  #blocked = false;
  #bytesPerMs: number | undefined;
  #allowedBytes = 0;
  #allowedAt = 0;
  #disarm: Disarm | undefined;

  constructor(clock: Clock, pass: (bytes: Buffer, passed: Done) => void) {
    this.#clock = clock;
    this.#pass = pass;
  }

  /** Whether bytes may go past it. */
  get isOpen(): boolean {
    return this.#held === undefined && !this.#blocked && this.#bytesPerMs === undefined;
  }

  /** Of the chunk that it holds, those that have not passed. */
  get heldBytes(): number {
    return this.#held?.rest.length ?? 0;
  }

  /** All of the chunk that it holds, in whole or in part. */
  get chunkBytes(): number {
    return this.#held?.bytes ?? 0;
  }

  /** T1 */
  take(chunk: Buffer, done: Done): void {
    this.#held = { rest: chunk, bytes: chunk.length, done };
    this.#drip();
  }

  slow(bytesPerSecond: number): void {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#allowedBytes = this.#sliceBytes();
    this.#allowedAt = this.#clock.now();
    this.#dripAgain();
  }

  /** Bytes pass at once again. */
  free(): void {
    this.#bytesPerMs = undefined;
    this.#dripAgain();
  }

  /** Nothing passes any more. */
  block(): void {
    this.#blocked = true;
    this.#disarm?.();
  }

  /** The wire is gone, and what is held with it. */
  close(error: Error | null): void {
    this.block();
    const held = this.#held;
    this.#held = undefined;
    held?.done(error);
  }

  #dripAgain(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#drip();
  }

  #drip(): void {
    const held = this.#held;
    if (held === undefined || this.#passing || this.#blocked) return;
    const bytes = this.#allowed(held.rest.length);
    if (bytes === 0 && held.rest.length > 0) return this.#wait(held.rest.length);
    const slice = held.rest.subarray(0, bytes);
    held.rest = held.rest.subarray(bytes);
    this.#passing = true;
    this.#pass(slice, (error) => {
      this.#passing = false;
      if (this.#held !== held) return;
      if (held.rest.length > 0 && (error === undefined || error === null)) return this.#drip();
      this.#held = undefined;
      held.done(error);
    });
  }

  #wait(wantedBytes: number): void {
    if (this.#disarm !== undefined || this.#bytesPerMs === undefined) return;
    const missingBytes = Math.min(wantedBytes, this.#sliceBytes()) - this.#allowedBytes;
    this.#disarm = this.#clock.after(Math.ceil(missingBytes / this.#bytesPerMs), () => this.#dripAgain());
  }

  /** T2 */
  #allowed(wantedBytes: number): number {
    if (this.#bytesPerMs === undefined) return wantedBytes;
    const now = this.#clock.now();
    const earned = Math.max(0, now - this.#allowedAt) * this.#bytesPerMs;
    this.#allowedAt = now;
    this.#allowedBytes = Math.min(this.#sliceBytes(), this.#allowedBytes + earned);
    const bytes = Math.min(wantedBytes, Math.floor(this.#allowedBytes));
    this.#allowedBytes -= bytes;
    return bytes;
  }

  #sliceBytes(): number {
    return Math.max(1, (this.#bytesPerMs ?? 0) * SLICE_MS);
  }
}
