import { expect, test } from 'vitest';

import { holdingClock, sleep, systemClock, type Clock, type Disarm } from '../base/clock.ts';
import { Activity } from './activity.ts';
import { TestClock } from './test-clock.ts';

test('timers fire in the order of their time, then of their arming, each at its own time', async () => {
  const clock = new TestClock(0);
  const fired: [string, number][] = [];
  clock.after(20, () => fired.push(['late', clock.now()]));
  clock.after(10, () => fired.push(['first', clock.now()]));
  clock.after(10, () => fired.push(['second', clock.now()]));

  await clock.advance(15);

  expect(fired).toEqual([
    ['first', 10],
    ['second', 10],
  ]);
  expect(clock.now()).toBe(15);
  expect(clock.pending).toBe(1);
});

test('a timer that is armed by another one fires in the same advance', async () => {
  const clock = new TestClock(0);
  const work = (async () => {
    await sleep(clock, 10);
    await sleep(clock, 10);
    return clock.now();
  })();

  await clock.advance(25);

  expect(await work).toBe(20);
  expect(clock.pending).toBe(0);
});

test('a timer that was disarmed does not fire', async () => {
  const clock = new TestClock();
  let fired = false;
  const disarm = clock.after(10, () => {
    fired = true;
  });

  disarm();
  disarm();
  await clock.advance(10);

  expect(fired).toBe(false);
});

test('a real clock shows the platform’s time and fires its timers by itself', async () => {
  const platform = new TestClock(1_000);
  const clock = TestClock.real({ platform });
  const fired: number[] = [];
  clock.after(50, () => fired.push(clock.now()));
  const disarm = clock.after(60, () => fired.push(-1));

  await platform.advance(55);
  disarm();
  await platform.advance(20);

  expect([fired, clock.now(), clock.pending, platform.pending]).toEqual([[1_050], 1_075, 0, 0]);
});

test('without another platform it runs on the system’s clock', async () => {
  const clock = TestClock.real();
  const before = systemClock.now();

  await sleep(clock, 2);

  expect(clock.now()).toBeGreaterThanOrEqual(before);
  expect(clock.now()).toBeLessThanOrEqual(systemClock.now());
  expect([clock.taken, clock.pending]).toEqual([false, 0]);
});

test('taking it stops time, and what was armed waits for the time that it had left', async () => {
  const platform = new TestClock(0);
  const clock = TestClock.real({ platform });
  const fired: number[] = [];
  clock.after(100, () => fired.push(clock.now()));
  await platform.advance(40);

  clock.take();
  clock.take();
  await platform.advance(1_000);
  const stopped = [clock.now(), clock.pending, platform.pending];
  await clock.advance(59);
  const early = [...fired];
  await clock.advance(1);

  expect([stopped, early, fired]).toEqual([[40, 1, 0], [], [100]]);
});

test('releasing it lets time go on from where it stands, with the time that each timer has left', async () => {
  const platform = new TestClock(0);
  const clock = TestClock.real({ platform });
  const fired: number[] = [];
  await clock.advance('1h');
  clock.after(100, () => fired.push(clock.now()));
  await clock.advance(70);

  clock.release();
  clock.release();
  await platform.advance(29);
  const early = [...fired];
  await platform.advance(1);

  expect([early, fired, clock.now(), clock.pending]).toEqual([[], [3_600_100], 3_600_100, 0]);
});

test('a timer that was overdue when the clock was taken fires with the next move, or on release, and time never goes back', async () => {
  const platform = new LateClock();
  const moved = TestClock.real({ platform });
  const released = TestClock.real({ platform });
  const fired: [string, number][] = [];
  for (const clock of [moved, released])
    clock.after(10, () => fired.push([clock === moved ? 'moved' : 'released', clock.now()]));
  platform.time += 25;
  moved.take();
  released.take();

  await moved.advance(0);
  released.release();
  platform.fireAll();

  expect(fired).toEqual([
    ['moved', 25],
    ['released', 25],
  ]);
});

test('an advance takes a clock that nobody has taken', async () => {
  const clock = TestClock.real({ platform: new TestClock(5) });

  await clock.advance('2h');

  expect([clock.taken, clock.now()]).toEqual([true, 7_200_005]);
});

test('it goes to the next timer, one at a time', async () => {
  const clock = new TestClock(0);
  const fired: number[] = [];
  clock.after(10, () => fired.push(clock.now()));
  clock.after(10, () => fired.push(clock.now()));
  clock.after(5_000, () => fired.push(clock.now()));

  const there = [await clock.runToNext(), clock.now(), await clock.runToNext(), clock.now()];
  there.push(await clock.runToNext(), clock.now(), await clock.runToNext(), clock.now());

  expect(there).toEqual([true, 10, true, 10, true, 5_000, false, 5_000]);
  expect(fired).toEqual([10, 10, 5_000]);
});

