import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { crc32 } from './crc32.ts';

test('the check value of CRC-32 comes out', () => {
  expect(crc32('123456789')).toBe(0xcb_f4_39_26);
});

test('a browser and the server compute the same CRC, in one piece or in many', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 5 }), (texts) => {
      const ours = texts.reduce((crc, text) => crc32(text, crc), 0);

      expect(ours).toBe(texts.reduce((crc, text) => zlibCrc32(text, crc), 0));
      expect(ours).toBe(zlibCrc32(texts.join('')));
    }),
    { numRuns: 40 },
  );
});
