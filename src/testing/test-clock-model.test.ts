import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Clock, Disarm } from '../base/clock.ts';
import { TestClock } from './test-clock.ts';

test('taken, released, moved and left alone in any order, it fires what a plain list of timers fires', async () => {
  const ms = fc.nat({ max: 9 });
  const step = fc.oneof(
    fc.record({ do: fc.constant('arm' as const), ms, again: fc.option(ms) }),
    fc.record({ do: fc.constant('disarm' as const), nth: fc.nat() }),
    fc.record({
      do: fc.constantFrom('take' as const, 'release' as const, 'take and release' as const),
      ms: fc.constant(0),
    }),
    fc.record({ do: fc.constantFrom('advance' as const, 'pass' as const, 'block' as const), ms }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const pair = new ClockPair();
      for (const each of steps) {
        if (each.do === 'arm') pair.arm(each.ms, each.again);
        else if (each.do === 'disarm') pair.disarm(each.nth);
        else await pair.move(each.do, each.ms);
        expect(pair.clock).toEqual(pair.list);
      }
    }),
    { numRuns: 1_000 },
  );
});

/** Timers in a list, and nothing else: what a clock is measured against, and what its platform is. */
class TimerList implements Clock {
  readonly #timers: { readonly at: number; readonly fire: () => void }[] = [];
  #now = 0;

  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Disarm {
    const timer = { at: this.#now + ms, fire };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  }

  /** The loop is held meanwhile: nothing fires. */
  block(ms: number): void {
    this.#now += ms;
  }

  pass(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#timers[0]; next !== undefined && next.at <= until; next = this.#timers[0]) {
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = until;
  }
}

/** A clock on a platform of its own, and the list that says what it should do. */
class ClockPair {
  readonly #platform = new TimerList();
  readonly #clock = TestClock.real({ platform: this.#platform });
  readonly #list = new TimerList();
  readonly #fired: Record<'clock' | 'list', [number, number][]> = { clock: [], list: [] };
  readonly #disarms: { readonly clock: Disarm; readonly list: Disarm }[] = [];

  arm(ms: number, again: number | null): void {
    const id = this.#disarms.length;
    this.#disarms.push({
      clock: this.#armOn('clock', id, { ms, again }),
      list: this.#armOn('list', id, { ms, again }),
    });
  }

  disarm(nth: number): void {
    const both = this.#disarms[nth % Math.max(1, this.#disarms.length)];
    both?.clock();
    both?.list();
  }

  async move(how: 'take' | 'release' | 'take and release' | 'advance' | 'pass' | 'block', ms: number): Promise<void> {
    if (how.startsWith('take')) this.#clock.take();
    if (how.endsWith('release')) this.#clock.release();
    if (how === 'advance') await this.#clock.advance(ms);
    if (how === 'pass') this.#platform.pass(ms);
    if (how === 'block') this.#platform.block(ms);
    if (how === 'advance' || (how === 'pass' && !this.#clock.taken)) this.#list.pass(ms);
    if (how === 'block' && !this.#clock.taken) this.#list.block(ms);
  }

  get clock(): object {
    const [clock, platform] = [this.#clock, this.#platform];
    const onPlatform = platform.pending;
    return { fired: this.#fired.clock, now: clock.now(), pending: clock.pending, onPlatform };
  }

  get list(): object {
    const { pending } = this.#list;
    return { fired: this.#fired.list, now: this.#list.now(), pending, onPlatform: this.#clock.taken ? 0 : pending };
  }

  #armOn(
    on: 'clock' | 'list',
    id: number,
    { ms, again }: { readonly ms: number; readonly again: number | null },
  ): Disarm {
    const clock = on === 'clock' ? this.#clock : this.#list;
    return clock.after(ms, () => {
      this.#fired[on].push([id, clock.now()]);
      if (again !== null) clock.after(again, () => this.#fired[on].push([-id, clock.now()]));
    });
  }
}
