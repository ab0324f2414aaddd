import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

test('what a machine lacks is counted and named, and the run passes', async () => {
  const { lines, exitCode } = await runFixture('not-run');

  expect(lines.slice(-3)).toEqual([
    'not run (1): needs a harp: buy one',
    '  a harp sounds',
    '2 passed, 0 failed, 1 skipped',
  ]);
  expect(exitCode).toBe(0);
});

test('in strict mode what did not run has failed', async () => {
  const { lines, exitCode } = await runFixture('not-run', { ENGINEHOUSE_STRICT: '1' });

  expect(lines.at(-1)).toBe('2 passed, 1 failed');
  expect(exitCode).toBe(1);
});

test('a failed test and an uncaught error are both counted', async () => {
  const { lines, exitCode } = await runFixture('fails');

  expect(lines.at(-1)).toBe('1 passed, 2 failed');
  expect(exitCode).toBe(1);
});

test('a file that does not load is a failure', async () => {
  const { lines, exitCode } = await runFixture('broken');

  expect(lines.at(-1)).toBe('0 passed, 1 failed');
  expect(exitCode).toBe(1);
});

interface Ended {
  readonly lines: readonly string[];
  readonly exitCode: number | null;
}

/** Runs Vitest on one fixture in a process of its own, as `npm test` does. */
function runFixture(name: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/support/fixture/vitest.config.ts', name];
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST') && key !== 'ENGINEHOUSE_STRICT');
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { env: { ...Object.fromEntries(own), ...env }, timeout: 25_000 },
      (_error, stdout) => resolve({ lines: stdout.trimEnd().split('\n'), exitCode: child.exitCode }),
    );
  });
}
