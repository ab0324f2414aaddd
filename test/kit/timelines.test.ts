/** Snapshots of timelines in the real Vitest: written, held, updated, and told when nobody asks for them any more. */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { runVitest, type VitestRun } from './run-vitest.ts';

/** Where Vitest keeps them, beside the project's test. */
const FOLDER = join(import.meta.dirname, 'projects/timelines/__snapshots__');

const clear = (): Promise<void> => rm(FOLDER, { recursive: true, force: true });

beforeEach(clear);
afterEach(clear);

test('a timeline snapshot is a snapshot of Vitest', async () => {
  const first = await run('as before');
  expect(first).toMatchObject({ exitCode: 0, output: expect.stringContaining('2 written') as unknown });
  expect(await snapshots()).toContain(`exports[\`a run 1\`] = \`
"accepted boss {}
tool a {"by":id#1} → null
completed "done""
\`;

exports[\`another run > with a hint 1\`] = \``);

  const changed = await run('more');
  expect(changed.exitCode).toBe(1);
  expect(changed.tests.get('a run')).toMatchObject({
    status: 'failed',
    errors: expect.stringContaining('Snapshot `a run 1` mismatched') as unknown,
  });
  expect(changed.output).toContain('+ saying "and more"');

  const updated = await run('more', '-u');
  expect(updated).toMatchObject({ exitCode: 0, output: expect.stringContaining('1 updated') as unknown });
  expect(await snapshots()).toContain('saying "and more"\n');

  const less = await run('more, with less tests');
  expect(less).toMatchObject({ exitCode: 0, output: expect.stringContaining('1 obsolete') as unknown });
});

function run(does: string, ...args: readonly string[]): Promise<VitestRun> {
  // Where Vitest sees a CI it would write none.
  return runVitest('timelines', { args, env: { DOES: does, UPDATE_SNAPSHOT: 'new' } });
}

function snapshots(): Promise<string> {
  return readFile(join(FOLDER, 'timelines.test.ts.snap'), 'utf8');
}
