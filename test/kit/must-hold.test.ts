/**
 * What the kit promises of a whole run, each in a run of the real Vitest: its
 * exit code and what it prints.
 */

import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { runVitest, type VitestRun } from './run-vitest.ts';

function failed({ tests }: VitestRun): readonly string[] {
  return [...tests].flatMap(([name, { status }]) => (status === 'failed' ? [name] : [])).toSorted();
}

function errorsOf({ tests }: VitestRun, name: string): string {
  return tests.get(name)?.errors ?? 'there is no such test';
}

test('a hanging teardown at each scope ends at its deadline, names the step, and the rest of the run goes on', async () => {
  const run = await runVitest('hanging');

  expect(run.exitCode).toBe(1);
  expect(failed(run)).toEqual(['a test whose own part hangs']);
  expect(errorsOf(run, 'a test whose own part hangs')).toContain(
    'closing the queue of the test "a test whose own part hangs" did not end within 2000 ms',
  );
  expect(run.output).toContain('closing the mail sender of what tests share did not end within 2000 ms');
  expect(run.tests.get('the rest of the run goes on')?.status).toBe('passed');
  expect(run.tests.get('and so does the next file')?.status).toBe('passed');
});

test('a boot that never ends is left behind, and named', async () => {
  const run = await runVitest('hanging-boot');

  expect(run.exitCode).toBe(1);
  expect(failed(run)).toEqual(['a runtime that never boots waits for it']);
  expect(run.output).toMatch(/booting the runtime of the test ".*waits for it" did not end within 2000 ms/);
});

test('timers that the runner lets stand still hold no end up', async () => {
  const run = await runVitest('fake-timers');

  expect(failed(run)).toEqual([]);
  expect(run.exitCode).toBe(0);
});

test('what is left on a shared runtime and belongs to nobody is told at the end of the file, the last one too', async () => {
  const run = await runVitest('last-file');

  expect(run.exitCode).toBe(1);
  expect(run.output).toMatch(/left open: listener upgrade \/ws, opened at \S+last-file\.test\.ts:9:/);
});

