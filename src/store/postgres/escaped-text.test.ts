import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { escapeText, unescapeText } from './escaped-text.ts';

const text = fc.string({ unit: fc.constantFrom('\u0000', '\u0001', '0', '1', 'a', '😀') });

test('any text comes back, and what is written holds no U+0000', () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(escapeText(given)).not.toContain('\u0000');
      expect(unescapeText(escapeText(given))).toBe(given);
    }),
  );
});

test('two texts are never written alike', () => {
  fc.assert(fc.property(text, text, (one, two) => one === two || escapeText(one) !== escapeText(two)));
});

test('a text without them stays as it is', () => {
  expect(escapeText('plain \u0002')).toBe('plain \u0002');
});
