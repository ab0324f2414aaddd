import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentRun } from '../../src/engine/agent-run.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkFamily, checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const moments = new Moments();

const listen = tool({
  description: 'Listens to its signal.',
  inputSchema: z.object({ name: z.string() }),
  execute: async ({ name }, { signal }) => {
    moments.tell(`${name} listens`);
    await untilAborted(signal).catch((reason: unknown) => {
      moments.tell(`${name} heard`, reason);
      throw reason;
    });
  },
});

const agents = [
  defineAgent({
    name: 'listener',
    inputSchema: z.object({ name: z.string() }),
    tools: { listen },
    run: ({ input, tools }) => tools.listen(input),
  }),
  /** Makes something good of its cancellation. */
  defineAgent({
    name: 'stubborn',
    inputSchema: z.object({ name: z.string() }),
    tools: { listen },
    run: async ({ input, tools }) => {
      await tools.listen(input).catch(() => undefined);
      return 'finished anyway';
    },
  }),
  defineAgent({
    name: 'parent',
    inputSchema: z.object({ name: z.string() }),
    run: ({ input, agent }) => agent('listener', input),
  }),
  defineAgent({ name: 'quick', run: () => 1 }),
];

test.override('runtimeOptions', { config: { agents } });

async function check(run: AgentRun): Promise<readonly string[]> {
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  return events.map(({ type, data }) => (type === 'tool_completed' ? `${type} ${data.outcome}` : type));
}

test('cancelling reaches the tool that runs, with who and why', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('listener', { name: 'cancel' });
  await moments.of('cancel listens');

  const { seq } = await run.cancel('changed my mind');

  expect(await moments.of('cancel heard')).toMatchObject({
    code: 'RUN_CANCELLED',
    by: alice.id,
    reason: 'changed my mind',
  });
  expect(await run.result).toMatchObject({ status: 'cancelled', by: alice.id, reason: 'changed my mind' });
  expect(await check(run)).toEqual([
    'run_accepted',
    'agent_started',
    'agent_thinking',
    'tool_executing',
    'cancel_requested',
    'tool_completed error',
    'agent_cancelled',
  ]);
  expect(seq).toBe(5);
});

test('cancelling twice, and after the end, is one cancellation', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('listener', { name: 'twice' });
  await moments.of('twice listens');

  const [first, second] = await Promise.all([run.cancel('first'), run.cancel('second')]);
  const result = await run.result;
  const third = await run.cancel('third');

  expect([second, third]).toEqual([first, first]);
  expect(result).toMatchObject({ reason: 'first' });
  expect((await check(run)).filter((type) => type === 'cancel_requested')).toHaveLength(1);
});

test('whoever attached to a run can cancel it, and a signal that is aborted already does', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  const context = alice.context();
  await using first = await factory.createForUser(context);
  await using second = await factory.createForUser(alice.context(context));
  const run = first.executeAgent('listener', { name: 'attached' });
  await moments.of('attached listens');
  const again = second.executeAgent('listener', { name: 'attached' });

  await again.cancel('from the other engine');

  expect(await run.result).toMatchObject({ status: 'cancelled', reason: 'from the other engine' });
  expect(await again.result).toEqual(await run.result);
  await using third = await factory.createForUser(alice.context());
  const stillborn = third.executeAgent('listener', { name: 'never' }, { signal: AbortSignal.abort(new Error('gone')) });
  expect(await stillborn.result).toMatchObject({ status: 'cancelled', reason: 'gone' });
});

test('cancelling a run that has ended changes nothing', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('quick', null);
  const result = await run.result;

  const { seq } = await run.cancel('too late');

  expect(seq).toBe(result.seq);
  expect(await run.result).toEqual(result);
  expect(await check(run)).toEqual(['run_accepted', 'agent_started', 'agent_completed']);
});

test('a cancellation wins over what the agent makes of it', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('stubborn', { name: 'stubborn' });
  await moments.of('stubborn listens');

  await run.cancel();

  expect((await run.result).status).toBe('cancelled');
  await check(run);
});

test('a caller’s signal cancels the run with its reason', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const caller = new AbortController();
  const run = engine.executeAgent('listener', { name: 'signal' }, { signal: caller.signal });
  await moments.of('signal listens');

  caller.abort(new Error('the request was closed'));

  expect(await run.result).toMatchObject({ status: 'cancelled', reason: 'the request was closed' });
});

test('leaving a run, its stream or its socket cancels nothing', async ({ executionEngineFactory: factory, alice }) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('listener', { name: 'left' });
  await moments.of('left listens');

  for await (const event of run) if (event.type === 'agent_started') break;
  const client = await alice.connect();
  for await (const event of client.run(run.runId)) if (event.type === 'tool_executing') break;
  await client.close();

  expect(engine.activeRuns).toBe(1);
  await run.cancel('now really');
  expect((await check(run)).filter((type) => type === 'cancel_requested')).toHaveLength(1);
});

test('disposing an engine cancels its runs, all of them, with engine_disposed', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  const engine = await factory.createForUser(alice.context());
  const runs = ['d1', 'd2', 'd3'].map((name) => engine.executeAgent('listener', { name }));
  for (const name of ['d1', 'd2', 'd3']) await moments.of(`${name} listens`);

  await engine[Symbol.asyncDispose]();

  expect(engine.activeRuns).toBe(0);
  for (const run of runs) {
    expect(await run.result).toMatchObject({ status: 'cancelled', by: 'enginehouse', reason: 'engine_disposed' });
    await check(run);
  }
  expect(() => engine.executeAgent('quick', null)).toThrowError(expect.objectContaining({ code: 'ENGINE_DISPOSED' }));
  expect(factory.activeEngines()).toEqual([]);
});

