import { expect, test } from 'vitest';

import { parseByteRange } from './byte-range.ts';

test.each([
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=0-9', { start: 0, end: 10 }],
  ['bytes=3-5', { start: 3, end: 6 }],
  ['bytes=3-', { start: 3, end: 10 }],
  ['bytes=-4', { start: 6, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  ['bytes=8-99', { start: 8, end: 10 }],
])('%s of ten bytes is %j', (header, range) => {
  expect(parseByteRange(header, 10)).toEqual(range);
});

test.each([
  undefined,
  '',
  'bytes',
  'bytes=',
  'bytes=-',
  'bytes=a-b',
  'bytes=5-3',
  'bytes=0-1,3-4',
  'lines=1-2',
  'bytes= 0-1',
  'bytes=0x1-2',
])('%j asks for nothing', (header) => {
  expect(parseByteRange(header, 10)).toBeUndefined();
});

test.each([
  ['bytes=10-', 10],
  ['bytes=10-12', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
  ['bytes=-5', 0],
])('%s lies outside of %d bytes', (header, bytes) => {
  expect(() => parseByteRange(header, bytes)).toThrow(
    expect.objectContaining({ code: 'RANGE_INVALID', details: { received: header, bytes } }),
  );
});
