/**
 * The pages about the test kit have all of it: a fixture, an export, an error, a
 * variable or a defect that is new fails here until a page says what it is.
 */

import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KIT_FACTS } from '../../src/base/kit-error-facts.ts';
import * as kit from '../../src/testing/index.ts';
import { MODEL_FAILURES } from '../../src/testing/models/provider-failure.ts';
import * as node from '../../src/testing/node.ts';
import { DEFECTS } from '../../src/testing/sabotage/defects.ts';
import { STORE_OPERATIONS } from '../../src/testing/tap/store-call.ts';

const ROOT = join(import.meta.dirname, '../..');
const KIT = 'src/testing/**/*.ts';

const pages = codeIn(await texts('docs/testing*.md'));
const fixtures = found(/\.extend\(\s*'(\w+)'/g, await texts('src/testing/vitest/index.ts'));
const variables = found(/'(ENGINEHOUSE_\w+)'/g, await texts(KIT));

test('every fixture is on the page about them', async () => {
  const page = codeIn(await texts('docs/testing.md'));

  expect(fixtures).toContain('alice');
  // `kit` closes what is shared, and has nothing to use.
  expect(fixtures.filter((name) => name !== 'kit' && !page.has(name))).toEqual([]);
});

test.each([
  ['export of enginehouse/testing', Object.keys(kit)],
  ['export of enginehouse/testing/node', Object.keys(node)],
  ['variable of the environment', variables],
  ['error of the kit', Object.keys(KIT_FACTS)],
  ['operation of the store', Object.keys(STORE_OPERATIONS)],
  ['failure of a model', MODEL_FAILURES],
  ['defect', [...DEFECTS.keys()]],
])('every %s is on a page', (_what, names) => {
  expect(names).not.toEqual([]);
  expect(names.filter((name) => !pages.has(name))).toEqual([]);
});

async function texts(pattern: string): Promise<string> {
  const files = await Array.fromAsync(glob(pattern, { cwd: ROOT, exclude: (path) => path.endsWith('.test.ts') }));
  return (await Promise.all(files.map((file) => readFile(join(ROOT, file), 'utf8')))).join('\n');
}

function found(pattern: RegExp, text: string): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))];
}

/** The names that stand in a page as code. */
function codeIn(text: string): ReadonlySet<string> {
  const code = [...text.matchAll(/^```[^]*?^```$|`[^`\n]+`/gm)].map(([piece]) => piece);
  return new Set(code.join(' ').match(/[\w.-]+/g));
}
