import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { defineAgent } from '../agent/define-agent.ts';
import { EnginehouseError } from '../base/errors.ts';
import { Boot, PHASES } from './boot-trace.ts';
import { startup } from './startup.ts';

const config = { agents: [defineAgent({ name: 'quick', run: () => 1 })], store: { path: ':memory:' } } as const;

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'enginehouse-trace-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('each phase is noted with what it read and what it made, in order', async () => {
  const boot = new Boot();

  const stores = await boot.phase('store', { limits: 1, clock: 2, log: 3 }, ({ clock, limits }) =>
    Promise.resolve({ store: clock, databases: limits, tenant: undefined }),
  );
  await boot.phase('bridge', { ...stores, log: 3 }, ({ store }) => ({ bridge: store, again: store }));

  const trace = boot.trace({ clock: 1, ids: undefined });
  expect(trace.phases.map(({ phase, consumed, provided }) => [phase, consumed, provided])).toEqual([
    ['store', ['clock', 'limits'], ['store', 'databases']],
    ['bridge', ['store'], ['bridge', 'again']],
  ]);
  expect(trace.seams).toEqual(['clock']);
  expect(Object.isFrozen(trace.phases)).toBe(true);
});

test('a failure that has a code keeps it, another one names its phase', async () => {
  const boot = new Boot();
  const inUse = new EnginehouseError('STORE_IN_USE', 'held', { file: 'lock' });
  const broken = new Error('out of memory');

  await expect(boot.phase('store', {}, () => Promise.reject(inUse))).rejects.toBe(inUse);
  await expect(boot.phase('doors', {}, () => Promise.reject(broken))).rejects.toMatchObject({
    code: 'STARTUP_FAILED',
    message: 'the doors phase of startup failed: out of memory',
    details: { phase: 'doors', reason: 'out of memory' },
    cause: broken,
  });
  expect(boot.trace({}).phases).toEqual([]);
});

test('no phase of a start reads a part that none before it made', async () => {
  await using runtime = await startup({ ...config, server: { port: 0 }, log: 'silent' }, { env: {} });
  const { phases } = runtime.bootTrace;

  const made = new Set(['config', 'env', 'seams']);
  const unmade = phases.map(({ consumed, provided }) => {
    const missing = consumed.filter((part) => !made.has(part));
    for (const part of provided) made.add(part);
    return missing;
  });

  expect(unmade).toEqual(PHASES.map(() => []));
  expect(phases.filter(({ consumed, provided }) => consumed.length === 0 || provided.length === 0)).toEqual([]);
  expect(phases.find(({ phase }) => phase === 'factory')?.consumed).toEqual(
    expect.arrayContaining(['bridge', 'store', 'databases', 'instances']),
  );
});

test('a start writes its trace to the file that the environment names, and leaves nothing beside it', async () => {
  const place = await folder();
  const env = { ENGINEHOUSE_BOOT_TRACE: join(place, 'trace.json') };

  await using runtime = await startup({ ...config, server: { listen: false }, log: 'silent' }, { env });

  expect(JSON.parse(await readFile(env.ENGINEHOUSE_BOOT_TRACE, 'utf8'))).toEqual(runtime.bootTrace);
  expect(await readdir(place)).toEqual(['trace.json']);
});

test('a trace that cannot be written is an error of the configuration, and nothing stays open', async () => {
  const env = { ENGINEHOUSE_BOOT_TRACE: join(await folder(), 'missing', 'trace.json') };

  await expect(startup({ ...config, server: { port: 0 }, log: 'silent' }, { env })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('ENGINEHOUSE_BOOT_TRACE names a file that cannot be written: ENOENT'),
    details: { option: 'ENGINEHOUSE_BOOT_TRACE', received: env.ENGINEHOUSE_BOOT_TRACE },
  });
});
