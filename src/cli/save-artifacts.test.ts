import { basename } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { fileName } from './save-artifacts.ts';

test.each([
  ['report.json', 'report.json'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\Windows\\win.ini', 'win.ini'],
  ['..', 'file'],
  ['', 'file'],
  ['.bashrc', 'bashrc'],
  ['a\u0000b\nc.txt', 'a_b_c.txt'],
  ['Übersicht März 2026.md', 'Übersicht März 2026.md'],
  ['what?*.txt', 'what__.txt'],
  ['con.txt', '_con.txt'],
  ['trailing. ', 'trailing'],
])('S1: the title %j becomes the file name %j', (title, name) => {
  expect(fileName(title)).toBe(name);
});

test('S1: no title becomes a path, a hidden name or an empty one', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
      const name = fileName(title);
      expect(name).toBe(basename(name));
      expect(name).toMatch(/^[^./\\\p{Cc}][^/\\\p{Cc}]{0,100}$/u);
    }),
  );
});
