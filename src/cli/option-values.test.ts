import { expect, test } from 'vitest';

import { parseDuration, parseName, parseWholeNumber } from './option-values.ts';

test.each([
  ['1s', 1_000],
  ['90s', 90_000],
  ['15m', 900_000],
  ['12h', 43_200_000],
  ['30d', 2_592_000_000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '0s', '1', 'h', '-1h', '1.5h', '1h30m', '1 h', '1w', '1H', '9999999s'])('%j is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow('such as 90s');
});

test('a whole number lies between its bounds, both included', () => {
  const parse = parseWholeNumber(1, 10);

  expect([parse('1'), parse('10')]).toEqual([1, 10]);
  for (const text of ['0', '11', '', '1.5', '-1', '0x1', '1e1', ' 1'])
    expect(() => parse(text)).toThrow('from 1 to 10');
});

test('a name has something in it', () => {
  expect(parseName('./data')).toBe('./data');
  expect(() => parseName(' ')).toThrow('must not be empty');
});
