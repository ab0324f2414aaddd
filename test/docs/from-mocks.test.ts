/** Whoever meets the error finds the page, in a checkout and where the package is installed. */

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ExecutionEngineFactoryError } from '../../src/base/errors.ts';
import { getExecutionEngineFactory } from '../../src/startup/pointer.ts';

test('the error that begins the page names it, in its message and in its cure', async () => {
  const error = thrown(getExecutionEngineFactory);
  const [, page = ''] = /\bnode_modules\/enginehouse\/(docs\/[\w-]+\.md)$/.exec(error.cure) ?? [];

  const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');

  // A line of the page is as wide as the others; the message is not cut.
  expect(text.replaceAll(/\s+/g, ' ')).toContain(String(error));
});

function thrown(work: () => unknown): ExecutionEngineFactoryError {
  try {
    work();
  } catch (error) {
    if (error instanceof ExecutionEngineFactoryError) return error;
  }
  throw new Error('there is a factory');
}
