import { expect, test } from 'vitest';

import { isoUtc, utcMs } from './utc.ts';

const noon = { year: 2024, month: 2, day: 29, hour: 12, minute: 0, second: 0, millisecond: 5 };

test('a date goes to milliseconds and back', () => {
  const ms = utcMs(noon);

  expect(ms).toBe(1_709_208_000_005);
  expect(isoUtc(1_709_208_000_005)).toBe('2024-02-29T12:00:00.005Z');
});

test.each([
  ['a day that the month has not', { ...noon, year: 2023 }],
  ['a 13th month', { ...noon, month: 13 }],
  ['day 0', { ...noon, day: 0 }],
  ['hour 24', { ...noon, hour: 24 }],
  ['minute 60', { ...noon, minute: 60 }],
  ['second 60', { ...noon, second: 60 }],
])('%s is no date', (_what, parts) => {
  expect(utcMs(parts)).toBeUndefined();
});
