import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const FILE = fileURLToPath(new URL('../support/fixture/node-door.ts', import.meta.url));

/** What node:test says of a file, as TAP, and how it exits. */
function nodeTest(file: string): Promise<{ readonly exitCode: number; readonly said: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:NODE_|VITEST)/.test(name)));
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; said: string }>();
  const child = execFile(
    process.execPath,
    ['--test', '--test-reporter=tap', file],
    { env, timeout: 25_000 },
    (_error, said) => resolve({ exitCode: child.exitCode ?? -1, said }),
  );
  return promise;
}

test('the fixtures run under node:test, and its process ends by itself', async () => {
  const { exitCode, said } = await nodeTest(FILE);

  expect([...said.matchAll(/^(?:not )?ok \d+ - .*$/gm)].map(([line]) => line)).toEqual([
    'ok 1 - a runtime of its own, found by the accessor',
    'ok 2 - over a socket, on a runtime that tests share',
    'not ok 3 - what it leaves open fails it',
  ]);
  expect(said).toMatch(/timer left behind of alice-[^]*CLEANUP_INCOMPLETE/);
  expect(exitCode).toBe(1);
});
