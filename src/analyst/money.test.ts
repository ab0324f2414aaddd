import { expect, test } from 'vitest';

import { charge, grouped, microUsd, percentOf, usd } from './money.ts';

test('charges are added exactly and rounded once, halves up', () => {
  expect(microUsd(charge(22_361_870, 2_500_000))).toBe(55_904_675);
  expect(microUsd(charge(1, 500_000))).toBe(1);
  expect(microUsd(charge(1, 499_999))).toBe(0);
  expect(microUsd(charge(1, 250_000) + charge(1, 250_000))).toBe(1);
});

test('percentages of percentages are rounded once', () => {
  expect(percentOf(1_000, 20, 50)).toBe(100);
  expect(percentOf(5, 10)).toBe(1);
  expect(percentOf(4, 10)).toBe(0);
});

test.each([
  [0, '$0.00'],
  [55_904_675, '$55.90'],
  [1_234_567_890_000, '$1,234,567.89'],
  [999_999, '$1.0000'],
  [1_500, '$0.0015'],
])('%i micro-USD reads %s', (amount, text) => {
  expect(usd(amount)).toBe(text);
});

test('thousands are set apart', () => {
  expect([0, 999, 1_000, 22_361_870].map(grouped)).toEqual(['0', '999', '1,000', '22,361,870']);
});
