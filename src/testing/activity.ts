/**
 * Knows when a runtime has nothing more to do until time moves or a test does something.
 *
 *   A1. What is under way is counted by whoever can see it (`BusySource`): calls of the store, bytes on their way,
 *       requests, model calls. Work that only waits for the clock or for the test must not be counted.
 *   A2. Between two counted pieces of work lies work that nobody sees: chains of promises, and what gives way to the
 *       event loop for a turn. So it is idle only when every source was at 0 for several turns in a row, and nothing
 *       began in them: what begins and ends within one turn is never seen under way.
 *   A3. It does not wait for ever, and says who was busy.
 */

import { holdingClock, sleep, systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { nextTurn } from '../base/next-turn.ts';

/** Something that may be under way; `busy()` is how many (calls, bytes, requests). 0 is idle. */
export interface BusySource {
  readonly name: string;
  busy(): number;
  /** How many have begun so far, where one may end in the turn in which it began. */
  begun?(): number;
}

export interface IdleOptions {
  /** Milliseconds of real time after which it gives up. @default 4_000, which is before the tests of most runners do */
  readonly timeoutMs?: number | undefined;
}

/**
 * Turns in a row without anything under way that make it idle (A2). Of 200 runs that were sent and overtaken by a move of
 * the clock, with their answers, all were at their time from 4 turns on, and 40 with 3. Twice that, for what agents do
 * themselves; a turn takes 2 µs.
 */
const QUIET_TURNS = 8;

/** For this long it looks at every turn of the event loop; then it leaves the processor to threads and processes between looks. */
const EAGER_MS = 3;
const PAUSE_MS = 1;

export class Activity {
  readonly #sources: Set<BusySource>;
  readonly #tracked = new Map<string, number>();

  constructor(sources: Iterable<BusySource> = []) {
    this.#sources = new Set(sources);
  }

  /** One more source. Call the returned function when there is nothing more to count. */
  add(source: BusySource): () => void {
    this.#sources.add(source);
    return () => void this.#sources.delete(source);
  }

  /**
   * Counts `work` as under way until it settles: for what no source can see, such as a file that is read or a service
   * that is asked. Not for work that waits for the clock, which could then never move.
   *
   * @returns `work`'s own outcome
   */
  async track<T>(name: string, work: PromiseLike<T>): Promise<T> {
    this.#tracked.set(name, (this.#tracked.get(name) ?? 0) + 1);
    try {
      return await work;
    } finally {
      const left = (this.#tracked.get(name) ?? 1) - 1;
      if (left === 0) this.#tracked.delete(name);
      else this.#tracked.set(name, left);
    }
  }

  /** What is under way now, by name; the sum of those that share one. */
  busy(): ReadonlyMap<string, number> {
    const counts = new Map(this.#tracked);
    for (const source of this.#sources) {
      const count = source.busy();
      if (count > 0) counts.set(source.name, (counts.get(source.name) ?? 0) + count);
    }
    return counts;
  }

  /** Resolves when nothing is under way. @throws `DEADLINE` naming what still is */
  async idle({ timeoutMs = 4_000 }: IdleOptions = {}): Promise<void> {
    const since = systemClock.now();
    let begun = this.#begun();
    for (let quiet = 0; quiet < QUIET_TURNS;) {
      await nextTurn();
      const before = begun;
      begun = this.#begun();
      if (begun === before && !this.#isBusy()) {
        quiet += 1;
        continue;
      }
      quiet = 0;
      const waitedMs = systemClock.now() - since;
      if (waitedMs >= timeoutMs) throw notIdle(this.busy(), timeoutMs);
      if (waitedMs >= EAGER_MS) await sleep(holdingClock, PAUSE_MS);
    }
  }

  #begun(): number {
    let begun = 0;
    for (const source of this.#sources) begun += source.begun?.() ?? 0;
    return begun;
  }

  #isBusy(): boolean {
    if (this.#tracked.size > 0) return true;
    for (const source of this.#sources) if (source.busy() > 0) return true;
    return false;
  }
}

function notIdle(busy: ReadonlyMap<string, number>, timeoutMs: number): EnginehouseError {
  const counts =
    [...busy].map(([name, count]) => `${name}: ${count}`).join(', ') || 'calls that end at once, one after the other';
  const message = `the runtime was not idle within ${timeoutMs} ms; under way: ${counts}`;
  const cure = 'Let what is under way end before time moves: release what the test holds, or await it first.';
  return new EnginehouseError('DEADLINE', message, { what: `idle (${counts})`, timeoutMs }, { cure });
}
