import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GENERATED, generate } from '../../scripts/generate.ts';

test.each(GENERATED)('%s is what `npm run generate` writes', async (file) => {
  const written = await readFile(join(import.meta.dirname, '../..', file), 'utf8');

  expect(written).toBe(await generate(file));
});
