import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import type { AgentRun } from '../../src/engine/agent-run.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const moments = new Moments();

const count = tool({
  description: 'Counts letters.',
  inputSchema: z.object({ word: z.string() }),
  execute: async ({ word }, { progress }) => {
    await progress({ half: true });
    return { letters: word.length };
  },
});

const counter = defineAgent({
  name: 'counter',
  version: '2',
  inputSchema: z.object({ word: z.string().min(1) }),
  tools: { count },
  run: async ({ input, tools, think, say, step }) => {
    await think(`about ${input.word}`);
    const { letters } = await tools.count({ word: input.word });
    await say(`${letters} letters`);
    return step('double', () => letters * 2);
  },
});

/** Says that it runs, and ends when it is told to, or cancelled. */
const holder = defineAgent({
  name: 'holder',
  inputSchema: z.object({ name: z.string() }),
  run: async ({ input, signal }) => {
    moments.tell(`${input.name} runs`);
    await Promise.race([moments.of(`${input.name} may end`), untilAborted(signal)]);
    return input.name;
  },
});

const quick = defineAgent({ name: 'quick', run: ({ input }) => input });

test.override('runtimeOptions', {
  config: { agents: [counter, holder, quick] },
  limits: { runsPerUser: 1, queuePerUser: 3, cancelGraceMs: 100 },
});

async function eventsOf(run: AgentRun): Promise<readonly AgentEvent[]> {
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  return events;
}

const typesOf = async (run: AgentRun): Promise<readonly string[]> => (await eventsOf(run)).map(({ type }) => type);

test('a run is its events, in order, from its acceptance to its one end', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context({ runId: 'r1', threadId: 't1' }));

  const run = engine.executeAgent('counter', { word: 'otter' });
  const events = await eventsOf(run);

  expect(events.map(({ type, data }) => [type, data])).toEqual([
    ['run_accepted', { agent: 'counter', version: '2', input: { word: 'otter' } }],
    ['agent_started', { agent: 'counter', attempt: 1 }],
    ['agent_thinking', { turn: 0, text: 'about otter' }],
    ['tool_executing', { call: 'count#0', tool: 'count', input: { word: 'otter' }, step: 0 }],
    ['tool_progress', { call: 'count#0', progress: { half: true } }],
    [
      'tool_completed',
      {
        call: 'count#0',
        tool: 'count',
        step: 0,
        alone: true,
        outcome: 'ok',
        durationMs: expect.any(Number) as number,
        result: { letters: 5 },
      },
    ],
    ['message_delta', { message: 'answer', delta: '5 letters' }],
    ['step_completed', { step: 1, name: 'double', occurrence: 0, alone: true, outcome: 'ok', result: 10 }],
    ['message_completed', { message: 'answer', role: 'assistant', parts: [{ type: 'text', length: 9 }] }],
    ['agent_completed', { result: 10 }],
  ]);
  expect(await run.accepted).toEqual({ runId: 'r1', threadId: 't1', created: true, seq: 1 });
  expect(await run.result).toEqual({ runId: 'r1', seq: 10, status: 'completed', result: 10 });
  expect(await Array.fromAsync(run.events({ after: 8 }))).toEqual(events.slice(8));
});

test('what is streamed while it happens is what the log holds after', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('counter', { word: 'otter' });
  await run.accepted;
  const [live, socket] = await Promise.all([
    Array.fromAsync(run),
    alice.client().then((client) => Array.fromAsync(client.run(run.runId))),
  ]);

  const { log } = runtime.store.for(engine.context);
  expect(live).toEqual(await log.read(engine.context.runId, 0, 100));
  expect(socket).toEqual(live);
});

test('the same start again attaches to the run, while it goes on and after it ended', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  const context = alice.context();
  await using first = await factory.createForUser(context);
  await using second = await factory.createForUser(alice.context(context));
  const run = first.executeAgent('holder', { name: 'attach' });
  await moments.of('attach runs');

  const again = second.executeAgent('holder', { name: 'attach' });
  expect(await again.accepted).toMatchObject({ created: false, runId: context.runId });
  await second[Symbol.asyncDispose]();
  moments.tell('attach may end');

  expect(await again.result).toEqual(await run.result);
  await using third = await factory.createForUser(alice.context(context));
  expect(await third.executeAgent('holder', { name: 'attach' }).result).toEqual(await run.result);
});

test('a known run id with another input or agent is a conflict, and leaves no trace', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  const context = alice.context();
  const large = 'x'.repeat(40_000);
  await using first = await factory.createForUser(context);
  await first.executeAgent('quick', { large }).result;
  const { log, artifacts } = runtime.store.for(context);
  const before = [await log.head(context.runId), await artifacts.list(context.runId)];

  for (const [agent, input] of [
    ['quick', { large: `${large}!` }],
    ['quick', 1],
    ['holder', { name: 'conflict' }],
  ] as const) {
    await using second = await factory.createForUser(alice.context(context));
    await expect(second.executeAgent(agent, input).accepted).rejects.toMatchObject({ code: 'RUN_ID_CONFLICT' });
  }

  expect([await log.head(context.runId), await artifacts.list(context.runId)]).toEqual(before);
  await using again = await factory.createForUser(alice.context(context));
  expect(await again.executeAgent('quick', { large }).result).toMatchObject({ result: { large } });
});

test('the same run id of two users is two runs', async ({ executionEngineFactory: factory, alice, bob }) => {
  await using hers = await factory.createForUser(alice.context({ runId: 'same' }));
  await using his = await factory.createForUser(bob.context({ runId: 'same' }));

  const results = await Promise.all([
    hers.executeAgent('quick', 'hers').result,
    his.executeAgent('quick', 'his').result,
  ]);

  expect(results.map((result) => result.status === 'completed' && result.result)).toEqual(['hers', 'his']);
});

