import { expect, test } from 'vitest';
import { z } from 'zod';

import type { AgentContext } from '../../src/agent/agent-context.ts';
import { defineAgent, type AgentDefinition } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { runId } from '../../src/context/ids.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { tool } from '../../src/tool/tool.ts';
import { Disk, startOn } from '../support/disk.ts';
import { checkFamily, checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const ada = (id = 'r1'): UserExecutionContext =>
  UserExecutionContext.fromRequest({
    userId: 'ada',
    threadId: 't1',
    runId: id,
    roles: ['clerk'],
    metadata: { plan: 'gold' },
  });

/** The whole log of a run, once it has ended. */
async function ended(runtime: EnginehouseRuntime, context = ada()): Promise<readonly AgentEvent[]> {
  const events: AgentEvent[] = [];
  for await (const batch of runtime.bridge.follow(context, context.runId, 0)) events.push(...batch);
  checkRunLog(events);
  expect(await runtime.store.unfinished()).toEqual([]);
  return events;
}

const typesOf = (events: readonly AgentEvent[]): readonly string[] =>
  events.map(({ type, data }) => (type === 'tool_completed' ? `${type} ${data.outcome}` : type));

/** Waits at a moment that only the next start gets past: the place where a process is lost. */
function stopsAt(moments: Moments, name: string, attempt: number, signal: AbortSignal): Promise<unknown> {
  moments.tell(`${name} reached`);
  return attempt === 1 ? untilAborted(signal) : Promise.resolve();
}

/** Does `steps` one after another, each once, and stops before `stop` the first time. */
function worker(
  effects: string[],
  moments: Moments,
  {
    steps,
    stop,
    version = '1',
    continues = [] as string[],
  }: { steps: readonly string[]; stop?: string; version?: string; continues?: string[] },
): AgentDefinition {
  return defineAgent({
    name: 'worker',
    version,
    continues,
    run: async ({ step, attempt, signal }) => {
      const results: string[] = [];
      for (const name of steps) {
        if (name === stop) await stopsAt(moments, name, attempt, signal);
        results.push(await step(name, () => (effects.push(name), `${name} of attempt ${attempt}`)));
      }
      return results;
    },
  });
}

test.concurrent('after a restart recorded steps are not done again, and the rest is', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  const agents = [worker(effects, moments, { steps: ['a', 'b', 'a', 'c'], stop: 'c' })];
  await using first = await startOn(store, agents);
  await first.factory.startRun(ada(), 'worker', { n: 1 });
  await moments.of('c reached');
  await first.close();

  await using second = await startOn(store, agents);
  const events = await ended(second);

  expect(second.recoveredRuns).toBe(1);
  expect(effects).toEqual(['a', 'b', 'a', 'c']);
  expect(typesOf(events)).toEqual([
    'run_accepted',
    'agent_started',
    'step_completed',
    'step_completed',
    'step_completed',
    'agent_started',
    'step_completed',
    'agent_completed',
  ]);
  expect(events[5]?.data).toEqual({ agent: 'worker', attempt: 2 });
  expect(events.at(-1)?.data).toEqual({
    result: ['a of attempt 1', 'b of attempt 1', 'a of attempt 1', 'c of attempt 2'],
  });
});

test.concurrent('a start does not wait for the runs that it takes up', async () => {
  await using disk = await Disk.open();
  const [store, moments] = [await disk.store(), new Moments()];
  const holder = defineAgent({
    name: 'holder',
    run: async ({ attempt, signal }) => {
      moments.tell(`attempt ${attempt}`);
      return Promise.race([moments.of('may end'), untilAborted(signal)]);
    },
  });
  await using first = await startOn(store, [holder]);
  for (const id of ['r1', 'r2', 'r3']) await first.factory.startRun(ada(id), 'holder', null);
  await moments.of('attempt 1');
  await first.close();

  await using second = await startOn(store, [holder]);
  expect(second.recoveredRuns).toBe(3);
  moments.tell('may end', 'done');

  for (const id of ['r1', 'r2', 'r3']) {
    const batches = await Array.fromAsync(second.bridge.follow(ada(id), runId(id), 0));
    expect(batches.flat().at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 'done' } });
  }
});

