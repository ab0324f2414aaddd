import { expect, test } from 'vitest';

import { plain, table } from './output.ts';

test('text of an agent cannot steer the terminal', () => {
  expect(plain('a\u001b[2Jb\r\nc\u009bd\u2028e\ud800')).toBe('a [2Jb c d e\ufffd');
});

test('columns are as wide as their longest cell, and lines end where their text does', () => {
  expect(
    table([
      ['RUN', 'STATUS'],
      ['a-long-one', ''],
      ['b', 'failed'],
    ]),
  ).toEqual(['RUN         STATUS', 'a-long-one', 'b           failed']);
});
