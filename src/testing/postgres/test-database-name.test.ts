import { expect, test } from 'vitest';

import { cloneName, parseDatabaseName, processKey, templateName } from './test-database-name.ts';

const template = templateName('0123456789abcdef0123456789abcdef');

test('a name says of which template a database is, and whose', () => {
  const process = processKey(4_194_304, 1_763_800_000_000);
  const name = cloneName(template, process, 12_345);

  expect(parseDatabaseName(name)).toEqual({ template, process });
  expect(parseDatabaseName(template)).toEqual({ template, process: undefined });
  // PostgreSQL cuts longer ones without a word.
  expect(name.length).toBeLessThanOrEqual(63);
});

test('a name that is not the kit’s says nothing', () => {
  expect(['postgres', `${template}_mine`, `x_${template}`, `${template}_1_a`].map(parseDatabaseName)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('a process that comes again with the same number is another one', () => {
  expect(processKey(7, 1_763_800_000_000)).not.toBe(processKey(7, 1_763_800_000_000));
});