test('two files that extend the shared fixture get one shared runtime, which is not reported', async () => {
  const run = await runVitest('shared-runtime');

  expect(failed(run)).toEqual([]);
  expect(run.exitCode).toBe(0);
  expect(run.output.match(/addresses seen: \d+/g)).toEqual(['addresses seen: 1', 'addresses seen: 1']);
  expect(run.output).toMatch(/shared by tests of this process: runtime #[0-9a-f]{4} × 4/);
});

test('a shared boot that failed is attempted once, and every test that needs it names the cause', async () => {
  const run = await runVitest('failed-boot');

  expect(run.exitCode).toBe(1);
  expect(run.output).toContain('attempts to boot: 1');
  expect(failed(run)).toHaveLength(3);
  for (const name of failed(run))
    expect(errorsOf(run, name)).toContain('the store phase of startup failed: the disk is gone');
});

test('a body that runs on after its timeout gets AFTER_TEST, and its own test is blamed', async () => {
  const run = await runVitest('after-test');

  expect(run.exitCode).toBe(1);
  expect(failed(run)).toEqual(['the one that runs on']);
  for (const handle of ['factory', 'engine', 'client', 'user', 'store']) {
    const said = new RegExp(`^${handle}: .* is used after its test "the one that runs on" has ended`, 'm');
    expect(run.output).toMatch(said);
  }
});

test('what a test leaves open is found with its owner and its origin, and nobody else is blamed', async () => {
  const run = await runVitest('leaks');

  expect(run.exitCode).toBe(1);
  const owner = String.raw`of alice-[0-9a-f]{32}, opened at \S+leaks\.test\.ts`;
  const left: Record<string, RegExp> = {
    'leaks an engine': new RegExp(`engine run-alice\\S+ ${owner}:16:`),
    'leaks an engine on the shared runtime': new RegExp(`engine run-alice\\S+ ${owner}:20:`),
    'leaks a client': new RegExp(`socket \\S+ ${owner}:24:`),
    'leaks a socket': new RegExp(`socket \\S+ ${owner}:30:`),
    'leaks a timer': /timer due at \d+, opened at \S+leaks\.test\.ts:35:/,
    'leaks a listener': /listener upgrade \/ws, opened at \S+leaks\.test\.ts:39:/,
    'leaks a follower': new RegExp(`follower run-alice\\S+ ${owner}:46:`),
    'on sqlite leaks a transaction': new RegExp(`transaction .* ${owner}:53:`),
    'on postgres leaks a transaction': new RegExp(`transaction .* ${owner}:53:`),
  };
  expect(failed(run)).toEqual(Object.keys(left).toSorted());
  for (const [name, what] of Object.entries(left)) {
    expect(errorsOf(run, name)).toContain('the test ended and left open');
    expect(errorsOf(run, name)).toMatch(what);
  }
  expect(run.output).not.toContain('Unhandled');
});

test('a run whose log is wrong fails its test, which never looked at it', async () => {
  const run = await runVitest('shared-runtime', { env: { ENGINEHOUSE_SABOTAGE: 'doubled-event' } });

  expect(run.exitCode).toBe(1);
  expect(failed(run)).toHaveLength(2);
  for (const name of failed(run)) expect(errorsOf(run, name)).toContain('event 6 closes call');
  expect(run.output).toContain('INVARIANT_BROKEN');
});

test('200 tests at once in one file share nothing', async () => {
  const run = await runVitest('at-once');

  expect(failed(run)).toEqual([]);
  expect(run.tests.size).toBe(200);
  expect(run.exitCode).toBe(0);
});

test('a test that ends while runs are in flight is quiesced, not raced', async () => {
  const run = await runVitest('in-flight');

  expect(failed(run)).toEqual([]);
  expect(run.tests.size).toBe(40);
  expect(run.exitCode).toBe(0);
});

test('errors within errors are all printed', async () => {
  const run = await runVitest('nested');

  expect(run.exitCode).toBe(1);
  for (const said of [
    'the first part is broken',
    'its disk is full',
    'the outer one of two',
    'the inner one of two',
    'TEST_LEFT_OPEN: the test ended and left open: engine',
  ]) {
    expect(run.output).toContain(said);
  }
});

test('a boot that skips a phase fails parity, asked for or not', async () => {
  const asBuilt = await runVitest('parity');
  const skipping = await runVitest('parity', { env: { ENGINEHOUSE_SABOTAGE: 'skipped-phase' } });

  expect(failed(asBuilt)).toEqual([]);
  expect(asBuilt.exitCode).toBe(0);
  expect(skipping.exitCode).toBe(1);
  expect(failed(skipping)).toEqual(['a runtime boots as production does']);
  expect(skipping.output.match(/the test did not boot as/g)?.length).toBeGreaterThanOrEqual(2);
});

test('40 files without isolation leave the pointer unset and nothing open', async () => {
  const projects = join(import.meta.dirname, 'projects');
  const folder = await mkdtemp(join(projects, 'many-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  await Promise.all(Array.from({ length: 40 }, (_, nth) => writeFile(join(folder, `f${nth}.test.ts`), FILE)));

  const run = await runVitest('many', { folder });

  expect(failed(run)).toEqual([]);
  expect(run.output).toMatch(/Tests +120 passed/);
  expect(run.output.match(/pointer: none, engines: 0, sockets: 0/g)).toHaveLength(40);
  expect(run.exitCode).toBe(0);
});

/** One of many files: each has the pointer for a while, a runtime of its own and the shared one. */
const FILE = `
import { configuredRuntime, getExecutionEngineFactory } from '../../../../src/startup/pointer.ts';
import { sharedRuntime } from '../../../../src/testing/index.ts';
import { afterAll, configureExecutionEngineFactoryForTest, expect, test } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

const options = { config: { agents: [echo] } };
test.override('runtimeOptions', options);

test('by hand, with the pointer', async () => {
  await using factory = await configureExecutionEngineFactoryForTest(options);
  expect(getExecutionEngineFactory()).toBe(factory);
});

test('on a runtime of its own', async ({ alice }) => {
  expect(await (await alice.client()).start('echo', 1).result).toMatchObject({ result: 1 });
});

test('on the shared one', async ({ executionEngineFactorySession: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
});

afterAll(async () => {
  const { resources } = (await sharedRuntime({ ...options, store: 'sqlite' })).runtime;
  const [engines, sockets] = [resources.remaining('engine').length, resources.remaining('socket').length];
  console.log(\`pointer: \${configuredRuntime() === undefined ? 'none' : 'set'}, engines: \${engines}, sockets: \${sockets}\`);
});
`;
