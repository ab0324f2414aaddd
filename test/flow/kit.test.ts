import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import type { RunTable, Store } from '../../src/event/store.ts';
import { configureExecutionEngineFactory, getExecutionEngineFactory } from '../../src/startup/pointer.ts';
import { closeSharedRuntimes, sharedRuntime } from '../../src/testing/index.ts';
import { proveClean } from '../../src/testing/prove-clean.ts';
import { afterAll, ExecutionEngineFactoryTestManager, expect, test } from '../../src/testing/vitest/index.ts';
import { Moments } from '../support/moments.ts';

const moments = new Moments();
const agents = [
  defineAgent({ name: 'quick', run: () => 1 }),
  defineAgent({
    name: 'deaf',
    run: ({ input }) => {
      moments.tell(`${String(input)} runs`);
      return new Promise(() => undefined);
    },
  }),
];

test.override('runtimeOptions', { config: { agents } });

afterAll(() => closeSharedRuntimes());

async function booted(options: ConstructorParameters<typeof ExecutionEngineFactoryTestManager>[0] = {}) {
  const manager = new ExecutionEngineFactoryTestManager({ config: { agents }, ...options });
  await manager.initializeForTests();
  return manager;
}

test('after its cleanup a runtime is gone: accessor, port, store and everything it opened', async () => {
  const manager = await booted();
  const { runtime } = manager;
  const user = manager.user('ada');
  configureExecutionEngineFactory(runtime);
  const client = await user.client();
  await client.start('quick', null).result;
  const engine = await runtime.factory.createForUser(user.context());
  engine.executeAgent('deaf', 'left behind');
  await moments.of('left behind runs');

  await manager.cleanup();
  await manager.cleanup();

  expect(getExecutionEngineFactory).toThrowError(expect.objectContaining({ code: 'FACTORY_NOT_CONFIGURED' }));
  const answer = once(connect(runtime.address?.port ?? 0, '127.0.0.1'), 'connect').catch((error: unknown) => error);
  expect(await answer).toMatchObject({ code: 'ECONNREFUSED' });
  await expect(runtime.store.unfinished()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(runtime.resources.remaining()).toEqual([]);
  await expect(user.connect()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });
  expect(() => manager.runtime).toThrowError(expect.objectContaining({ code: 'TEST_KIT_MISUSED' }));
});

test('each proof bites: on a runtime that lives all of them complain', async ({ runtime, alice }) => {
  using _pointer = configureExecutionEngineFactory(runtime);

  const error = await proveClean(runtime, () => alice.token()).catch((thrown: unknown) => thrown);

  expect(isEnginehouseError(error, 'CLEANUP_INCOMPLETE')).toBe(true);
  const { left } = (error as { details: { left: readonly string[] } }).details;
  for (const complaint of [
    /^the process-wide accessor still finds the runtime$/,
    /^http:\/\/127\.0\.0\.1:\d+ still accepts connections$/,
    /^the store still answers$/,
    /^store (?::memory:|postgres:)/,
    /^listener http:/,
  ]) {
    expect(left).toContainEqual(expect.stringMatching(complaint));
  }
});

test('what a test opened and did not give back fails its cleanup, with its owner and its origin', async () => {
  const manager = await booted();
  manager.runtime.resources.opened('emitter', 'forgotten', 'ada');

  const error = await manager.cleanup().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'CLEANUP_INCOMPLETE' });
  const { left } = (error as { details: { left: readonly string[] } }).details;
  expect(left).toHaveLength(1);
  expect(left[0]).toMatch(/^emitter forgotten of ada\n/);
  expect(left[0]).toContain('kit.test.ts');
});

test('a port that another runtime has by now is no leak', async ({ runtime }) => {
  const manager = await booted();
  const gone = manager.runtime;
  const token = await manager.user('ada').token();
  await manager.cleanup();

  // As if the port of the one that is gone had been given to the one that lives.
  const moved = Object.create(gone, { address: { value: runtime.address } }) as typeof runtime;

  await expect(proveClean(moved, async () => token)).resolves.toBeUndefined();
});

test('a teardown that hangs ends at its deadline, names the step, and the rest is tried', async () => {
  const runsThatHang = (runs: RunTable): RunTable => ({ ...runs, get: () => new Promise(() => undefined) });
  let hangs = false;
  const aroundStore = (store: Store): Store => ({
    description: store.description,
    for: (owner) => {
      const owned = store.for(owner);
      return hangs ? { ...owned, runs: runsThatHang(owned.runs) } : owned;
    },
    unfinished: () => store.unfinished(),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  });
  const manager = await booted({ seams: { aroundStore } });
  const { runtime } = manager;
  hangs = true;

  // The proof asks a store that does not answer.
  const error = await manager.cleanup().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({
    code: 'DEADLINE',
    message: 'closing proof of test runtime did not end within 2000 ms',
  });
  expect(runtime.resources.remaining()).toEqual([]);
});

