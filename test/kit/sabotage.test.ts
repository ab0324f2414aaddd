/**
 * Whether the kit, in the hands of a user, notices every way that it can break a
 * runtime: the real command over the real Vitest.
 */

import { join } from 'node:path';
import { expect, test } from 'vitest';

import { DEFECTS } from '../../src/cli/testkit/defects.ts';
import { enginehouse } from '../support/command.ts';

const SAMPLE = join(import.meta.dirname, 'sample');
const VITEST = join(import.meta.dirname, '../../node_modules/vitest/vitest.mjs');

interface Asked {
  readonly exitCode: unknown;
  readonly answers: readonly unknown[];
  readonly stderr: string;
}

/** Runs one folder of the sample's tests under some defects. */
async function sabotage(folder: string, defects: readonly string[]): Promise<Asked> {
  const suite = [process.execPath, VITEST, 'run', '--bail=1', folder];
  const args = ['testkit', 'sabotage', '--json', '--timeout', '1m', '--only', defects.join(','), '--', ...suite];
  const { exitCode, stdout, stderr } = await enginehouse(args, { cwd: SAMPLE, livesMs: 240_000 });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { exitCode, answers: lines.map((line) => JSON.parse(line) as unknown), stderr };
}

const answer = (defect: string, outcome: string, told = ''): unknown =>
  expect.objectContaining({
    defect,
    outcome,
    ...(told !== '' && { firstFailure: expect.stringContaining(told) as unknown }),
  });

/** Which of the sample's tests fails first, of those that a defect is for. */
const NOTICED_BY: Readonly<Record<string, string>> = {
  'broadcast-emitter': 'two readers at once have each their own shelf',
  'shared-memory': 'two readers at once have each their own shelf',
  'foreign-run': 'two readers at once have each their own shelf',
  'pointer-not-reset': 'code that knows no fixture finds the factory of the first test',
  // No test of its own: the kit compares boots by itself, when a file is over.
  'skipped-phase': 'FAIL  test/library.test.ts [ test/library.test.ts ]',
  'lost-terminal-event': 'two readers at once have each their own shelf',
  'doubled-event': 'two readers at once have each their own shelf',
  'lost-cancel': 'a reader who stops a run is obeyed',
  'committed-failure': 'what a failed transaction wrote is gone',
  'undisposed-engine': 'two readers at once have each their own shelf',
};

test('a suite as a careful user writes it notices every defect', { timeout: 300_000 }, async () => {
  const defects = DEFECTS.map(({ name }) => name);
  // A core each. The two that are waited for, lost-terminal-event and lost-cancel, are not in one half.
  const halves = [defects.filter((_, nth) => nth % 4 < 2), defects.filter((_, nth) => nth % 4 >= 2)];

  const asked = await Promise.all(halves.map((half) => sabotage('test/', half)));

  for (const [nth, { exitCode, answers, stderr }] of asked.entries()) {
    expect(answers, stderr).toEqual(halves[nth]?.map((defect) => answer(defect, 'noticed', NOTICED_BY[defect])));
    expect(exitCode).toBe(0);
  }
});

test('a suite of one happy test leaves some unnoticed, and the command fails', { timeout: 120_000 }, async () => {
  const { exitCode, answers, stderr } = await sabotage('poor/', ['shared-memory', 'doubled-event', 'lost-cancel']);

  expect(answers, stderr).toEqual([
    answer('shared-memory', 'unnoticed'),
    // The kit's own rules hold in every test.
    answer('doubled-event', 'noticed', 'the clerk lends a book'),
    answer('lost-cancel', 'no-occasion'),
  ]);
  expect(exitCode).toBe(1);
});