test('it moves only when nothing is under way, before each timer and after', async () => {
  const activity = new Activity();
  const clock = new TestClock(0);
  clock.settleBy(activity);
  const done: [string, number][] = [];
  const work = async (name: string): Promise<void> => {
    await sleep(holdingClock, 5);
    done.push([name, clock.now()]);
  };
  const all = [activity.track('before', work('before'))];
  clock.after(10, () => void all.push(activity.track('ten', work('ten'))));
  clock.after(20, () => void all.push(activity.track('twenty', work('twenty'))));

  await clock.advance(30);

  expect(done).toEqual([
    ['before', 0],
    ['ten', 10],
    ['twenty', 20],
  ]);
  await Promise.all(all);
});

test('what never settles ends the move with its name', async () => {
  const clock = new TestClock(0);
  const activity = new Activity([{ name: 'a call without an answer', busy: () => 1 }]);
  clock.settleBy({ idle: () => activity.idle({ timeoutMs: 5 }) });

  const error = { code: 'DEADLINE', message: expect.stringContaining('a call without an answer: 1') };
  await expect(clock.advance(10)).rejects.toMatchObject(error);
  await expect(clock.settled()).rejects.toMatchObject(error);

  expect(clock.now()).toBe(0);
});

test('a second move while one goes on is refused, naming both', async () => {
  const clock = new TestClock(0);

  const first = clock.advance('5m');
  const second = expect(clock.advance(1)).rejects.toMatchObject({
    code: 'TEST_KIT_MISUSED',
    message: 'clock.advance(1) was called while clock.advance("5m") goes on',
    cure: expect.stringContaining('Await'),
  });
  await expect(clock.runToNext()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });
  await Promise.all([first, second]);
  await clock.advance(1);

  expect(clock.now()).toBe(300_001);
});

test('a move that is under way when the clock is released fails, and time goes on by itself', async () => {
  const platform = new TestClock(0);
  const clock = TestClock.real({ platform });
  const fired: number[] = [];
  clock.after(10, () => clock.release());
  clock.after(20, () => fired.push(clock.now()));

  await expect(clock.advance('1m')).rejects.toMatchObject({
    code: 'TEST_KIT_MISUSED',
    message: expect.stringContaining('released while clock.advance("1m") went on'),
  });
  await platform.advance(10);

  expect([fired, clock.now()]).toEqual([[20], 20]);
});

test('timers that re-arm each other without end are stopped, with where', async () => {
  const clock = new TestClock(7);
  let fired = 0;
  function spin(): void {
    fired += 1;
    clock.after(0, spin);
  }
  spin();

  await expect(clock.advance('1s')).rejects.toMatchObject({
    code: 'TEST_KIT_MISUSED',
    message: expect.stringMatching(/^10000 timers of 0 ms .* time stands at 7; .*armed here.* at .*spin/s),
  });

  expect(fired).toBe(10_001);
});

test('a timer that throws ends the move with its error, and the others stay armed', async () => {
  const clock = new TestClock(0);
  clock.after(1, () => {
    throw new Error('broken');
  });
  clock.after(2, () => undefined);

  await expect(clock.advance(10)).rejects.toThrow('broken');

  expect([clock.now(), clock.pending]).toEqual([1, 1]);
});

test('what is armed is listed, with where when origins are kept', () => {
  const kept = TestClock.real({ keepOrigins: true, platform: new TestClock(100) });
  const plain = new TestClock(100);

  function armsIt(clock: TestClock): () => void {
    return clock.after(25, () => undefined);
  }
  const disarm = armsIt(kept);
  armsIt(plain);

  expect(kept.timers()).toEqual([expect.objectContaining({ at: 125, origin: expect.stringContaining('armsIt') })]);
  expect(plain.timers()).toEqual([expect.objectContaining({ at: 125, origin: undefined })]);
  disarm();
  expect(kept.timers()).toEqual([]);
});

test('a duration that is none is refused before the clock is taken', async () => {
  const clock = TestClock.real();

  await expect(clock.advance('a while')).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });

  expect(clock.taken).toBe(false);
});

/** A platform whose loop is held: time goes on, and its timers fire when it is told so. */
class LateClock implements Clock {
  time = 0;
  readonly #due = new Set<() => void>();

  now(): number {
    return this.time;
  }

  after(_ms: number, fire: () => void): Disarm {
    this.#due.add(fire);
    return () => void this.#due.delete(fire);
  }

  fireAll(): void {
    for (const fire of this.#due) fire();
  }
}
