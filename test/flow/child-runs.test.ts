import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { checkFamily, checkRunLog, childRuns } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const moments = new Moments();

/** Calls the agents that its input names, and gives what each gave or failed with. */
const boss = defineAgent({
  name: 'boss',
  inputSchema: z.array(z.object({ agent: z.string(), input: z.json() })),
  run: async ({ input, agent }) => {
    const outcomes = await Promise.allSettled(input.map((task) => agent(task.agent, task.input)));
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      return isEnginehouseError(outcome.reason) ? outcome.reason.code : String(outcome.reason);
    });
  },
});

const diver = defineAgent({
  name: 'diver',
  inputSchema: z.int(),
  run: async ({ input, agent, user }): Promise<unknown> => {
    const below = await agent('diver', input + 1).catch((error: unknown) => {
      if (isEnginehouseError(error, 'CHILD_LIMIT')) return [error.details];
      throw error;
    });
    return [user.depth, ...(below as unknown[])];
  },
});

/** Its schema waits, so that a test can cancel while the run is being accepted. */
const slowToAccept = defineAgent({
  name: 'slow-to-accept',
  inputSchema: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value: unknown) => {
        moments.tell('being accepted');
        await moments.of('may be accepted');
        return { value };
      },
    },
  },
  run: ({ signal }) => untilAborted(signal),
});

const agents = [
  boss,
  diver,
  slowToAccept,
  defineAgent({
    name: 'echo',
    inputSchema: z.object({ n: z.int() }),
    run: ({ input, user }) => ({ n: input.n, user: user.userId }),
  }),
  defineAgent({ name: 'fails', run: () => Promise.reject(new Error('the child broke')) }),
  defineAgent({
    name: 'holder',
    run: async ({ input, signal }) => {
      moments.tell(`holder ${String(input)} runs`);
      await Promise.race([moments.of(`holders may end`), untilAborted(signal)]);
      return input;
    },
  }),
  defineAgent({ name: 'large', run: () => 'x'.repeat(50_000) }),
];

test.override('runtimeOptions', { config: { agents }, limits: { runsPerUser: 1, queuePerUser: 0 } });

test('a child run has a log of its own, under its parent’s slot, and gives its result', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context({ metadata: { plan: 'gold' } }));
  const run = engine.executeAgent('boss', [{ agent: 'echo', input: { n: 7 } }]);

  expect(await run.result).toMatchObject({ status: 'completed', result: [{ n: 7, user: alice.id }] });
  const { runs, log } = runtime.store.for(engine.context);
  const [events = [], childEvents] = await checkFamily(log, run.runId);

  const [child] = childRuns(events);
  expect(events.slice(2, 4).map(({ type, data }) => [type, data])).toEqual([
    ['subagent_started', { run: child, agent: 'echo', occurrence: 0, step: 0 }],
    [
      'subagent_completed',
      {
        run: child,
        agent: 'echo',
        occurrence: 0,
        step: 0,
        alone: true,
        outcome: 'completed',
        result: { n: 7, user: alice.id },
      },
    ],
  ]);
  expect(childEvents?.at(0)?.data).toEqual({ agent: 'echo', version: '1', input: { n: 7 }, parent: run.runId });
  expect(await runs.list({ limit: 5, parentRunId: run.runId })).toMatchObject([
    { runId: child, origin: 'agent', threadId: engine.context.threadId, status: 'completed' },
  ]);
});

test('a child’s failure is its own error, to its parent and in the log', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('boss', [{ agent: 'fails', input: null }]);

  expect(await run.result).toMatchObject({ status: 'completed', result: ['AGENT_THREW'] });
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  expect(events.find(({ type }) => type === 'subagent_completed')?.data).toMatchObject({
    outcome: 'failed',
    error: { code: 'AGENT_THREW', message: 'the child broke' },
  });
});

test.for([
  ['an agent that nobody knows', 'nobody', null, 'AGENT_UNKNOWN'],
  ['an input that does not match', 'echo', { n: 'seven' }, 'INPUT_INVALID'],
] as const)(
  '%s is refused to the parent, which goes on, and nothing is left open',
  async ([_what, agent, input, code], { executionEngineFactory: factory, runtime, alice }) => {
    await using engine = await factory.createForUser(alice.context());

    const run = engine.executeAgent('boss', [{ agent, input }]);

    expect(await run.result).toMatchObject({ status: 'completed', result: [code] });
    checkRunLog(await Array.fromAsync(run));
    expect(await runtime.store.for(engine.context).runs.list({ limit: 5, parentRunId: run.runId })).toEqual([]);
  },
);

test('a run has eight children at once, and the ninth is refused', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const tasks = Array.from({ length: 9 }, (_, n) => ({ agent: 'holder', input: n }));

  const run = engine.executeAgent('boss', tasks);
  for (let n = 0; n < 8; n += 1) await moments.of(`holder ${n} runs`);
  moments.tell('holders may end');

  expect(await run.result).toMatchObject({ status: 'completed', result: [0, 1, 2, 3, 4, 5, 6, 7, 'CHILD_LIMIT'] });
  expect(await checkFamily(runtime.store.for(engine.context).log, run.runId)).toHaveLength(9);
});

test('runs nest ten deep, and the eleventh level is refused', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('diver', 0);

  expect(await run.result).toMatchObject({
    status: 'completed',
    result: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, { limit: 'contextDepth', max: 10 }],
  });
  expect(await checkFamily(runtime.store.for(engine.context).log, run.runId)).toHaveLength(11);
});

test('a large result goes from child to parent whole, and is in no event', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('boss', [{ agent: 'large', input: null }]);

  const result = await run.result;
  expect(result.status === 'completed' && JSON.stringify(result.result).length).toBe(50_004);
  for (const { data } of await Array.fromAsync(run)) expect(JSON.stringify(data).length).toBeLessThan(33_000);
});

test('a parent that is cancelled while its child is being accepted leaves no child behind', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('boss', [{ agent: 'slow-to-accept', input: null }]);
  await moments.of('being accepted');

  await run.cancel('changed my mind');
  moments.tell('may be accepted');

  expect(await run.result).toMatchObject({ status: 'cancelled' });
  const family = await checkFamily(runtime.store.for(engine.context).log, run.runId);
  expect(family.map((events) => events.at(-1)?.type)).toEqual(['agent_cancelled', 'agent_cancelled']);
});
