import { expect, test } from 'vitest';

import { durationMs } from './duration.ts';

test.for([
  [0, 0],
  [1_500, 1_500],
  ['250ms', 250],
  ['20s', 20_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['1m30s', 90_000],
  ['1d2h3m4s5ms', 93_784_005],
] as const)('%j is %i ms', ([duration, ms]) => {
  expect(durationMs(duration)).toBe(ms);
});

test.for([-1, Number.NaN, Infinity, '', 'soon', '5', '1.5h', '-3s', '30s1m', '1m 30s', '3min', '9'.repeat(20) + 'd'])(
  '%j is refused, with what a duration looks like',
  (wrong) => {
    expect(() => durationMs(wrong)).toThrow(
      expect.objectContaining({
        code: 'TEST_KIT_MISUSED',
        message: expect.stringMatching(/'1m30s', got /),
        cure: expect.stringContaining('1h30m'),
      }),
    );
  },
);
