import { expect, test } from 'vitest';

import { TestClock } from '../test-clock.ts';
import { Throttle } from './throttle.ts';

test('bytes pass at the given speed, by the clock, in their order', async () => {
  const { clock, throttle, passed, give } = throttled();
  throttle.slow(1_000);
  const done = give('x'.repeat(300));

  expect(passed()).toHaveLength(50);
  await clock.advance(100);
  expect(passed()).toHaveLength(150);
  expect(throttle.heldBytes).toBe(150);
  expect(done()).toBe(false);
  await clock.advance(150);

  expect(passed()).toHaveLength(300);
  expect(done()).toBe(true);
});

test('less than a byte per slice is a byte now and then', async () => {
  const { clock, throttle, passed, give } = throttled();
  throttle.slow(1);
  give('abc');

  await clock.advance('1s');
  expect(passed()).toBe('ab');
  await clock.advance('1s');
  expect(passed()).toBe('abc');
});

test('T3: what is held comes first when it is freed, and later bytes after it', () => {
  const { clock, throttle, passed, give } = throttled();
  throttle.slow(1_000);
  const done = give(`${'a'.repeat(50)}bcd`);
  expect(done()).toBe(false);

  throttle.free();
  expect(done()).toBe(true);
  expect(throttle.isOpen).toBe(true);
  give('e');

  expect(passed()).toBe(`${'a'.repeat(50)}bcde`);
  expect(clock.pending).toBe(0);
});

test('blocked, it holds what it has, also when it is freed; closed, it gives it up and says so', async () => {
  const { clock, throttle, passed, give } = throttled();
  throttle.slow(1_000);
  const done = give('x'.repeat(60));

  throttle.block();
  throttle.free();
  await clock.advance('1h');
  expect(passed()).toHaveLength(50);
  expect(done()).toBe(false);
  throttle.close(new Error('gone'));

  expect(done()).toEqual(new Error('gone'));
  expect(throttle.heldBytes).toBe(0);
});

test('an empty chunk passes, however slow it is', () => {
  const { throttle, give } = throttled();
  throttle.slow(1);
  give('a');

  expect(give('')()).toBe(true);
});

function throttled() {
  const clock = new TestClock();
  const slices: Buffer[] = [];
  const throttle = new Throttle(clock, (bytes, passed) => {
    slices.push(bytes);
    passed();
  });
  const give = (text: string): (() => boolean | Error) => {
    let outcome: boolean | Error = false;
    throttle.take(Buffer.from(text), (error) => (outcome = error ?? true));
    return () => outcome;
  };
  return { clock, throttle, give, passed: () => Buffer.concat(slices).toString() };
}
