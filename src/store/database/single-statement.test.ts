import { expect, test } from 'vitest';

import { isBlank } from './single-statement.ts';

test.for([
  '',
  ' \n\t',
  ';',
  ' ; ;',
  '-- a comment',
  '-- one\n;-- two',
  '/* a */',
  '/* ** / * */;',
  '/* not closed',
  '/**/',
])('there is no statement in %j', (text) => {
  expect(isBlank(text)).toBe(true);
});

test.for(['x', '; x', '-- a\nx', '/* a */x', '/* a */ /* b */ x', '-', '/', '- -', '/ * */', '\u{1f9a6}', "'"])(
  'there is something in %j',
  (text) => {
    expect(isBlank(text)).toBe(false);
  },
);

test.for([
  ';'.repeat(200_000),
  '/*'.repeat(200_000),
  '/* */'.repeat(100_000),
  '-'.repeat(400_000),
  '/* *'.repeat(100_000),
])('a long tail is looked at once', (tail) => {
  expect(typeof isBlank(`${tail}x`)).toBe('boolean');
});
