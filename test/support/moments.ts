import { systemClock } from '../../src/base/clock.ts';
import { withDeadline } from '../../src/base/deadline.ts';

/** Facts that a test and the agents it runs tell each other, by name. Each comes once; whoever waits for it, before or after, gets it. */
export class Moments {
  readonly #told = new Map<string, PromiseWithResolvers<unknown>>();

  tell(name: string, value?: unknown): void {
    this.#of(name).resolve(value);
  }

  /** Waits for a fact, ten seconds at most, and says which one it waited for. */
  of(name: string): Promise<unknown> {
    return withDeadline(`waiting for "${name}"`, 10_000, systemClock, this.#of(name).promise);
  }

  #of(name: string): PromiseWithResolvers<unknown> {
    const known = this.#told.get(name) ?? Promise.withResolvers();
    this.#told.set(name, known);
    return known;
  }
}

/** Never settles by itself; rejects when the signal aborts, as an agent that listens does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
