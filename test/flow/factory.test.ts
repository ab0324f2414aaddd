import { defineAgent } from '../../src/agent/define-agent.ts';
import { AgentInstanceFactory } from '../../src/agent/agent-instance-factory.ts';
import { AgentRegistry } from '../../src/agent/agent-registry.ts';
import { ExecutionEngineFactoryError } from '../../src/base/errors.ts';
import { ResourceRegistry } from '../../src/base/resource-registry.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemIds } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/context/limits.ts';
import { resolveLimits } from '../../src/context/resolve-limits.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { ExecutionEngineFactory, type ExecutionEngineFactoryDeps } from '../../src/factory/execution-engine-factory.ts';
import { createAgentDatabases } from '../../src/store/database/create-agent-databases.ts';
import { ExecutionEngineFactoryTestManager, expect, test } from '../../src/testing/vitest/index.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const moments = new Moments();

const agents = [
  defineAgent({ name: 'quick', run: () => 1 }),
  defineAgent({
    name: 'holder',
    run: async ({ input, signal }) => {
      moments.tell(`${String(input)} runs`);
      await Promise.race([moments.of(`${String(input)} may end`), untilAborted(signal)]);
      return input;
    },
  }),
];

test.override('runtimeOptions', { config: { agents }, limits: { runsPerUser: 1 } });

test('a user who disposes nothing is stopped at 64 engines, and nobody else is', async ({
  executionEngineFactory: factory,
  alice,
  bob,
}) => {
  const engines = await Promise.all(
    Array.from({ length: LIMITS.enginesPerUser.default }, () => factory.createForUser(alice.context())),
  );

  await expect(factory.createForUser(alice.context())).rejects.toMatchObject({
    code: 'ENGINES_NOT_DISPOSED',
    details: { userId: alice.id, limit: 64 },
    cure: expect.stringContaining('await using engine'),
  });
  await using his = await factory.createForUser(bob.context());
  expect(factory.activeEngines()).toEqual([...engines, his]);
  await engines[0]?.[Symbol.asyncDispose]();
  await using again = await factory.createForUser(alice.context());
  expect(again.context.userId).toBe(alice.id);
  for (const engine of engines) await engine[Symbol.asyncDispose]();
});

test('making an engine queues nothing and writes nothing', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  expect(await runtime.store.for(engine.context).runs.list({ limit: 5 })).toEqual([]);
  expect(await runtime.store.for(engine.context).threads.list(5)).toEqual([]);
  expect(factory.metrics()).toMatchObject({ runsRunning: 0, runsWaiting: 0 });
});

test.for([
  ['nothing', undefined],
  ['plain ids', { userId: 'ada', threadId: 't', runId: 'r' }],
  ['a text', 'ada'],
])('an engine is not made of %s', async ([_what, wrong], { executionEngineFactory: factory }) => {
  await expect(factory.createForUser(wrong as never)).rejects.toMatchObject({ code: 'CONTEXT_INVALID' });
  await expect(factory.startRun(wrong as never, 'quick', null)).rejects.toMatchObject({ code: 'CONTEXT_INVALID' });
});

test('a factory that is closed refuses, whichever way it is asked', async () => {
  await using manager = new ExecutionEngineFactoryTestManager({ config: { agents } });
  const factory = await manager.initializeForTests();
  const context = manager.user('ada').context();
  const engine = await factory.createForUser(context);

  await Promise.all([factory.close(), factory.close()]);

  const closed = expect.objectContaining({ name: 'ExecutionEngineFactoryError', code: 'FACTORY_CLOSED' });
  await expect(factory.createForUser(context)).rejects.toEqual(closed);
  await expect(factory.startRun(context, 'quick', null)).rejects.toEqual(closed);
  await expect(factory.userExecutionScope(context, () => Promise.resolve(1))).rejects.toEqual(closed);
  expect(() => engine.executeAgent('quick', null)).toThrowError(expect.objectContaining({ code: 'ENGINE_DISPOSED' }));
  expect(factory.activeEngines()).toEqual([]);
});

test('closing a factory lets runs end, and leaves to the next start what does not', async () => {
  await using manager = new ExecutionEngineFactoryTestManager({
    config: { agents },
    limits: { drainTimeoutMs: 5_000, runsPerUser: 1 },
  });
  const factory = await manager.initializeForTests();
  const [ada, bob] = [manager.user('ada'), manager.user('bob')];
  const [ending, waiting] = [ada.context(), ada.context()];
  await factory.startRun(ending, 'holder', 'ending');
  await moments.of('ending runs');
  await factory.startRun(waiting, 'holder', 'waiting');

  const closing = factory.close();
  await expect(factory.startRun(bob.context(), 'quick', null)).rejects.toMatchObject({ code: 'FACTORY_CLOSED' });
  moments.tell('ending may end');
  await closing;

  const { store } = manager.runtime;
  expect(await store.for(ending).runs.get(ending.runId)).toMatchObject({ status: 'completed' });
  expect(await store.for(waiting).runs.get(waiting.runId)).toMatchObject({ status: 'queued' });
  expect(await store.unfinished()).toEqual([
    { owner: expect.objectContaining({ userId: ada.id }), runId: waiting.runId },
  ]);
});