test('an agent that does not hear its end holds no teardown up', async () => {
  const manager = await booted();
  const { resources, factory } = manager.runtime;
  const engine = await factory.createForUser(manager.user('ada').context());
  engine.executeAgent('deaf', 'deaf');
  await moments.of('deaf runs');

  await manager.cleanup();

  expect(resources.remaining()).toEqual([]);
});

test('a boot that fails says why, and there is nothing to clean up', async () => {
  const manager = new ExecutionEngineFactoryTestManager({ config: { agents: [...agents, ...agents] } });

  await expect(manager.initializeForTests()).rejects.toMatchObject({ code: 'AGENT_INVALID' });
  expect(() => manager.runtime).toThrowError(expect.objectContaining({ code: 'TEST_KIT_MISUSED' }));
  await manager.cleanup();
});

test('a manager boots once, and not again after its cleanup', async () => {
  const manager = await booted();
  expect(await manager.initializeForTests()).toBe(manager.runtime.factory);
  expect(manager.websocketBridge).toBe(manager.runtime.bridge);
  await manager.verify();

  await manager.cleanup();

  await expect(manager.initializeForTests()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });
  const unused = new ExecutionEngineFactoryTestManager();
  await unused.cleanup();
  await expect(unused.initializeForTests()).rejects.toMatchObject({ code: 'TEST_KIT_MISUSED' });
});

test('verifying a runtime that is broken fails, and says how', async () => {
  const manager = await booted();
  await manager.runtime.factory.close();

  await expect(manager.verify()).rejects.toMatchObject({ code: 'FACTORY_CLOSED' });

  await manager.cleanup();
});

let session: string | undefined;
const sessionUsers: string[] = [];

test.for([1, 2, 3])(
  'worker scope is one runtime for every test of a configuration, with fresh users (%i)',
  async (_nth, { executionEngineFactorySession, alice }) => {
    // Each test has a handle of its own on the one factory; who the house is tells that it is one.
    session ??= executionEngineFactorySession.house.userId;
    expect(executionEngineFactorySession.house.userId).toBe(session);
    expect(getExecutionEngineFactory()).toBe(executionEngineFactorySession);
    expect(sessionUsers).not.toContain(alice.id);
    sessionUsers.push(alice.id);

    await using engine = await executionEngineFactorySession.createForUser(alice.context({ runId: 'same' }));
    const run = engine.executeAgent('quick', null);
    expect((await run.accepted).created).toBe(true);
    const client = await alice.client();
    expect(await client.run('same').result).toMatchObject({ status: 'completed' });
    expect(executionEngineFactorySession.activeEngines().filter(({ context }) => context.userId !== alice.id)).toEqual(
      [],
    );
  },
);

test('function scope and worker scope are two runtimes', async ({
  executionEngineFactoryTestInitialized,
  executionEngineFactorySession,
}) => {
  expect(executionEngineFactoryTestInitialized).not.toBe(executionEngineFactorySession);
});

test('a shared runtime is shared per configuration, and a boot that failed is not tried again', async () => {
  const [one, same, other] = await Promise.all([
    sharedRuntime({ config: { agents }, limits: { runsPerUser: 2 } }),
    sharedRuntime({ config: { agents }, limits: { runsPerUser: 2 } }),
    sharedRuntime({ config: { agents }, limits: { runsPerUser: 3 } }),
  ]);
  const twice = { config: { agents: [...agents, ...agents] } };

  const failures = await Promise.allSettled([sharedRuntime(twice), sharedRuntime(twice)]);

  expect(one).toBe(same);
  expect(one).not.toBe(other);
  const [first, second] = failures.map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as unknown) : undefined,
  );
  expect(first).toMatchObject({ code: 'AGENT_INVALID' });
  expect(second).toBe(first);
  await closeSharedRuntimes();
  session = undefined;
  expect([one, other].map(({ runtime }) => runtime.closed)).toEqual([true, true]);
});

test('the fixtures fail a test that leaks, and only that one', async () => {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST'));
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/support/fixture/vitest.config.ts', 'leaks'];
  const said = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      args,
      { env: { ...Object.fromEntries(own), NO_COLOR: '1' }, timeout: 25_000 },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });

  expect(said).toContain('2 passed, 1 failed');
  expect(said).toContain('timer left by this test of ada');
});