test('what is refused writes nothing, and the next start has the context’s run id', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const { runs } = runtime.store.for(engine.context);

  for (const [agent, input, code] of [
    ['nobody', {}, 'AGENT_UNKNOWN'],
    ['counter', { word: '' }, 'INPUT_INVALID'],
    ['quick', { n: 1n }, 'INPUT_INVALID'],
    ['quick', nested(129), 'INPUT_INVALID'],
    ['quick', 'x'.repeat(9_000_000), 'TOO_LARGE'],
  ] as const) {
    const run = engine.executeAgent(agent, input);
    await expect(run.accepted).rejects.toMatchObject({ code });
    await expect(run.result).rejects.toMatchObject({ code });
  }
  expect(await runs.list({ limit: 10 })).toEqual([]);

  const run = engine.executeAgent('quick', 1);
  expect(await run.result).toMatchObject({ runId: engine.context.runId, status: 'completed' });
  expect(await runs.list({ limit: 10 })).toMatchObject([{ runId: engine.context.runId, parentRunId: undefined }]);
});

test('runs above the limit wait in order, are told their places, and past the queue refused', async ({
  executionEngineFactory: factory,
  alice,
  bob,
}) => {
  const engines = await Promise.all([1, 2, 3, 4, 5].map(() => factory.createForUser(alice.context())));
  await using stack = new AsyncDisposableStack();
  for (const engine of engines) stack.use(engine);
  const start = (at: number): AgentRun | undefined => engines[at]?.executeAgent('holder', { name: `queue ${at}` });
  const runs: AgentRun[] = [];
  for (let at = 0; at < 4; at += 1) {
    const run = start(at);
    await run?.accepted;
    if (run !== undefined) runs.push(run);
  }
  await moments.of('queue 0 runs');

  await expect(start(4)?.accepted).rejects.toMatchObject({ code: 'QUEUE_FULL', details: { limit: 3 } });
  const his = await factory.userExecutionScope(bob.context(), (engine) => engine.executeAgent('quick', 1).result);
  expect(his).toMatchObject({ status: 'completed' });
  expect(factory.metrics()).toMatchObject({ runsRunning: 1, runsWaiting: 3 });
  for (let at = 0; at < 4; at += 1) {
    await moments.of(`queue ${at} runs`);
    moments.tell(`queue ${at} may end`);
  }

  const logs = await Promise.all(runs.map(eventsOf));
  const positions = logs.map((events) =>
    events.flatMap(({ type, data }) => (type === 'run_queued' ? [data.position] : [])),
  );
  expect(positions).toEqual([[], [1], [2, 1], [3, 2, 1]]);
  const startedAt = logs.map((events) => events.find(({ type }) => type === 'agent_started')?.at ?? 0);
  expect(startedAt).toEqual(startedAt.toSorted((left, right) => left - right));
});

test('a run that is cancelled while it waits ends without having started, and those behind it move up', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => factory.createForUser(alice.context())));
  await using _first = first as never as AsyncDisposable;
  await using _second = second as never as AsyncDisposable;
  await using _third = third as never as AsyncDisposable;
  first?.executeAgent('holder', { name: 'ahead' });
  await moments.of('ahead runs');
  const waiting = second?.executeAgent('holder', { name: 'never' }) as AgentRun;
  await waiting.accepted;
  const behind = third?.executeAgent('holder', { name: 'behind' }) as AgentRun;
  await behind.accepted;

  const { seq } = await waiting.cancel('changed my mind');
  for await (const { type, data } of behind) if (type === 'run_queued' && data.position === 1) break;
  moments.tell('ahead may end');
  moments.tell('behind may end');

  expect(await typesOf(waiting)).toEqual(['run_accepted', 'run_queued', 'cancel_requested', 'agent_cancelled']);
  expect(seq).toBe(3);
  const positions = (await eventsOf(behind)).flatMap(({ type, data }) =>
    type === 'run_queued' ? [data.position] : [],
  );
  expect(positions).toEqual([2, 1]);
});

test('further runs of an engine are child runs under its slot, three at once', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const own = engine.executeAgent('holder', { name: 'own' });
  await moments.of('own runs');

  const further = ['f1', 'f2', 'f3'].map((name) => engine.executeAgent('holder', { name }));
  for (const name of ['f1', 'f2', 'f3']) await moments.of(`${name} runs`);
  expect(() => engine.executeAgent('quick', 1)).toThrowError(
    expect.objectContaining({ code: 'CHILD_LIMIT', details: { limit: 'runsPerEngine', max: 3 } }),
  );
  expect(factory.metrics()).toMatchObject({ runsRunning: 1, runsWaiting: 0 });
  expect(engine.activeRuns).toBe(4);
  moments.tell('f2 may end');
  await further[1]?.result;
  expect(await engine.executeAgent('quick', 1).result).toMatchObject({ status: 'completed' });
  for (const name of ['own', 'f1', 'f3']) moments.tell(`${name} may end`);
  await Promise.all([own, ...further].map(eventsOf));

  const { runs } = runtime.store.for(engine.context);
  const children = await runs.list({ limit: 10, parentRunId: engine.context.runId });
  expect(children).toHaveLength(4);
  expect(children.every(({ origin }) => origin === 'engine')).toBe(true);
  expect(factory.metrics()).toMatchObject({ runsRunning: 0, runsWaiting: 0 });
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
