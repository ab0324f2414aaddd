import type { Clock, Disarm } from '../base/clock.ts';
import { TokenBucket } from '../base/token-bucket.ts';

/** Keeps clear of the server's own count, which does not begin at the same instant. */
const SHARE = 0.8;

/**
 * Sends frames no faster than the server takes them: past its rate it closes the
 * connection for good. Frames keep their order; what waits is dropped with the
 * socket, since everything that matters is said again on the next one.
 */
export class Outbox implements Disposable {
  readonly #send: (text: string) => void;
  readonly #clock: Clock;
  readonly #waiting: string[] = [];
  #bucket: TokenBucket;
  #disarm: Disarm | undefined;
  #disposed = false;

  constructor(send: (text: string) => void, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
    this.#bucket = new TokenBucket(40, 80, clock);
  }

  /** Takes the server's own limits, once it said them. */
  pace([perSecond, burst]: readonly [number, number]): void {
    this.#bucket = new TokenBucket(perSecond * SHARE, Math.max(1, Math.floor(burst * SHARE)), this.#clock);
  }

  push(text: string): void {
    if (this.#disposed) return;
    this.#waiting.push(text);
    if (this.#disarm === undefined) this.#flush();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#waiting.length = 0;
    this.#disarm?.();
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#bucket.take()) this.#send(this.#waiting.shift() ?? '');
    if (this.#waiting.length === 0) return;
    this.#disarm = this.#clock.after(this.#bucket.waitMs, () => {
      this.#disarm = undefined;
      this.#flush();
    });
  }
}
