import { expect, test } from 'vitest';

import { backoffMs, drainMs } from './backoff.ts';

test('the first attempt is at once, then the pauses double up to 15 s', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100].map((failures) => backoffMs(failures, 1));

  expect(longest).toEqual([0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  expect(backoffMs(5, 0)).toBe(0);
});

test('a drain is answered between its two times', () => {
  expect([drainMs([500, 900], 0), drainMs([500, 900], 0.5), drainMs([500, 100], 1)]).toEqual([500, 700, 500]);
});
