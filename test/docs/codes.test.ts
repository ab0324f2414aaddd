/**
 * The tables of errors and limits are promises: what is in them is used in the
 * house, and is reached by a test. A name counts where it stands as a word.
 */

import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FACTS } from '../../src/base/error-table.ts';
import { LIMITS } from '../../src/context/limits.ts';

const ROOT = join(import.meta.dirname, '../..');
const TABLES = ['src/base/error-table.ts', 'src/context/limits.ts'];

const sources = wordsOf('src/**/*.ts', (file) => !file.endsWith('.test.ts') && !TABLES.includes(file));
const tests = wordsOf('{{src,test,examples}/**/*.test.ts,test/contract/**/*.ts}', () => true);

test('every error code is thrown somewhere', async () => {
  expect(missing(Object.keys(FACTS), await sources)).toEqual([]);
});

test('every error code is seen by a test', async () => {
  expect(missing(Object.keys(FACTS), await tests)).toEqual([]);
});

test('every limit is enforced somewhere', async () => {
  expect(missing(Object.keys(LIMITS), await sources)).toEqual([]);
});

test('every limit is reached by a test', async () => {
  expect(missing(Object.keys(LIMITS), await tests)).toEqual([]);
});

function missing(names: readonly string[], words: ReadonlySet<string>): string[] {
  return names.filter((name) => !words.has(name));
}

async function wordsOf(pattern: string, counts: (file: string) => boolean): Promise<Set<string>> {
  const words = new Set<string>();
  for await (const file of glob(pattern, { cwd: ROOT, exclude: (path) => path.includes('node_modules') })) {
    if (!counts(file)) continue;
    for (const [word] of (await readFile(join(ROOT, file), 'utf8')).matchAll(/\w+/g)) words.add(word);
  }
  return words;
}