test.concurrent('the input, the user and the words of a run come through a restart', async () => {
  await using disk = await Disk.open();
  const [store, moments] = [await disk.store(), new Moments()];
  const input = { text: '漢字🦦'.repeat(5_000) };
  const agent = defineAgent({
    name: 'speaker',
    run: async ({ input: got, user, say, attempt, signal, now, id, random, step }) => {
      const numbers = [await now(), await id(), await random()];
      await say('Otters hold ');
      const failed = await step('fails', () => Promise.reject(new TypeError('always'))).catch(
        (error: unknown) => error,
      );
      await stopsAt(moments, 'middle', attempt, signal);
      await say('hands.');
      moments.tell(`numbers ${attempt}`, numbers);
      return [got, user.roles, user.metadata, String(failed)];
    },
  });
  await using first = await startOn(store, [agent]);
  await first.factory.startRun(ada(), 'speaker', input);
  await moments.of('middle reached');
  const recorded = (await first.store.for(ada()).log.read(runId('r1'), 0, 100)).flatMap(({ type, data }) =>
    type === 'step_completed' && data.outcome === 'ok' ? [data.result] : [],
  );
  await first.close();

  await using second = await startOn(store, [agent]);
  const events = await ended(second);

  expect(await moments.of('numbers 2')).toEqual(recorded);
  const said = events.flatMap(({ type, data }) => (type === 'message_delta' ? [data.delta] : []));
  expect(said).toEqual(['Otters hold ', 'hands.']);
  expect(events.find(({ type }) => type === 'message_completed')?.data).toMatchObject({ parts: [{ length: 18 }] });
  await using engine = await second.factory.createForUser(ada());
  expect(await engine.executeAgent('speaker', input).result).toMatchObject({
    result: [input, ['clerk'], { plan: 'gold' }, 'EnginehouseError: always'],
  });
});

test.concurrent(
  'starting a run again with another large input changes nothing of the one that is recovered',
  async () => {
    await using disk = await Disk.open();
    const [store, moments] = [await disk.store(), new Moments()];
    const agent = defineAgent({
      name: 'echo',
      run: async ({ input, attempt, signal }) => (await stopsAt(moments, 'echo', attempt, signal), input),
    });
    await using first = await startOn(store, [agent]);
    await first.factory.startRun(ada(), 'echo', 'a'.repeat(40_000));
    await moments.of('echo reached');
    await expect(first.factory.startRun(ada(), 'echo', 'b'.repeat(40_000))).rejects.toMatchObject({
      code: 'RUN_ID_CONFLICT',
    });
    await first.close();

    await using second = await startOn(store, [agent]);
    await ended(second);

    await using engine = await second.factory.createForUser(ada());
    const result = await engine.executeAgent('echo', 'a'.repeat(40_000)).result;
    expect(result.status === 'completed' && result.result === 'a'.repeat(40_000)).toBe(true);
  },
);

test.concurrent.each([
  ['a step under another name', { steps: ['a', 'x', 'c'] }, 'step b#0', 'step x#0'],
  ['a step less', { steps: ['a'] }, 'step b#0', 'the end of the run'],
  ['another version', { steps: ['a', 'b', 'c'], version: '2' }, 'worker version 1', 'version 2'],
])(
  '%s after a restart is a mismatch that names both sides, and does nothing',
  async (_what, changed, recorded, requested) => {
    await using disk = await Disk.open();
    const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
    await using first = await startOn(store, [worker(effects, moments, { steps: ['a', 'b', 'c'], stop: 'c' })]);
    await first.factory.startRun(ada(), 'worker', null);
    await moments.of('c reached');
    await first.close();

    await using second = await startOn(store, [worker(effects, moments, changed)]);
    const events = await ended(second);

    expect(events.at(-1)?.data).toMatchObject({
      error: {
        code: 'STEP_MISMATCH',
        details: { runId: 'r1', recorded, requested },
        message: expect.stringContaining(recorded),
      },
    });
    expect(effects).toEqual(['a', 'b']);
  },
);

test.concurrent('a new version that says that it continues the old one goes on with its runs', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  await using first = await startOn(store, [worker(effects, moments, { steps: ['a', 'b'], stop: 'b' })]);
  await first.factory.startRun(ada(), 'worker', null);
  await moments.of('b reached');
  await first.close();

  await using second = await startOn(store, [
    worker(effects, moments, { steps: ['a', 'b', 'c'], version: '2', continues: ['1'] }),
  ]);

  expect((await ended(second)).at(-1)?.type).toBe('agent_completed');
  expect(effects).toEqual(['a', 'b', 'c']);
});

