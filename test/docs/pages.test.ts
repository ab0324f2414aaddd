/**
 * The pages for people say what is true: a link leads to a file that is there,
 * and a block of code that names a file (```ts examples/shop/agent.ts) quotes it.
 */

import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = ['*.md', 'docs/**/*.md', 'src/README.md', 'examples/*/*.md'];

const pages = await Array.fromAsync(glob(PAGES, { cwd: ROOT }));

test('there are pages', () => {
  expect(pages).toContain('AGENTS.md');
});

test.each(pages)('every link of %s leads to a file that is there', async (page) => {
  const links = (await textOf(page)).matchAll(/\]\((?<target>[^)#:]+)(?:#[^)]*)?\)/g);
  const targets = [...links].map(({ groups }) => groups?.['target'] ?? '');

  expect(targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
});

test.each(pages)('the code of %s that names a file is quoted from it', async (page) => {
  const quotes = (await textOf(page)).matchAll(/^```\w+ (?<file>\S+)\n(?<code>[^]*?)^```$/gm);
  for (const { groups } of quotes) {
    const { file = '', code = '' } = groups ?? {};
    expect(dedented(await textOf(file))).toContain(dedented(code));
  }
});

function textOf(file: string): Promise<string> {
  return readFile(join(ROOT, file), 'utf8');
}

/** A quote may stand further left than its source. */
function dedented(code: string): string {
  return code.replaceAll(/^ +/gm, '');
}
