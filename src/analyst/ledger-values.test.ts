import { expect, test } from 'vitest';

import { MAX_TOKENS, parseModel, parseTime, parseTokens } from './ledger-values.ts';

const NOON = 1_709_208_000_000;

test.each([
  ['2024-02-29T12:00:00Z', NOON],
  ['2024-02-29 12:00:00', NOON],
  ['2024-02-29T14:00:00+02:00', NOON],
  ['2024-02-29T07:30:00-0430', NOON],
  ['2024-02-29T13:00+01', NOON],
  ['2024-02-29 12:00:00.6805900', NOON + 680],
  ['2024-02-29T12:00:00,5Z', NOON + 500],
  ['2024-02-29', NOON - 12 * 3_600_000],
  [' 2024-02-29T12:00:00Z ', NOON],
  ['1709208000', NOON],
  ['1709208000.123', NOON + 123],
  ['1709208000123', NOON + 123],
  ['1709208000123456', NOON + 123],
  ['1709208000123456789', NOON + 123],
  [1_709_208_000, NOON],
  [1_709_208_000.123, NOON + 123],
  [1_709_208_000_123, NOON + 123],
])('%s is a time', (value, ms) => {
  expect(parseTime(value)).toBe(ms);
});

test.each([
  'yesterday',
  '',
  '12:00',
  '2023-02-29T12:00:00Z',
  '2024-02-29T24:00:00Z',
  '2024-02-29T12:00:00+15:00',
  '02/03/2024 12:00',
  '1999-12-31T23:59:59Z',
  '2100-01-01T00:00:00Z',
  '42',
  42,
  Number.NaN,
  true,
  null,
  undefined,
])('%s is no time', (value) => {
  expect(parseTime(value)).toBeUndefined();
});

test.each([
  [0, 0],
  [374, 374],
  ['374', 374],
  [' 374 ', 374],
  ['374.0', 374],
  [String(MAX_TOKENS), MAX_TOKENS],
])('%s is a number of tokens', (value, tokens) => {
  expect(parseTokens(value)).toBe(tokens);
});

test.each([
  '',
  '-1',
  -1,
  '3.5',
  3.5,
  '1e3',
  '0x10',
  '1,000',
  'NaN',
  MAX_TOKENS + 1,
  Number.POSITIVE_INFINITY,
  null,
  [3],
])('%s is no number of tokens', (value) => {
  expect(parseTokens(value)).toBeUndefined();
});

test('a model is a short name, or nothing', () => {
  expect(parseModel(' gpt-4o ')).toBe('gpt-4o');
  expect(parseModel(undefined)).toBe('');
  expect(parseModel(null)).toBe('');
  expect(parseModel(7)).toBeUndefined();
  expect(parseModel('two\nlines')).toBeUndefined();
  expect(parseModel('m'.repeat(101))).toBeUndefined();
});
