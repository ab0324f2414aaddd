import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { SAMPLES } from '../../examples/ledgers/generate.ts';

test.each(Object.entries(SAMPLES))('%s is what its program writes', async (name, content) => {
  expect(await readFile(new URL(`../../examples/ledgers/${name}`, import.meta.url), 'utf8')).toBe(content);
});
