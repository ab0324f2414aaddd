import { createServer } from 'node:http';
import { inspect } from 'node:util';

import { expect, test } from 'vitest';

import { AuditHouse } from '../../../test/support/audit-house.ts';
import { Moments } from '../../../test/support/moments.ts';
import { defineAgent } from '../../agent/define-agent.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import { EnginehouseClient } from '../../client/enginehouse-client.ts';
import { UserExecutionEngine } from '../../engine/user-execution-engine.ts';
import { ExecutionEngineFactory } from '../../factory/execution-engine-factory.ts';
import { EnginehouseRuntime } from '../../startup/runtime.ts';
import { Fence, unguarded } from './fence.ts';

const moments = new Moments();
const agents = [
  defineAgent({ name: 'quick', run: ({ input }) => input }),
  defineAgent({
    name: 'patient',
    run: async () => {
      await moments.of('it may end');
      return 2;
    },
  }),
];

test('a guarded runtime, its factory, its engines and their runs work as they are', async () => {
  await using house = await AuditHouse.open({ agents });
  const runtime = new Fence().guard(house.runtime, 'runtime');
  const { factory } = runtime;
  const context = house.user('alice').context();

  await using engine = await factory.createForUser(context);
  const run = engine.executeAgent('quick', { sku: 'otter' });
  const types = [];
  for await (const { type } of run) types.push(type);

  expect(runtime).toBeInstanceOf(EnginehouseRuntime);
  expect(factory).toBeInstanceOf(ExecutionEngineFactory);
  expect(engine).toBeInstanceOf(UserExecutionEngine);
  expect(types).toEqual(['run_accepted', 'agent_started', 'agent_completed']);
  expect(await run.result).toMatchObject({ status: 'completed', result: { sku: 'otter' } });
  expect(engine.context).toBe(context);
  expect(runtime.closed).toBe(false);
  expect(await runtime.store.for(context).runs.get(context.runId)).toMatchObject({ runId: context.runId });
  expect(await factory.userExecutionScope(house.user('bob').context(), async ({ activeRuns }) => activeRuns)).toBe(0);
});

test('one thing has one proxy, and the real things are given to real methods', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const runtime = fence.guard(house.runtime, 'runtime');
  const { factory, bridge } = runtime;
  await using engine = await factory.createForUser(house.user('alice').context());

  expect(fence.guard(runtime, 'again')).toBe(runtime);
  expect(fence.guard(house.runtime.factory, 'again')).toBe(factory);
  expect(factory.createForUser).toBe(factory.createForUser);
  expect(factory.activeEngines()).toEqual([engine]);
  expect(factory.activeEngines()[0]).toBe(engine);
  expect(unguarded(factory)).toBe(house.runtime.factory);
  expect(unguarded(house.runtime.factory)).toBe(house.runtime.factory);
  expect(unguarded('text')).toBe('text');
  // A server is no handle of the kit; the bridge knows it by what it is.
  await using _attached = fence.guard(bridge, 'bridge').attach(fence.guard(createServer(), 'server'), {
    path: '/other',
    authenticate: () => Promise.reject(new Error('nobody')),
    command: () => Promise.reject(new Error('nothing')),
  });
});

test('a guarded user gives guarded clients and runs', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const alice = house.user('alice');
  const guarded = fence.guard(alice, 'alice');

  const client = await guarded.client();
  const run = client.start('quick', 1);
  const types = [];
  for await (const { type } of run) types.push(type);

  expect(client).toBeInstanceOf(EnginehouseClient);
  expect(await guarded.client()).toBe(client);
  expect(types.at(-1)).toBe('agent_completed');
  fence.lower('a test');
  expect(() => run.cursor).toThrowError(afterTest('alice.client().start().cursor', 'a test'));
  expect(() => client.runs()).toThrowError(afterTest('alice.client().runs', 'a test'));
  expect(() => guarded.id).toThrowError(afterTest('alice.id', 'a test'));
  await alice[Symbol.asyncDispose]();
});

test('after its test every use of a handle throws and names the test that had it', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const runtime = fence.guard(house.runtime, 'runtime');
  const { factory, bridge, store } = runtime;
  const context = house.user('alice').context();
  const engine = await factory.createForUser(context);
  const run = engine.executeAgent('quick', 1);
  const log = store.for(context).log;
  const { createForUser } = factory;
  await run.result;

  fence.lower('orders are shipped');

  expect(fence.lowered).toBe(true);
  const uses = [
    () => runtime.address,
    () => factory.metrics(),
    () => createForUser(context),
    () => bridge.health(),
    () => log.read(context.runId, 0, 1),
    () => engine.executeAgent('quick', 1),
    () => run[Symbol.asyncIterator](),
    () => Object.assign(factory, { mine: 1 }),
  ];
  for (const use of uses) expect(use).toThrowError(afterTest(undefined, 'orders are shipped'));
  expect(uses[5]).toThrowError(
    'runtime.factory.createForUser().executeAgent is used after its test "orders are shipped" has ended (its body ran on)',
  );
});

test('disposing, awaiting and printing are no use of a handle', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const factory = fence.guard(house.runtime.factory, 'factory');
  {
    await using engine = await factory.createForUser(house.user('alice').context());
    fence.lower('a test');
    expect(inspect(engine)).toContain('UserExecutionEngine');
    expect(await Promise.resolve(engine)).toBe(engine);
    expect(Object.prototype.toString.call(engine)).toBe('[object Object]');
  }
  expect(house.runtime.resources.remaining('engine')).toEqual([]);
});

test('a call that is under way settles by itself, and what it gives is ended too', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const factory = fence.guard(house.runtime.factory, 'factory');
  await using engine = await factory.createForUser(house.user('alice').context());
  const result = engine.executeAgent('patient', 1).result;
  const made = factory.createForUser(house.user('bob').context());

  fence.lower('a test');
  moments.tell('it may end');

  expect(await result).toMatchObject({ status: 'completed' });
  await using late = await made;
  expect(() => late.activeRuns).toThrowError(afterTest(undefined, 'a test'));
});

test('another test has a fence of its own around the same runtime', async () => {
  await using house = await AuditHouse.open({ agents });
  const [first, second] = [new Fence(), new Fence()];
  const mine = first.guard(house.runtime.factory, 'factory');
  const theirs = second.guard(mine, 'factory');

  first.lower('the first');

  expect(() => mine.metrics()).toThrowError(afterTest(undefined, 'the first'));
  expect(theirs.metrics()).toEqual(house.runtime.factory.metrics());
});

test('a body that runs on gets an error that is its own test’s', async () => {
  await using house = await AuditHouse.open({ agents });
  const fence = new Fence();
  const factory = fence.guard(house.runtime.factory, 'factory');
  const body = (async () => {
    await moments.of('the test is over');
    await factory.createForUser(house.user('alice').context());
  })();

  fence.lower('it took too long');
  moments.tell('the test is over');

  const error = await body.catch((thrown: unknown) => thrown);
  expect(isEnginehouseError(error, 'AFTER_TEST') && error.details).toEqual({
    test: 'it took too long',
    handle: 'factory.createForUser',
  });
});

/** @param handle - any, when it is not said */
function afterTest(handle: string | undefined, of: string): unknown {
  return expect.objectContaining({
    code: 'AFTER_TEST',
    details: { test: of, handle: handle ?? (expect.any(String) as unknown) },
  });
}
