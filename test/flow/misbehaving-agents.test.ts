import { z } from 'zod';

import type { AgentContext } from '../../src/agent/agent-context.ts';
import { defineAgent } from '../../src/agent/define-agent.ts';
import { EnginehouseError } from '../../src/base/errors.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import type { RunResult } from '../../src/engine/agent-run.ts';
import type { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';
import { until } from '../support/until.ts';

const moments = new Moments();
const contexts = new Map<string, AgentContext>();

const echo = tool({ description: 'Echoes.', inputSchema: z.unknown(), execute: (input) => input });
const waits = tool({
  description: 'Waits until its signal aborts.',
  inputSchema: z.unknown(),
  execute: (_input, { signal }) => untilAborted(signal),
});
const floods = tool({
  description: 'Reports progress and waits for none of it.',
  inputSchema: z.unknown(),
  execute: (_input, { progress }) => {
    for (let at = 0; at < 40; at += 1) void progress('x'.repeat(50_000));
    return 'flooded';
  },
});

/** Does not hear its signal, and writes after its deadline. */
const slowWrite = tool({
  description: 'Writes slowly.',
  inputSchema: z.unknown(),
  timeoutMs: 50,
  execute: (_input, { database, signal }) => {
    const writing = database.transaction(async (db) => {
      await untilAborted(signal).catch(() => undefined);
      await db.insertInto('notes').values({ text: 'too late' }).execute();
    });
    writing.catch((error: unknown) => moments.tell('slow writer told', error));
    return writing;
  },
});

/** Throws what its input names. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  'an error': () => new TypeError('x is not a function'),
  'a text': () => 'out of otters',
  nothing: () => undefined,
  'an object that cannot be shown': () => Object.create(null) as unknown,
  'an error of ours': () => new EnginehouseError('TOOL_DENIED', 'no', { tool: 'x', role: 'admin' }),
  'a huge error of ours': () =>
    new EnginehouseError('INPUT_INVALID', 'x'.repeat(100_000), { what: 'x'.repeat(100_000), issues: [] }),
  'an error of ours with details that are no JSON': () =>
    new EnginehouseError('INTERNAL', 'no', { reason: 1n } as never),
};

const agents = [
  defineAgent({
    name: 'thrower',
    run: ({ input }) => {
      throw THROWN[input as string]?.();
    },
  }),
  defineAgent({ name: 'nothing', run: () => undefined }),
  defineAgent({ name: 'null', run: () => null }),
  defineAgent({
    name: 'returner',
    run: ({ input }) =>
      ({ bigint: 1n, function: () => 1, deep: nested(200), large: 'x'.repeat(9_000_000) })[input as string],
  }),
  defineAgent({
    name: 'deaf',
    run: async ({ input }) => {
      moments.tell(`${input as string} runs`);
      return new Promise(() => undefined);
    },
  }),
  defineAgent({
    name: 'goes-on',
    tools: { echo },
    run: (context) => {
      contexts.set('goes-on', context as AgentContext);
      return 'done';
    },
  }),
  defineAgent({
    name: 'forgetful',
    tools: { echo, waits, floods },
    run: async ({ tools, step, say, agent, artifacts }) => {
      void tools.waits(null);
      void step('never', () => new Promise(() => undefined));
      void step('fails', () => Promise.reject(new Error('nobody waits for this')));
      void say('unfinished ');
      void agent('deaf', 'forgotten child');
      void artifacts.create(endless(), { title: 'endless' });
      await moments.of('forgotten child runs');
      return 'done';
    },
  }),
  defineAgent({
    name: 'slow-writer',
    tools: { slowWrite },
    run: ({ tools }) => tools.slowWrite(null).catch((error: { code: string }) => error.code),
  }),
  defineAgent({ name: 'flooder', tools: { floods }, run: ({ tools }) => tools.floods(null) }),
  defineAgent({
    name: 'talker',
    run: async ({ say }) => {
      for (let at = 0; at < 200; at += 1) void say(`${at} ${'x'.repeat(20_000)}`);
      return 'said';
    },
  }),
  defineAgent({
    name: 'blocker',
    run: () => {
      burn(250);
      return 'never seen';
    },
  }),
  defineAgent({
    name: 'returns-blocked',
    run: async ({ step }) => {
      await step('first', () => 1);
      burn(250);
      await step('second', () => 2);
      return 'never seen';
    },
  }),
  defineAgent({
    name: 'bad-schema',
    inputSchema: { '~standard': { version: 1, vendor: 'test', validate: () => new Promise(() => undefined) } },
    tools: { bad: tool({ description: 'x', inputSchema: hangingSchema(), execute: () => 1 }) },
    run: () => 1,
  }),
  defineAgent({
    name: 'bad-tool',
    tools: { bad: tool({ description: 'x', inputSchema: hangingSchema(), execute: () => 1 }) },
    run: ({ tools, input }) => {
      moments.tell(`${input as string} runs`);
      return tools.bad(null);
    },
  }),
] as const;

test.override('runtimeOptions', {
  config: { agents, database: { migrations: { '001': 'CREATE TABLE notes (text TEXT NOT NULL)' } } },
  limits: { cancelGraceMs: 60, blockedLoopMs: 100, runTimeoutMs: 8_000 },
});

interface Ended {
  readonly result: RunResult;
  readonly events: readonly AgentEvent[];
  readonly types: readonly string[];
}

async function runToEnd(
  runtime: EnginehouseRuntime,
  context: UserExecutionContext,
  agent: string,
  input: unknown = null,
): Promise<Ended> {
  await using engine = await runtime.factory.createForUser(context);
  const run = engine.executeAgent(agent, input);
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  return { result: await run.result, events, types: events.map(({ type }) => type) };
}

test.for(Object.keys(THROWN))('an agent that throws %s fails, once', async (thrown, { runtime, alice }) => {
  const { result, types } = await runToEnd(runtime, alice.context(), 'thrower', thrown);

  expect(types).toEqual(['run_accepted', 'agent_started', 'agent_failed']);
  expect(result.status === 'failed' && result.error).toMatchObject({
    code: thrown.includes('ours') ? expect.stringMatching(/TOOL_DENIED|INPUT_INVALID|INTERNAL/) : 'AGENT_THREW',
    cure: expect.any(String),
    ref: expect.any(String),
  });
});

test('an agent that returns nothing fails, one that returns null does not', async ({ runtime, alice }) => {
  expect((await runToEnd(runtime, alice.context(), 'nothing')).result).toMatchObject({
    status: 'failed',
    error: { code: 'AGENT_RETURNED_NOTHING', details: { agent: 'nothing' } },
  });
  expect((await runToEnd(runtime, alice.context(), 'null')).result).toMatchObject({
    status: 'completed',
    result: null,
  });
});

test.for([
  ['bigint', 'EVENT_INVALID'],
  ['function', 'EVENT_INVALID'],
  ['deep', 'EVENT_INVALID'],
  ['large', 'TOO_LARGE'],
])('an agent that returns what cannot be kept (%s) fails with %s', async ([what, code], { runtime, alice }) => {
  expect((await runToEnd(runtime, alice.context(), 'returner', what)).result).toMatchObject({
    status: 'failed',
    error: { code },
  });
});

test('an agent that does not hear its cancellation is left behind after its grace', async ({ runtime, alice }) => {
  await using engine = await runtime.factory.createForUser(alice.context());
  const run = engine.executeAgent('deaf', 'cancelled');
  await moments.of('cancelled runs');

  await run.cancel('enough');

  expect(await run.result).toMatchObject({ status: 'cancelled', by: alice.id, reason: 'enough' });
  checkRunLog(await Array.fromAsync(run));
});

test('what an agent calls after its end is refused, and nothing is written after the terminal event', async ({
  runtime,
  alice,
}) => {
  const context = alice.context();
  const { events } = await runToEnd(runtime, context, 'goes-on');
  const late = contexts.get('goes-on') as AgentContext & {
    tools: Record<string, (input: unknown) => Promise<unknown>>;
  };

  const calls = [
    late.say('more'),
    late.think('more'),
    late.step('more', () => 1),
    late.tools['echo']?.(1) ?? Promise.resolve('never called'),
    late.agent('null', null),
    late.now(),
    late.id(),
    late.random(),
    late.artifacts.create('more', { title: 'more' }),
    late.database.transaction((db) => db.selectFrom('notes').selectAll().execute()),
  ];

  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code)).toEqual(
    calls.map(() => 'RUN_ENDED'),
  );
  expect(late.signal.aborted).toBe(true);
  const { log, artifacts } = runtime.store.for(context);
  expect(await log.read(context.runId, 0, 100)).toEqual(events);
  expect(await artifacts.list(context.runId)).toEqual([]);
});

test('what a tool writes in a transaction after its deadline is rolled back', async ({ runtime, alice }) => {
  const context = alice.context();
  const { result } = await runToEnd(runtime, context, 'slow-writer');

  expect(result).toMatchObject({ status: 'completed', result: 'TOOL_TIMEOUT' });
  expect(await moments.of('slow writer told')).toMatchObject({ code: 'TOOL_TIMEOUT' });
  await using engine = await runtime.factory.createForUser(alice.context());
  const rows = engine.databaseSessionManager.transaction((db) => db.selectFrom('notes').selectAll().execute());
  expect(await rows).toEqual([]);
});

test('what an agent left un-awaited is closed in the log before its end, and ends no process', async ({
  runtime,
  alice,
}) => {
  const context = alice.context();
  const { result, events, types } = await runToEnd(runtime, context, 'forgetful');

  expect(result).toMatchObject({ status: 'completed', result: 'done' });
  expect(types.slice(-1)).toEqual(['agent_completed']);
  const ends = events.flatMap(({ type, data }) =>
    type === 'tool_completed' || type === 'subagent_completed' ? [data] : [],
  );
  expect(ends).toEqual([
    expect.objectContaining({ tool: 'waits', outcome: 'error', error: expect.objectContaining({ code: 'RUN_ENDED' }) }),
    expect.objectContaining({ agent: 'deaf', outcome: 'cancelled' }),
  ]);
  const { log, artifacts } = runtime.store.for(context);
  const child = events.flatMap(({ type, data }) => (type === 'subagent_started' ? [data.run] : []));
  checkRunLog(await log.read(child[0] as never, 0, 100));
  expect(await artifacts.list(context.runId)).toEqual([]);
});

test('a tool that floods the log has an end in it all the same', async ({ runtime, alice }) => {
  const { result, types } = await runToEnd(runtime, alice.context(), 'flooder');

  expect(result).toMatchObject({ status: 'completed', result: 'flooded' });
  expect(types.filter((type) => type === 'tool_progress').length).toBeLessThan(40);
});

test('an agent that says more than may wait, and waits for none of it, ends', async ({ runtime, alice }) => {
  const { result } = await runToEnd(runtime, alice.context(), 'talker');

  expect(result.status).toBe('completed');
});

test.for(['blocker', 'returns-blocked'])(
  'an agent that holds the event loop fails with EVENT_LOOP_BLOCKED (%s)',
  async (agent, { runtime, alice }) => {
    const { result } = await runToEnd(runtime, alice.context(), agent);

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'EVENT_LOOP_BLOCKED', details: { agent, limitMs: 100, blockedMs: expect.any(Number) } },
    });
  },
);

test('a schema that hangs holds neither a tool’s run nor its cancellation', async ({ runtime, alice }) => {
  await using engine = await runtime.factory.createForUser(alice.context());
  const run = engine.executeAgent('bad-tool', 'hanging schema');
  await moments.of('hanging schema runs');

  await run.cancel();

  expect((await run.result).status).toBe('cancelled');
  checkRunLog(await Array.fromAsync(run));
});

test('a schema that hangs holds no engine open for ever', async ({ runtime, alice }) => {
  const engine = await runtime.factory.createForUser(alice.context());
  engine.executeAgent('bad-schema', null);

  await expect(engine[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'DEADLINE' });
  expect(runtime.resources.remaining('engine')).toEqual([]);
});

test('no run, emitter or timer is left of any of them', async ({ runtime, alice }) => {
  for (const agent of ['thrower', 'nothing', 'forgetful', 'flooder', 'blocker']) {
    await runToEnd(runtime, alice.context(), agent, 'an error');
  }

  await until('nothing is open but the listener and the store', () => {
    const kinds = new Set(runtime.resources.remaining().map(({ kind }) => kind));
    return !['run', 'engine', 'emitter', 'timer', 'follower'].some((kind) => kinds.has(kind as never));
  });
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

async function* endless(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(10);
  await new Promise(() => undefined);
}

function hangingSchema() {
  return { '~standard': { version: 1, vendor: 'test', validate: () => new Promise<never>(() => undefined) } } as const;
}

/** Holds the event loop until the process has used this much of its processor: a machine under load must not decide a test. */
function burn(ms: number): void {
  const usage = process.cpuUsage();
  for (let used = 0; used < ms * 1_000;) {
    const { user, system } = process.cpuUsage(usage);
    used = user + system;
  }
}