test('a run that nobody holds goes on by itself, and its engine is gone after it', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  const context = alice.context();

  const accepted = await factory.startRun(context, 'quick', null);
  const again = await factory.startRun(context, 'quick', null);

  expect([accepted.created, again.created]).toEqual([true, false]);
  for await (const _ of runtime.bridge.follow(context, context.runId, 0)) continue;
  checkRunLog(await runtime.store.for(context).log.read(context.runId, 0, 10));
  expect(factory.activeEngines()).toEqual([]);
});

const PARTS = ['bridge', 'store', 'agents', 'databases', 'clock', 'ids', 'limits', 'resources', 'log'] as const;

test.for(PARTS)('a factory without its %s does not exist', async (part, { runtime }) => {
  const { bridge, store, limits } = runtime;
  const resources = new ResourceRegistry();
  const deps: ExecutionEngineFactoryDeps = {
    bridge,
    store,
    agents: new AgentInstanceFactory(new AgentRegistry(agents)),
    databases: createAgentDatabases({ folder: () => '', migrations: undefined, limits, clock: systemClock, resources }),
    clock: systemClock,
    ids: systemIds,
    limits: resolveLimits(),
    resources,
    log: () => undefined,
  };

  for (const missing of [undefined, null]) {
    expect(() => new ExecutionEngineFactory({ ...deps, [part]: missing } as never)).toThrowError(
      expect.objectContaining({ name: 'ExecutionEngineFactoryError', code: 'FACTORY_PART_MISSING', details: { part } }),
    );
  }
  expect(() => new ExecutionEngineFactory(undefined as never)).toThrowError(ExecutionEngineFactoryError);
  await using sound = new ExecutionEngineFactory(deps);
  expect(sound.activeEngines()).toEqual([]);
});

test('a registry of the application’s own makes every run a fresh agent', async ({ runtime, alice }) => {
  const made: number[] = [];
  const definition = {
    ...defineAgent({ name: 'fresh', run: () => 0 }),
    create: () => {
      const nth = made.push(made.length);
      let calls = 0;
      return { run: () => [nth, (calls += 1)] };
    },
  };
  const { bridge, store, limits } = runtime;
  const resources = new ResourceRegistry();
  const databases = createAgentDatabases({
    folder: () => '',
    migrations: undefined,
    limits,
    clock: systemClock,
    resources,
  });
  const own = new AgentInstanceFactory(new AgentRegistry([definition]));
  await using factory = new ExecutionEngineFactory({
    bridge,
    store,
    agents: own,
    databases,
    clock: systemClock,
    ids: systemIds,
    limits,
    resources,
    log: () => undefined,
  });

  const results: unknown[] = [];
  for (let run = 0; run < 2; run += 1) {
    await using engine = await factory.createForUser(alice.context());
    results.push(await engine.executeAgent('fresh', null).result);
  }

  expect(results).toMatchObject([{ result: [1, 1] }, { result: [2, 1] }]);
});

test('two agents of one name are refused, and a name that is unknown is told with those that are known', () => {
  const [one] = agents;
  expect(() => new AgentRegistry([...agents, defineAgent({ name: 'quick', run: () => 2 })])).toThrowError(
    expect.objectContaining({ code: 'AGENT_INVALID', details: expect.objectContaining({ agent: 'quick' }) }),
  );
  expect(() => new AgentRegistry(agents).get('quikc')).toThrowError(
    expect.objectContaining({ code: 'AGENT_UNKNOWN', details: { agent: 'quikc', known: ['quick', 'holder'] } }),
  );
  expect(new AgentRegistry(agents).get('quick')).toBe(one);
});

test('a context is the same user’s everywhere in its run', async ({ executionEngineFactory: factory, alice }) => {
  const context = UserExecutionContext.fromRequest({
    userId: alice.id,
    threadId: 'null',
    runId: '1',
    tenantId: 'demo',
  });
  await using engine = await factory.createForUser(context);

  const run = engine.executeAgent('quick', null);

  expect(await run.result).toMatchObject({ runId: '1', status: 'completed' });
  expect(engine.context).toBe(context);
});
