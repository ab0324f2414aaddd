import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

import { defineAgent } from '../../agent/define-agent.ts';
import { systemClock } from '../../base/clock.ts';
import { PHASES, type BootTrace } from '../../startup/boot-trace.ts';
import { startup } from '../../startup/startup.ts';
import { parityMatchers } from '../vitest/matchers-parity.ts';
import { bootProduction } from './boot-production.ts';
import { assertBootedLikeProduction, checkParityOnce, parityChecked } from './check-parity.ts';
import { compareBoots } from './compare-boots.ts';
import { productionEntry } from './production-entry.ts';
import { productionTrace } from './production-trace.ts';

const ROOT = join(import.meta.dirname, '../../..');
const STARTUP = JSON.stringify(new URL('../../startup/startup.ts', import.meta.url).href);
const agents = [defineAgent({ name: 'quick', run: () => 1 })];

expect.extend(parityMatchers);

/** A project of its own, where traces may be kept. */
async function project(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'enginehouse-parity-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'node_modules'));
  const all = { 'package.json': '{ "type": "module" }', ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
  return folder;
}

/** An application's own entry. */
const entryFile = (options = '', before = ''): string => `
  import { startup } from ${STARTUP};
  import { appendFileSync } from 'node:fs';
  appendFileSync('boots', 'x');
  ${before}
  const runtime = await startup({ agents: [] }, ${options === '' ? 'undefined' : options});
  process.once('SIGTERM', () => runtime.close());
`;
const entry = ['node', 'main.ts'];

/** A boot as the kit has it. */
async function booted(): Promise<BootTrace> {
  const config = { agents, store: { path: ':memory:' }, server: { port: 0 }, log: 'silent' } as const;
  await using runtime = await startup(config, { env: {}, seams: { keepOrigins: true, clock: systemClock } });
  return runtime.bootTrace;
}

test('a test boots as `enginehouse start` does', async () => {
  const bootTrace = await booted();

  await expect({ bootTrace }).toHaveBootedLikeProduction({ cwd: await project() });

  expect((await productionTrace({ cwd: ROOT })).phases.map(({ phase }) => phase)).toEqual(PHASES);
});

test("a test boots as the shop's own entry does, which has a server of its own", async () => {
  const folder = await project();
  const modules = join(folder, 'node_modules');
  // It finds the package by its name, and there the sources.
  await mkdir(join(modules, 'enginehouse'));
  await symlink(join(ROOT, 'src'), join(modules, 'enginehouse/src'));
  await writeFile(join(modules, 'enginehouse/package.json'), '{ "exports": "./src/index.ts", "type": "module" }');
  for (const name of ['fastify', 'kysely', 'zod']) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  for (const name of ['src', 'enginehouse.config.ts'])
    await cp(join(ROOT, 'examples/shop', name), join(folder, name), { recursive: true });

  await assertBootedLikeProduction({ bootTrace: await booted() }, { entry: ['node', 'src/main.ts'], cwd: folder });
});

test('what is skipped, added, moved, not read or not made is a difference', async () => {
  const trace = await booted();
  const [first, second, third, ...rest] = trace.phases;
  if (first === undefined || second === undefined || third === undefined) throw new Error('a boot has phases');
  const compare = (phases: readonly object[]): readonly string[] =>
    compareBoots({ ...trace, phases: phases as BootTrace['phases'] }, { ...trace, seams: [] });

  expect(compare(trace.phases)).toEqual([]);
  expect(compare([first, third, ...rest])).toEqual(['production runs the phase "store", the test does not']);
  expect(compare([first, second, { ...second, phase: 'cache' }, third, ...rest])).toEqual([
    'the test runs the phase "cache", production does not',
  ]);
  expect(compare([second, first, third, ...rest])).toEqual([
    expect.stringMatching(
      /^the phases run in another order: configuration, store, .+ in production, store, configuration, .+ in the test$/,
    ),
  ]);
  expect(compare([first, { ...second, provided: ['store'] }, third, ...rest])).toEqual([
    'in the phase "store" production provided "databases", the test did not',
  ]);
  expect(compare([first, { ...second, consumed: [...second.consumed, 'cache'] }, third, ...rest])).toEqual([
    'in the phase "store" the test consumed "cache", production did not',
  ]);
});

test('a test may replace declared seams only, production none', async () => {
  const production = await booted();

  expect(compareBoots({ ...production, seams: ['clock', 'ids', 'aroundStore'] }, { ...production, seams: [] })).toEqual(
    [],
  );
  expect(compareBoots({ ...production, seams: ['factory'] }, { ...production, seams: ['clock'] })).toEqual([
    'the test replaced "factory", which is no declared seam',
    'production replaced "clock"; a production entry passes no seams',
  ]);
});

test('whether the runtime has a server of its own is no difference', async () => {
  const config = { agents, store: { path: ':memory:' }, log: 'silent' } as const;
  await using without = await startup({ ...config, server: { listen: false } }, { env: {} });
  const listening = await booted();

  expect(compareBoots(listening, { ...without.bootTrace })).toEqual([]);
  expect(compareBoots(without.bootTrace, { ...listening, seams: [] })).toEqual([]);
});

test('an entry that boots otherwise is told apart, sentence by sentence', async () => {
  const cwd = await project({ 'main.ts': entryFile("{ seams: { ids: { next: () => 'one', random: () => 0 } } }") });
  const bootTrace = await booted();

  await expect(assertBootedLikeProduction({ bootTrace }, { entry, cwd })).rejects.toMatchObject({
    code: 'BOOT_DIFFERS',
    message:
      'the test did not boot as `node main.ts` does: production replaced "ids"; a production entry passes no seams',
    details: {
      entry: 'node main.ts',
      differences: ['production replaced "ids"; a production entry passes no seams'],
    },
  });
  await expect(expect({ bootTrace }).toHaveBootedLikeProduction({ entry, cwd })).rejects.toThrowError(
    /^the test did not boot as `node main\.ts` does\n {2}production replaced "ids".+\ncure: /,
  );
  await expect({ bootTrace }).not.toHaveBootedLikeProduction({ entry, cwd });
});

test('an entry that does not boot is named, with its last words', async () => {
  const cwd = await project({ 'main.ts': 'throw new Error("no API key")', 'idle.ts': 'setInterval(() => {}, 1e6)' });
  const bootTrace = await booted();

  await expect(assertBootedLikeProduction({ bootTrace }, { entry, cwd })).rejects.toMatchObject({
    code: 'PRODUCTION_NOT_STARTED',
    message: expect.stringMatching(/^the production entry `node main\.ts` did not boot: it ended .+no API key/s),
    details: { entry: 'node main.ts', reason: 'it ended with exit code 1' },
  });
  await expect(productionTrace({ entry: ['no-such-command'], cwd })).rejects.toMatchObject({
    code: 'PRODUCTION_NOT_STARTED',
    details: { reason: expect.stringContaining('ENOENT') },
  });
  await expect(bootProduction(productionEntry({ entry: ['node', 'idle.ts'], cwd }), 300)).rejects.toMatchObject({
    code: 'PRODUCTION_NOT_STARTED',
    details: { reason: 'it wrote no boot trace within 300 ms' },
  });
});

test('an entry runs once for all processes, and again when it is changed or its trace is old', async () => {
  const cwd = await project({ 'main.ts': entryFile() });
  const boots = async (): Promise<number> => (await readFile(join(cwd, 'boots'), 'utf8')).length;

  await Promise.all([askInOwnProcess(cwd), askInOwnProcess(cwd), productionTrace({ entry, cwd })]);
  expect(await boots()).toBe(1);
  await askInOwnProcess(cwd);
  expect(await boots()).toBe(1);

  const folder = join(cwd, 'node_modules/.cache/enginehouse/parity');
  const [kept = ''] = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  await utimes(join(folder, kept), 1, 1);
  await askInOwnProcess(cwd);
  expect(await boots()).toBe(2);

  await writeFile(join(cwd, 'main.ts'), `${entryFile()}\n`);
  await askInOwnProcess(cwd);
  expect(await boots()).toBe(3);
});

test('an entry gets a free port, a data folder of its own, and nothing of the runner', async () => {
  const told = `appendFileSync('env', JSON.stringify(process.env));`;
  const cwd = await project({ 'main.ts': entryFile('', told) });
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('DATABASE_URL', 'postgres://nobody@127.0.0.1:1/none');
  vi.stubEnv('ENGINEHOUSE_SABOTAGE', 'broadcast-emitter');

  await productionTrace({ entry, cwd, env: { MODEL: 'none' } });

  const env = JSON.parse(await readFile(join(cwd, 'env'), 'utf8')) as Record<string, string>;
  expect(env).toMatchObject({ PORT: '0', HOST: '127.0.0.1', MODEL: 'none' });
  expect(Object.keys(env).filter((name) => /VITEST|DATABASE_URL|SABOTAGE/.test(name))).toEqual([]);
  await expect(readdir(join(env['ENGINEHOUSE_DATA'] ?? '', '..'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the entry can be named by the environment, which can also switch the check off', () => {
  const named = productionEntry({ cwd: '/' }, { ENGINEHOUSE_PARITY: ' node  src/main.ts ' });

  expect(named).toMatchObject({ command: process.execPath, args: ['src/main.ts'], name: 'node src/main.ts' });
  expect(productionEntry({}, { ENGINEHOUSE_PARITY: 'off' }).name).toBe('enginehouse start');
  expect(() => productionEntry({ entry: [] })).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID', details: { option: 'parity.entry', received: [] } }),
  );
});

test('the check that runs by itself is done once per shape, and is told once', async () => {
  const cwd = await project({ 'main.ts': entryFile() });
  const trace = await booted();
  const skipped = { ...trace, phases: trace.phases.filter(({ phase }) => phase !== 'readiness') };

  checkParityOnce({ bootTrace: trace }, { entry, cwd });
  checkParityOnce({ bootTrace: trace }, { entry, cwd });
  await parityChecked();
  checkParityOnce({ bootTrace: skipped }, { entry, cwd });
  checkParityOnce({ bootTrace: skipped }, { entry, cwd });

  await expect(parityChecked()).rejects.toMatchObject({
    code: 'BOOT_DIFFERS',
    details: { differences: ['production runs the phase "readiness", the test does not'] },
  });
  await parityChecked();
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('ENGINEHOUSE_PARITY', 'off');
  checkParityOnce({ bootTrace: { ...skipped, seams: ['clock'] } }, { entry, cwd });
  await parityChecked();
});

async function askInOwnProcess(cwd: string): Promise<void> {
  const door = JSON.stringify(new URL('./production-trace.ts', import.meta.url).href);
  const asks = `const { productionTrace } = await import(${door});
    await productionTrace({ entry: ${JSON.stringify(entry)}, cwd: ${JSON.stringify(cwd)} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', asks], { stdio: 'inherit', timeout: 25_000 });
  expect(await once(child, 'close')).toEqual([0, null]);
}
