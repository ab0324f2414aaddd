/**
 * The kit as it is used by mistake and in every way that a runner has, each in
 * runs of the real one: nobody is blamed who did nothing, who did is, and no
 * wait is without an end.
 */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { runVitest, type VitestRun } from './run-vitest.ts';

const FOR_NODE = join(import.meta.dirname, '../support/fixture/node-hostile.ts');
const NODE_LIVES_MS = 30_000;

/** The failed tests, with what their errors must say. */
const BLAMED: Readonly<Record<string, string>> = {
  'is to fail, and only leaks': 'Expect test to fail',
  'blamed it closes the shared factory': 'runtime.factory.close() would close what other tests share',
  'blamed it disposes the shared runtime': 'runtime[Symbol.asyncDispose]() would close what other tests share',
  'blamed it configures the shared runtime and forgets it':
    'the test left the process-wide pointer to a shared runtime',
  'blamed it throws no error': 'of alice-',
  'blamed it holds a model nowhere': 'the hold of nobody names no place, such as .before.answer()',
  'its shared runtime never boots': 'booting the runtime of the test "its shared runtime never boots" did not end',
};

function failed({ tests }: VitestRun): readonly string[] {
  return [...tests].flatMap(([name, { status }]) => (status === 'failed' ? [name] : [])).toSorted();
}

function expectOnlyTheBlamed(run: VitestRun): void {
  expect(failed(run)).toEqual(Object.keys(BLAMED).toSorted());
  for (const [name, said] of Object.entries(BLAMED)) expect(run.tests.get(name)?.errors).toContain(said);
  expect(run.exitCode).toBe(1);
  expect(run.output).not.toContain('Unhandled');
  expect(run.output).not.toContain('Hook timed out');
  expect(run.output).toContain('the end of "is to fail, and only leaks" was not in order');
  expect(run.output).toMatch(/left open: runtime http:\S+, opened at \S+by-hand\.test\.ts/);
}

test('in one process without isolation only they are blamed who did it', async () => {
  expectOnlyTheBlamed(await runVitest('hostile', { args: ['--sequence.shuffle'] }));
});

test('in threads with isolation, too', async () => {
  expectOnlyTheBlamed(await runVitest('hostile', { args: ['--isolate', '--pool=threads', '--maxWorkers=2'] }));
});

for (const isolation of ['process', 'none']) {
  test(`under node:test with isolation by ${isolation} its tests are blamed rightly, and it ends by itself`, async () => {
    const { exitCode, said, tests } = await nodeTest(`--test-isolation=${isolation}`);

    // The file fails as well, by its last hook.
    const file = `not ok - ${FOR_NODE}`;
    expect(tests.filter((line) => line.startsWith('not ok') && line !== file)).toEqual([
      'not ok - blamed: it fails, and leaks',
      'not ok - blamed: it times out',
      'not ok - blamed: a part of its own hangs, and a hook behind fails',
    ]);
    expect(tests.filter((line) => line.startsWith('ok'))).toHaveLength(10);
    expect(said).toMatch(
      /the end of "blamed: it fails, and leaks" was not in order[\s#]+TEST_LEFT_OPEN: .* engine run-alice/,
    );
    expect(said).toContain('closing the queue of the test "blamed: a part of its own hangs');
    expect(said).toMatch(/left open: runtime http:\S+, opened at \S+node-hostile\.ts/);
    expect(exitCode).toBe(1);
  });
}

/** What node:test says of the file, how each test ended, and how the process exits. */
function nodeTest(...args: readonly string[]): Promise<{
  readonly exitCode: number | null;
  readonly said: string;
  readonly tests: readonly string[];
}> {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:NODE_|VITEST)/.test(name));
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof nodeTest>>>();
  const options = { env: Object.fromEntries(own), timeout: NODE_LIVES_MS, killSignal: 'SIGKILL' as const };
  const child = execFile(
    process.execPath,
    ['--test', ...args, '--test-reporter=tap', FOR_NODE],
    options,
    (_error, out, err) => {
      const tests = [...out.matchAll(/^\s*((?:not )?ok) \d+ - (.*)$/gm)].map(([, how, name]) => `${how} - ${name}`);
      resolve({ exitCode: child.exitCode, said: `${out}\n${err}`, tests });
    },
  );
  return promise;
}
