import type { Clock, Disarm } from '../base/clock.ts';
import { nextTurn } from '../base/next-turn.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** A clock that moves only when it is told to. Timers fire in the order of their time, then of their arming. */
export class TestClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(startsAt = 1_763_800_000_000) {
    this.#now = startsAt;
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Disarm {
    const timer: Timer = { at: this.#now + Math.max(0, ms), fire };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /**
   * Moves on by `ms` milliseconds and fires what falls due, each timer at its
   * own time. Between two timers, and at the end, work that is ready runs, so
   * that a timer armed by another one counts too.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await nextTurn();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next);
      this.#now = next.at;
      next.fire();
      await nextTurn();
    }
    this.#now = until;
    await nextTurn();
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}