test('an engine that is disposed before its run is accepted cancels it all the same', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  const engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('listener', { name: 'at once' });

  await engine[Symbol.asyncDispose]();

  const { runs, log } = runtime.store.for(engine.context);
  expect(await runs.get(engine.context.runId)).toMatchObject({ status: 'cancelled' });
  checkRunLog(await log.read(engine.context.runId, 0, 100));
  expect(await run.result).toMatchObject({ reason: 'engine_disposed' });
  expect(await runtime.store.unfinished()).toEqual([]);
});

test('disposing an engine with a run that ended, with none, and twice, is quiet', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  const [done, unused] = [await factory.createForUser(alice.context()), await factory.createForUser(alice.context())];
  const run = done.executeAgent('quick', null);
  await run.result;

  await Promise.all([done[Symbol.asyncDispose](), done[Symbol.asyncDispose](), unused[Symbol.asyncDispose]()]);

  expect((await run.result).status).toBe('completed');
  expect(factory.metrics()).toMatchObject({ runsRunning: 0, runsWaiting: 0 });
});

test('userExecutionScope disposes its engine, whatever happens in it', async ({
  executionEngineFactory: factory,
  alice,
}) => {
  let left: AgentRun | undefined;
  const failing = factory.userExecutionScope(alice.context(), async (engine) => {
    left = engine.executeAgent('listener', { name: 'scope' });
    await moments.of('scope listens');
    throw new Error('the caller broke');
  });

  await expect(failing).rejects.toThrow('the caller broke');
  expect(await left?.result).toMatchObject({ status: 'cancelled', reason: 'engine_disposed' });
  expect(factory.activeEngines()).toEqual([]);
  expect(await factory.userExecutionScope(alice.context(), async ({ context }) => context.userId)).toBe(alice.id);
});

test('a wish to cancel that comes by a door is kept, and repeating it has one effect and one answer', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  const context = alice.context();
  await factory.startRun(context, 'listener', { name: 'door' });
  await moments.of('door listens');
  const wish = { commandId: 'c1', runId: context.runId, reason: 'from the page', by: alice.id };

  const first = await factory.cancelRun(context, wish);
  const { log } = runtime.store.for(context);
  for await (const _ of runtime.bridge.follow(context, context.runId, 0)) continue;
  const again = await factory.cancelRun(context, wish);
  const other = await factory.cancelRun(context, { ...wish, commandId: 'c2', reason: 'once more' });

  const events = await log.read(context.runId, 0, 100);
  checkRunLog(events);
  expect(events.find(({ seq }) => seq === first.seq)).toMatchObject({
    type: 'cancel_requested',
    data: { reason: 'from the page' },
  });
  expect([again, other]).toEqual([first, first]);
});

test('two wishes at once have one effect, and the same answer', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  const context = alice.context();
  await factory.startRun(context, 'listener', { name: 'doors' });
  await moments.of('doors listens');

  const answers = await Promise.all(
    ['c1', 'c2', 'c3', 'c1'].map((commandId) =>
      factory.cancelRun(context, { commandId, runId: context.runId, reason: commandId, by: alice.id }),
    ),
  );
  for await (const _ of runtime.bridge.follow(context, context.runId, 0)) continue;

  expect(new Set(answers.map(({ seq }) => seq)).size).toBe(1);
  for (const commandId of ['c1', 'c2', 'c3']) {
    const again = await factory.cancelRun(context, { commandId, runId: context.runId, reason: 'again', by: alice.id });
    expect(again).toEqual(answers[0]);
  }
});

test('nobody cancels another user’s run, nor learns that there is one', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
  bob,
}) => {
  const context = alice.context();
  await factory.startRun(context, 'listener', { name: 'hers' });
  await moments.of('hers listens');
  const wish = (runId: string) => ({ commandId: runId, runId: runId as never, reason: 'mischief', by: bob.id });

  const foreign = await factory.cancelRun(bob.context(), wish(context.runId)).catch((error: unknown) => error);
  const unknown = await factory.cancelRun(bob.context(), wish('nobody’s')).catch((error: unknown) => error);

  expect(foreign).toMatchObject({ code: 'NOT_FOUND', details: { what: 'run', id: context.runId } });
  expect(unknown).toMatchObject({ code: 'NOT_FOUND' });
  expect(await runtime.store.for(context).commands.pending(context.runId)).toEqual([]);
  await factory.cancelRun(context, { ...wish(context.runId), by: alice.id });
});

test('a child is cancelled with its parent, with who and why, and both have ended in order', async ({
  executionEngineFactory: factory,
  runtime,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const run = engine.executeAgent('parent', { name: 'family' });
  await moments.of('family listens');

  await run.cancel('bed time');

  expect(await moments.of('family heard')).toMatchObject({ code: 'RUN_CANCELLED', reason: 'bed time' });
  const events = await Array.fromAsync(run);
  checkRunLog(events);
  const completed = events.find(({ type }) => type === 'subagent_completed');
  expect(completed?.data).toMatchObject({ agent: 'listener', outcome: 'cancelled', error: { code: 'RUN_CANCELLED' } });
  const [, childEvents] = await checkFamily(runtime.store.for(engine.context).log, run.runId);
  expect(childEvents?.at(-1)).toMatchObject({ type: 'agent_cancelled', data: { by: alice.id, reason: 'bed time' } });
});