test.concurrent('a run whose agent is gone fails, and says which agents there are', async () => {
  await using disk = await Disk.open();
  const [store, moments] = [await disk.store(), new Moments()];
  await using first = await startOn(store, [worker([], moments, { steps: ['a'], stop: 'a' })]);
  await first.factory.startRun(ada(), 'worker', null);
  await moments.of('a reached');
  await first.close();

  await using second = await startOn(store, [defineAgent({ name: 'other', run: () => 1 })]);

  expect((await ended(second)).at(-1)?.data).toMatchObject({
    error: { code: 'AGENT_UNKNOWN', details: { agent: 'worker', known: ['other'] } },
  });
});

test.concurrent('an agent that catches its mismatch fails all the same', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  await using first = await startOn(store, [worker(effects, moments, { steps: ['a', 'b'], stop: 'b' })]);
  await first.factory.startRun(ada(), 'worker', null);
  await moments.of('b reached');
  await first.close();
  const careless = defineAgent({
    name: 'worker',
    run: async ({ step }) => {
      await step('x', () => effects.push('x')).catch(() => undefined);
      await step('a', () => effects.push('a again')).catch(() => undefined);
      return 'all is well';
    },
  });

  await using second = await startOn(store, [careless]);

  expect((await ended(second)).at(-1)?.data).toMatchObject({ error: { code: 'STEP_MISMATCH' } });
  expect(effects).toEqual(['a']);
});

/** Calls a tool that stops the first time, and tells what came of it. */
function caller(effects: string[], moments: Moments, idempotent: boolean): AgentDefinition {
  const pay = tool({
    description: 'Pays.',
    inputSchema: z.object({ amount: z.int() }),
    idempotent,
    execute: async (_input, { callId, signal }) => {
      effects.push(callId);
      moments.tell('pay reached');
      return effects.length === 1 ? untilAborted(signal) : 'paid';
    },
  });
  return defineAgent({
    name: 'caller',
    tools: { pay },
    run: ({ tools }) =>
      tools.pay({ amount: 1 }).catch((error: unknown) => {
        if (isEnginehouseError(error, 'TOOL_OUTCOME_UNKNOWN')) return 'who knows';
        throw error;
      }),
  });
}

test.concurrent.each([
  ['was lost', true, 'paid', 2],
  ['closed in good order', true, 'paid', 2],
  ['was lost', false, 'who knows', 1],
  ['closed in good order', false, 'who knows', 1],
])(
  'a tool that ran when its process %s (idempotent: %s) gives %j and ran %i times',
  async (how, idempotent, result, times) => {
    await using disk = await Disk.open();
    const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
    const agents = [caller(effects, moments, idempotent)];
    await using first = await startOn(store, agents);
    await first.factory.startRun(ada(), 'caller', null);
    await moments.of('pay reached');
    const after = how === 'was lost' ? await disk.afterPowerCut(store) : store;
    if (how !== 'was lost') await first.close();

    await using second = await startOn(after, agents);
    const events = await ended(second);

    expect(events.at(-1)?.data).toEqual({ result });
    expect(effects).toHaveLength(times);
    expect(new Set(effects).size).toBe(1);
    expect(typesOf(events).filter((type) => type.startsWith('tool_completed'))).toEqual([
      idempotent ? 'tool_completed ok' : 'tool_completed unknown',
    ]);
  },
);

test.concurrent(
  'a run that was lost when its tool ran, and has another agent now, closes the call before it fails',
  async () => {
    await using disk = await Disk.open();
    const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
    await using first = await startOn(store, [caller(effects, moments, false)]);
    await first.factory.startRun(ada(), 'caller', null);
    await moments.of('pay reached');

    await using second = await startOn(await disk.afterPowerCut(store), [
      defineAgent({ name: 'caller', run: () => Promise.reject(new Error('at once')) }),
    ]);
    const events = await ended(second);

    expect(typesOf(events).slice(-3)).toEqual(['agent_started', 'tool_completed unknown', 'agent_failed']);
  },
);

