/**
 * The clock of one runtime in a test.
 *
 *   C1. It is real or taken. Real, it is the platform's time, ahead by what was advanced before. Taken, it stands still
 *       and moves only when it is told to.
 *   C2. Taking and releasing keep every armed timer, with the time that it had left.
 *   C3. It moves from one due timer to the next, in the order of their times, then of their arming, and only when
 *       nothing is under way. Each timer fires at its own time.
 *   C4. One move at a time, and none without end at one moment.
 */

import { systemClock, type Clock, type Disarm } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { nextTurn } from '../base/next-turn.ts';
import { ArmedTimer } from './armed-timer.ts';
import { durationMs, type Duration } from './duration.ts';

export interface TestClockOptions {
  /** Keep where each timer was armed. @default false */
  readonly keepOrigins?: boolean | undefined;
  /** What the clock runs on while it is real. @default systemClock */
  readonly platform?: Clock | undefined;
}

/** A move of the clock, from being asked for to its end. */
interface Move {
  readonly what: string;
  released: boolean;
}

/** Timers in a row that may be armed for 0 ms and fire before time moves. A thousand users who yield once are fine. */
const MOST_AT_ONCE = 10_000;
/** From here on it keeps where such timers are armed, to be able to say it. */
const SUSPECT_AT_ONCE = MOST_AT_ONCE - 100;

export class TestClock implements Clock {
  readonly #timers = new Set<ArmedTimer>();
  #keepOrigins: boolean;
  readonly #platform: Clock;
  /** Where it stands while it is taken. */
  #standsAt: number | undefined;
  /** What the platform's time lags behind while it is real. */
  #aheadMs = 0;
  #settle: () => Promise<void> = nextTurn;
  #move: Move | undefined;
  #firedAtOnce = 0;

  /** A clock that is taken from its start. */
  constructor(startsAt = 1_763_800_000_000, { keepOrigins = false, platform = systemClock }: TestClockOptions = {}) {
    this.#standsAt = startsAt;
    this.#keepOrigins = keepOrigins;
    this.#platform = platform;
  }

