import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('a bucket lets a burst through, then its rate', async () => {
  const clock = new TestClock();
  const bucket = new TokenBucket(10, 3, clock);

  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false]);
  expect(bucket.waitMs).toBe(100);
  await clock.advance(100);
  expect([bucket.take(), bucket.take()]).toEqual([true, false]);
});

test('a bucket never holds more than its burst', async () => {
  const clock = new TestClock();
  const bucket = new TokenBucket(10, 2, clock);

  await clock.advance(60_000);

  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
});

test('a clock that is set back adds nothing', () => {
  let now = 1_000;
  const bucket = new TokenBucket(10, 1, { now: () => now, after: () => () => undefined });
  bucket.take();

  now = 0;

  expect(bucket.take()).toBe(false);
  expect(bucket.waitMs).toBe(100);
});