test.concurrent(
  'a cancellation that was asked for before the process was lost is carried out after, and closes what was open',
  async () => {
    await using disk = await Disk.open();
    const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
    const agents = [caller(effects, moments, false)];
    await using first = await startOn(store, agents);
    await first.factory.startRun(ada(), 'caller', null);
    await moments.of('pay reached');
    // The wish is in the inbox, and the process is lost before it is an event.
    await first.store.for(ada()).commands.put({
      commandId: 'c1',
      runId: runId('r1'),
      op: 'run.cancel',
      args: JSON.stringify({ by: 'ada', reason: 'enough' }),
      at: 1,
    });

    await using second = await startOn(await disk.afterPowerCut(store), agents);
    const events = await ended(second);

    expect(typesOf(events).slice(4)).toEqual(['cancel_requested', 'tool_completed unknown', 'agent_cancelled']);
    expect(events.at(-1)?.data).toEqual({ by: 'ada', reason: 'enough' });
    expect(effects).toHaveLength(1);
    expect(await second.store.for(ada()).commands.pending(runId('r1'))).toEqual([]);
  },
);

test.concurrent('queued runs go on after a restart, in their order', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  const agent = defineAgent({
    name: 'queued',
    run: async ({ input, attempt, signal }) => {
      if (input === 'r1') await stopsAt(moments, 'r1', attempt, signal);
      effects.push(String(input));
      return input;
    },
  });
  await using first = await startOn(store, [agent], { limits: { runsPerUser: 1 } });
  for (const id of ['r1', 'r2', 'r3', 'r4']) await first.factory.startRun(ada(id), 'queued', id);
  await moments.of('r1 reached');

  await using second = await startOn(await disk.afterPowerCut(store), [agent], {
    limits: { runsPerUser: 1, queuePerUser: 0 },
  });
  for (const id of ['r1', 'r2', 'r3', 'r4'])
    for await (const _ of second.bridge.follow(ada(id), runId(id), 0)) continue;

  expect(second.recoveredRuns).toBe(4);
  expect(effects).toEqual(['r1', 'r2', 'r3', 'r4']);
  expect(await second.store.unfinished()).toEqual([]);
});

test.concurrent('branches that took turns otherwise before the restart go on', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  const agent = defineAgent({
    name: 'branches',
    run: async ({ step, attempt, signal }) => {
      const work = (name: string): Promise<unknown> => step(name, () => effects.push(name));
      const long = async (): Promise<void> => {
        await step('long', async () => {
          if (attempt === 1) await moments.of('short branch done');
          return effects.push('long');
        });
        await work('after long');
      };
      const short = async (): Promise<void> => {
        for (const name of ['s1', 's2', 's3']) await work(name);
        moments.tell('short branch done');
      };
      await Promise.all([long(), short()]);
      await stopsAt(moments, 'join', attempt, signal);
      return work('join');
    },
  });
  await using first = await startOn(store, [agent]);
  await first.factory.startRun(ada(), 'branches', null);
  await moments.of('join reached');
  await first.close();

  await using second = await startOn(store, [agent]);

  expect((await ended(second)).at(-1)?.type).toBe('agent_completed');
  expect(effects).toEqual(['s1', 's2', 's3', 'long', 'after long', 'join']);
});

test.concurrent('a family that was closed in good order goes on with the same child', async () => {
  await using disk = await Disk.open();
  const [store, moments, effects] = [await disk.store(), new Moments(), [] as string[]];
  const child = defineAgent({
    name: 'child',
    run: async ({ step, attempt, signal }) => {
      await step('before', () => effects.push('before'));
      await stopsAt(moments, 'child', attempt, signal);
      return step('after', () => effects.push('after'));
    },
  });
  const parent = defineAgent({ name: 'parent', run: ({ agent }) => agent('child', null) });
  await using first = await startOn(store, [parent, child]);
  await first.factory.startRun(ada(), 'parent', null);
  await moments.of('child reached');
  await first.close();

  await using second = await startOn(store, [parent, child]);
  const events = await ended(second);
  const family = await checkFamily(second.store.for(ada()).log, runId('r1'));

  expect(second.recoveredRuns).toBe(1);
  expect(effects).toEqual(['before', 'after']);
  expect(family).toHaveLength(2);
  expect(typesOf(events).filter((type) => type.startsWith('subagent'))).toEqual([
    'subagent_started',
    'subagent_completed',
  ]);
  expect(events.at(-1)?.type).toBe('agent_completed');
});

