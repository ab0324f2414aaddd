import { createServer } from 'node:http';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { PHASES } from '../../src/startup/boot-trace.ts';
import type { EnginehouseConfig } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { TestClock } from '../../src/testing/test-clock.ts';
import { tool } from '../../src/tool/tool.ts';
import { z } from 'zod';
import { Disk, startOn } from '../support/disk.ts';
import { untilAborted } from '../support/moments.ts';
import { ownStore } from '../support/own-store.ts';

const quick = defineAgent({ name: 'quick', run: () => 1 });

async function start(config: Partial<EnginehouseConfig> = {}): Promise<EnginehouseRuntime> {
  const store = config.store ?? (await ownStore(config.database?.migrations));
  return startup({ agents: [quick], server: { port: 0 }, log: 'silent', ...config, store }, { env: {} });
}

test('a start goes through its phases in order, and says what each made', async () => {
  await using runtime = await start();

  expect(runtime.bootTrace.phases.map(({ phase }) => phase)).toEqual(PHASES);
  expect(runtime.bootTrace.phases.map(({ provided }) => provided.join(' '))).toEqual(
    expect.arrayContaining(['store databases', 'bridge', 'tools', 'factory', 'recoveredRuns']),
  );
  expect(runtime.bootTrace.seams).toEqual([]);
  await using inTest = await startup(
    { agents: [], store: await ownStore(), server: { listen: false }, log: 'silent' },
    { env: {}, seams: { clock: new TestClock(), ids: undefined } },
  );
  expect(inTest.bootTrace.phases.map(({ phase }) => phase)).toEqual(PHASES);
  expect(inTest.bootTrace.seams).toEqual(['clock']);
});

test('a runtime whose every slot is taken is ready all the same', async () => {
  const waits = defineAgent({ name: 'waits', run: ({ signal }) => untilAborted(signal) });
  await using runtime = await start({ agents: [waits], limits: { runsTotal: 1, drainTimeoutMs: 100 } });
  const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't', runId: 'r' });
  await using engine = await runtime.factory.createForUser(context);
  const run = engine.executeAgent('waits', null);
  for await (const { type } of run) if (type === 'agent_started') break;

  expect(await runtime.ready()).toMatchObject({ ok: true });
  expect(runtime.factory.metrics()).toMatchObject({ runsRunning: 1, runsWaiting: 0 });
});

test('a runtime is ready by a real round trip, and leaves no trace of it', async () => {
  await using runtime = await start();

  expect(await runtime.ready()).toMatchObject({ ok: true });
  const prober = UserExecutionContext.fromRequest({
    tenantId: 'enginehouse',
    userId: 'readiness',
    threadId: 'x',
    runId: 'x',
  });
  expect(await runtime.store.for(prober).runs.list({ limit: 5 })).toEqual([]);
  expect(runtime.factory.activeEngines()).toEqual([]);
});

test('a runtime that lost its store is not ready, and says why', async () => {
  const runtime = await start();
  await runtime.store.close();

  expect(await runtime.ready()).toMatchObject({ ok: false, error: { code: 'CLOSED' } });
  await runtime.close();
});

test('a port that is in use is named, and nothing stays open', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await using disk = await Disk.open();
  const store = await disk.store();

  await expect(start({ server: { port }, store })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    details: { port },
  });

  await using again = await startOn(store, [quick]);
  expect(await again.ready()).toMatchObject({ ok: true });
  other.close();
});

test('a store that another runtime holds is refused, and the holder goes on', async () => {
  await using disk = await Disk.open();
  const store = await disk.store();
  await using holder = await startOn(store, [quick]);

  await expect(startOn(store, [quick])).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  expect(await holder.ready()).toMatchObject({ ok: true });
});

test.each([
  ['two agents of one name', { agents: [quick, quick] }, 'AGENT_INVALID'],
  ['an address that is not loopback, without a secret', { server: { host: '0.0.0.0', port: 0 } }, 'AUTH_REQUIRED'],
  ['a typo', { limts: {} } as Partial<EnginehouseConfig>, 'CONFIG_INVALID'],
  [
    'a tool that cannot be called by its name',
    { agents: [{ ...quick, tools: { 'a b': tool({ description: 'x', inputSchema: z.string(), execute: () => 1 }) } }] },
    'AGENT_INVALID',
  ],
] as const)('%s is refused before anything is served', async (_what, config, code) => {
  await expect(start(config)).rejects.toMatchObject({ code });
});

test('many runtimes live in one process and share nothing', async () => {
  const runtimes = await Promise.all(Array.from({ length: 5 }, () => start()));
  const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't', runId: 'same' });

  const results = await Promise.all(
    runtimes.map(({ factory }) =>
      factory.userExecutionScope(context, async (engine) => engine.executeAgent('quick', null).result),
    ),
  );
  await runtimes[0]?.close();

  expect(results.every(({ status }) => status === 'completed')).toBe(true);
  expect(new Set(runtimes.map(({ address }) => address?.port)).size).toBe(5);
  expect(await runtimes[1]?.ready()).toMatchObject({ ok: true });
  await Promise.all(runtimes.map((runtime) => runtime.close()));
});

test('closing gives everything back: port, store, timers, folders', async () => {
  const before = await readdir(tmpdir());
  const runtime = await start({ database: { migrations: { '001': 'CREATE TABLE t (x INTEGER)' } } });
  const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't', runId: 'r' });
  await runtime.factory.userExecutionScope(context, (engine) =>
    engine.databaseSessionManager.transaction((db) => db.insertInto('t').values({ x: 1 }).execute()),
  );

  await Promise.all([runtime.close(), runtime.close()]);

  expect(runtime.closed).toBe(true);
  expect(runtime.resources.remaining()).toEqual([]);
  await expect(runtime.store.for(context).runs.get(context.runId)).rejects.toMatchObject({ code: 'CLOSED' });
  const refused = once(connect(runtime.address?.port ?? 0, '127.0.0.1'), 'connect').catch((error: unknown) => error);
  expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
  const left = (await readdir(tmpdir())).filter((name) => name.startsWith('enginehouse-') && !before.includes(name));
  expect(left.filter((name) => /^enginehouse-[A-Za-z0-9]{6}$/.test(name))).toEqual([]);
  expect(() => runtime.attach(createServer())).toThrowError(expect.objectContaining({ code: 'CLOSED' }));
});
