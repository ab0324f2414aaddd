import type { Clock, Disarm } from '../base/clock.ts';

const LATEST_MS = 250;

/**
 * Tells the server what was applied: 250 ms after the first event that it does
 * not know of, or sooner when half of the window is used up.
 */
export class Acknowledgements implements Disposable {
  readonly #send: (cursors: Readonly<Record<string, number>>) => void;
  readonly #clock: Clock;
  readonly #atOnceBytes: number;
  #cursors = new Map<string, number>();
  #bytes = 0;
  #disarm: Disarm | undefined;

  constructor(send: (cursors: Readonly<Record<string, number>>) => void, windowBytes: number, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
    this.#atOnceBytes = windowBytes / 2;
  }

  applied(stream: string, seq: number, bytes: number): void {
    this.#cursors.set(stream, seq);
    this.#bytes += bytes;
    if (this.#bytes >= this.#atOnceBytes) this.#flush();
    else this.#disarm ??= this.#clock.after(LATEST_MS, () => this.#flush());
  }

  [Symbol.dispose](): void {
    this.#disarm?.();
    this.#cursors.clear();
  }

  #flush(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#bytes = 0;
    const cursors = Object.fromEntries(this.#cursors);
    this.#cursors.clear();
    this.#send(cursors);
  }
}
