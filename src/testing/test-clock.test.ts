import { expect, test } from 'vitest';

import { sleep } from '../base/clock.ts';
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