/** Everything at once: steps, tools of both kinds, words, files, a child with a step of its own, branches. */
function everything(effects: string[]): readonly AgentDefinition[] {
  const note = (what: string): string => (effects.push(what), what);
  const once = tool({
    description: 'Has an effect.',
    inputSchema: z.string(),
    execute: (name) => note(`once ${name}`),
  });
  const again = tool({
    description: 'Has an effect.',
    inputSchema: z.string(),
    idempotent: true,
    execute: (name) => note(`again ${name}`),
  });
  const known = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) =>
      isEnginehouseError(error, 'TOOL_OUTCOME_UNKNOWN') ? 'unknown' : Promise.reject(error as Error),
    );
  const child = defineAgent({
    name: 'child',
    run: async ({ input, step }) => step('inner', () => note(`inner ${String(input)}`)),
  });
  const parent = defineAgent({
    name: 'parent',
    tools: { once, again },
    run: async ({
      step,
      tools,
      say,
      think,
      artifacts,
      agent,
    }: AgentContext<unknown, { once: typeof once; again: typeof again }>) => {
      await think('first');
      const results: unknown[] = [await step('one', () => note('one'))];
      await say('Hello, ');
      results.push(await known(tools.once('a')), await tools.again('b'));
      await artifacts.create('content', { title: 'file.txt' });
      results.push(await agent('child', 'alone'));
      results.push(
        ...(await Promise.all([
          agent('child', 'left'),
          known(tools.once('right')),
          step('beside', () => note('beside')),
        ])),
      );
      await say('goodbye.');
      results.push(await step('large', () => 'x'.repeat(40_000)).then((text) => text.length));
      return results;
    },
  });
  return [parent, child];
}

/** Starts the run in the store and loses the process once `count` events are durable, or the run has ended. */
async function loseAt(disk: Disk, count: number) {
  const [store, effects, seen] = [await disk.store(), [] as string[], [] as AgentEvent[]];
  await using first = await startOn(store, everything(effects));
  await first.factory.startRun(ada(), 'parent', null);
  for await (const batch of first.bridge.follow(ada(), runId('r1'), 0)) {
    seen.push(...batch);
    if (seen.length >= count) break;
  }
  const after = await disk.afterPowerCut(store);
  // What the lost process did by then; what it does now, nobody knows of.
  return { store: after, effects: [...effects], seen };
}

const ALL_EFFECTS = ['one', 'once a', 'again b', 'inner alone', 'inner left', 'once right', 'beside'];

test.concurrent(
  'lost at any durable point, a run ends once, with what was recorded, and no single effect twice',
  async () => {
    await using disk = await Disk.open();
    const whole = await loseAt(disk, Number.POSITIVE_INFINITY);
    expect(whole.effects.toSorted()).toEqual(ALL_EFFECTS.toSorted());
    expect(whole.seen.length).toBeGreaterThan(10);

    // A few at once, since each start waits for a thread.
    const check = async (at: number): Promise<void> => {
      const { store, effects } = await loseAt(disk, at);
      await using second = await startOn(store, everything(effects));
      const events = await ended(second);
      await checkFamily(second.store.for(ada()).log, runId('r1'));

      expect(events.at(-1)?.type).toBe('agent_completed');
      expect(events.filter(({ type }) => type === 'artifact_created')).toHaveLength(1);
      const said = events.flatMap(({ type, data }) => (type === 'message_delta' ? [data.delta] : []));
      expect(said.join('')).toBe('Hello, goodbye.');
      for (const effect of ALL_EFFECTS) {
        const times = effects.filter((each) => each === effect).length;
        if (effect.startsWith('once')) expect(times, `${effect}, lost at ${at}`).toBeLessThanOrEqual(1);
        else expect(times, `${effect}, lost at ${at}`).toBeGreaterThanOrEqual(1);
        expect(times).toBeLessThanOrEqual(2);
      }
    };
    const points = whole.seen.map((_event, at) => at + 1);
    for (let at = 0; at < points.length; at += 6) await Promise.all(points.slice(at, at + 6).map(check));
  },
);
