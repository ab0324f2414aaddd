import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';

import type * as Clocks from './clock.ts';
import { TestClock } from '../testing/test-clock.ts';
import { sleep, systemClock } from './clock.ts';

test('a sleep that is aborted rejects with the reason and takes its timer back', async () => {
  const clock = new TestClock();
  const stop = new AbortController();

  const sleeping = expect(sleep(clock, 1_000, stop.signal)).rejects.toThrow('enough');
  stop.abort(new Error('enough'));
  await sleeping;

  expect(clock.pending).toBe(0);
});

test('a sleep that ended has left the signal', async () => {
  const clock = new TestClock();
  const stop = new AbortController();

  const sleeping = sleep(clock, 1_000, stop.signal);
  await clock.advance(1_000);
  await sleeping;

  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

test('timers that a test runner puts in the place of the platform’s do not stop it', async () => {
  vi.useFakeTimers();
  try {
    const fired = Promise.withResolvers<void>();
    systemClock.after(1, fired.resolve);
    await fired.promise;
  } finally {
    vi.useRealTimers();
  }
});

test('a timer of more than 24 days does not fire at once', async () => {
  vi.useFakeTimers();
  try {
    // A copy of the module, which finds these timers as it begins.
    const copy = './clock.ts?on-fake-timers';
    const { systemClock }: typeof Clocks = await import(copy);
    const month = 30 * 24 * 3_600_000;
    let fired = 0;
    systemClock.after(month, () => void (fired += 1));
    const disarm = systemClock.after(month, () => void (fired += 10));

    vi.advanceTimersByTime(month - 1);
    expect(fired).toBe(0);
    disarm();
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});
