/**
 * Lets at most `capacity` holders in at once, in the order they asked.
 *
 *   G1. A permit is a `Disposable`, so `using` gives it back on every path.
 *   G2. A waiter that is aborted leaves the line at once and takes no permit.
 *   G3. The line is bounded: past `maxWaiting` the caller is refused.
 */
export class Gate {
  readonly #line: (() => void)[] = [];
  readonly #maxWaiting: number;
  readonly #refuse: (waiting: number) => Error;
  #free: number;

  constructor(capacity: number, maxWaiting: number, refuse: (waiting: number) => Error) {
    this.#free = capacity;
    this.#maxWaiting = maxWaiting;
    this.#refuse = refuse;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** Rejects with the signal's reason when it aborts before a permit is free. */
  async enter(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else if (this.#line.length >= this.#maxWaiting) throw this.#refuse(this.#line.length);
    else await this.#waitInLine(signal);
    return this.#permit();
  }

  #waitInLine(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(admit), 1);
        reject(signal?.reason);
      };
      const admit = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#line.push(admit);
    });
  }

  #permit(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const admit = this.#line.shift();
        if (admit === undefined) this.#free += 1;
        else admit();
      },
    };
  }
}
