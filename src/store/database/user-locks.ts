/**
 * Who may use which user's database when: one writer at a time, in the order
 * they asked, with readers beside it.
 */

import { Gate } from '../../base/gate.ts';

export class UserLock implements Disposable {
  readonly #writers: Gate;
  readonly #readers = new Set<Promise<void>>();
  readonly #givenBack: () => void;
  #holders = 0;

  constructor(refuse: (waiting: number) => Error, givenBack: () => void) {
    // Not bounded here: who waits was admitted before.
    this.#writers = new Gate(1, Number.POSITIVE_INFINITY, refuse);
    this.#givenBack = givenBack;
  }

  /** Puts the lock into one more hand; each disposes of it. */
  take(): this {
    this.#holders += 1;
    return this;
  }

  /** Rejects with the signal's reason when it aborts before it is this writer's turn. */
  write(signal: AbortSignal): Promise<Disposable> {
    return this.#writers.enter(signal);
  }

  read(): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#readers.add(promise);
    return {
      [Symbol.dispose]: () => {
        this.#readers.delete(promise);
        resolve();
      },
    };
  }

  /** Resolves when those who read now have ended. */
  async readersGone(): Promise<void> {
    await Promise.all(this.#readers);
  }

  [Symbol.dispose](): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#givenBack();
  }
}

/** The locks that somebody has in hand. */
export class UserLocks {
  readonly #locks = new Map<string, UserLock>();
  readonly #refuse: (waiting: number) => Error;

  constructor(refuse: (waiting: number) => Error) {
    this.#refuse = refuse;
  }

  /** The lock of one user's file. Dispose of it when done. */
  take(file: string): UserLock {
    const lock = this.#locks.get(file) ?? new UserLock(this.#refuse, () => this.#locks.delete(file));
    this.#locks.set(file, lock);
    return lock.take();
  }
}