  /** A clock that is real until it is taken: a runtime that boots with it pays next to nothing for that. */
  static real(options: TestClockOptions = {}): TestClock {
    const clock = new TestClock(0, options);
    clock.#standsAt = undefined;
    return clock;
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Whether it stands still until it is told to move. */
  get taken(): boolean {
    return this.#standsAt !== undefined;
  }

  now(): number {
    return this.#standsAt ?? this.#platform.now() + this.#aheadMs;
  }

  after(ms: number, fire: () => void): Disarm {
    const waitMs = ms > 0 ? ms : 0;
    const armed = this.#keepOrigins || this.#firedAtOnce > SUSPECT_AT_ONCE ? armedHere(waitMs) : undefined;
    const timer = new ArmedTimer({ at: this.now() + waitMs, fire, atOnce: waitMs === 0 }, armed);
    this.#timers.add(timer);
    if (!this.taken) this.#armForReal(timer, waitMs);
    return () => {
      this.#timers.delete(timer);
      timer.disarm?.();
    };
  }

  /** From now on it is kept where timers are armed. */
  keepOrigins(): void {
    this.#keepOrigins = true;
  }

  /** What is armed, the oldest first. */
  timers(): readonly ArmedTimer[] {
    return [...this.#timers];
  }

  /** What it waits for before it moves, and after. Without one it is a turn of the event loop. */
  settleBy(activity: { idle(): Promise<void> }): void {
    this.#settle = () => activity.idle();
  }

  /** Stops time where it is. Armed timers fire when the clock is moved to their time. Does nothing when it is taken. */
  take(): void {
    if (this.taken) return;
    this.#standsAt = this.now();
    for (const timer of this.#timers) {
      timer.disarm?.();
      timer.disarm = undefined;
    }
  }

  /**
   * Lets time go on by itself from where it stands; what is overdue fires at once. A move that is under way fails.
   * Does nothing when it is real.
   */
  release(): void {
    if (this.#standsAt === undefined) return;
    const from = this.#standsAt;
    this.#aheadMs = from - this.#platform.now();
    this.#standsAt = undefined;
    if (this.#move !== undefined) this.#move.released = true;
    // In their order, because the platform fires those of one time in the order of their arming.
    for (const timer of inOrder(this.#timers)) this.#armForReal(timer, Math.max(0, timer.at - from));
  }

  /**
   * Moves on by `duration`, and takes the clock if nobody has. Once nothing is under way it goes to the next timer
   * that is due, fires it, waits until nothing is under way, and so on: a timer that is armed meanwhile counts too.
   *
   * @throws `TEST_KIT_MISUSED` when it is no duration, while another move goes on, when the clock is released meanwhile,
   * or when timers re-arm each other without end; `DEADLINE` naming what stays busy; and what a timer throws
   * @example
   * await clock.advance('30m');
   */
  async advance(duration: Duration): Promise<void> {
    const ms = durationMs(duration);
    await this.#moving(`clock.advance(${JSON.stringify(duration)})`, async (settle) => {
      const until = this.now() + ms;
      await settle();
      for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
        this.#fire(next);
        await settle();
      }
      this.#goTo(until);
    });
  }

  /** Moves to the timer that is due next and fires it. False when none is armed. @throws as `advance` does */
  async runToNext(): Promise<boolean> {
    return this.#moving('clock.runToNext()', async (settle) => {
      await settle();
      const next = this.#next(Number.MAX_SAFE_INTEGER);
      if (next === undefined) return false;
      this.#fire(next);
      await settle();
      return true;
    });
  }

  /** Resolves when nothing is under way at this moment. @throws `DEADLINE` naming what stays busy */
  settled(): Promise<void> {
    return this.#settle();
  }

  #armForReal(timer: ArmedTimer, waitMs: number): void {
    timer.disarm = this.#platform.after(waitMs, () => {
      this.#timers.delete(timer);
      timer.fire();
    });
  }

  /** C4 */
  async #moving<T>(what: string, work: (settle: () => Promise<void>) => Promise<T>): Promise<T> {
    if (this.#move !== undefined) throw misused(`${what} was called while ${this.#move.what} goes on`, ONE_AT_A_TIME);
    const move: Move = { what, released: false };
    this.#move = move;
    try {
      this.take();
      return await work(async () => {
        await this.#settle();
        if (move.released) throw misused(`the clock was released while ${what} went on`, AWAIT_MOVES);
      });
    } finally {
      this.#move = undefined;
      this.#firedAtOnce = 0;
    }
  }

  /** C3 */
  #next(until: number): ArmedTimer | undefined {
    let next: ArmedTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }

  #fire(timer: ArmedTimer): void {
    this.#goTo(timer.at);
    this.#firedAtOnce = timer.atOnce ? this.#firedAtOnce + 1 : 0;
    if (this.#firedAtOnce > MOST_AT_ONCE) throw runaway(timer, this.now());
    this.#timers.delete(timer);
    timer.fire();
  }

  /** Never back: a timer may have been overdue when the clock was taken. */
  #goTo(at: number): void {
    this.#standsAt = Math.max(this.now(), at);
  }
}

const ONE_AT_A_TIME = 'Await one move of the clock before the next.';
const AWAIT_MOVES =
  'Await every move of the clock inside the test that makes it; the clock is released when the test ends.';
const ARM_FOR_MORE = 'Arm the timer for more than 0 ms, or do the work without a timer.';

function inOrder(timers: Iterable<ArmedTimer>): readonly ArmedTimer[] {
  return [...timers].sort((one, other) => one.at - other.at);
}

function armedHere(ms: number): Error {
  return new Error(`a timer of ${ms} ms was armed here`);
}

function runaway({ origin }: ArmedTimer, now: number): EnginehouseError {
  const message = `${MOST_AT_ONCE} timers of 0 ms fired one after the other and time stands at ${now}; the next one:\n${origin}`;
  return misused(message, ARM_FOR_MORE);
}

function misused(message: string, cure: string): EnginehouseError {
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'clock' }, { cure });
}
