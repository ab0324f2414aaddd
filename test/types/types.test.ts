import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test('the sources, the tests and what must not compile (*.test-d.ts) check', async () => {
  expect(await tsc('-p', '.')).toBe('');
});

test('a line that must not compile and does is found', async () => {
  expect(await tsc('-p', 'test/types/fixture')).toContain('unused.test-d.ts(2,1): error TS2578: Unused');
});

/** What the compiler says; nothing when all is well. */
function tsc(...args: readonly string[]): Promise<string> {
  const bin = join(ROOT, 'node_modules/typescript/bin/tsc');
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, '--noEmit', ...args], { cwd: ROOT, timeout: 25_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}
