/**
 * The store fails under users who go on working: whatever call it is, what a
 * user is told has a code, what a user starts again goes on, every run that was
 * accepted ends exactly once, and nothing that it said is lost.
 */

import { expect, test } from 'vitest';
import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import type { AgentEvent, EventType } from '../../src/context/event.ts';
import { faultPlan } from '../../src/testing/fault-plan.ts';
import { Seed } from '../../src/testing/seed.ts';
import type { StoreOperation } from '../../src/testing/tap/store-call.ts';
import type { StoreFaults } from '../../src/testing/tap/store-faults.ts';
import type { StoreTap } from '../../src/testing/tap/store-tap.ts';
import { TestRuntime } from '../../src/testing/test-runtime.ts';
import type { TestUser } from '../../src/testing/test-user.ts';
import { tool } from '../../src/tool/tool.ts';
import { fastClock } from '../support/fast-clock.ts';
import { checkRunLog } from '../support/invariants.ts';

const helper = defineAgent({
  name: 'helper',
  run: async ({ say }) => {
    await say('helping');
    return 'helped';
  },
});

/** Everything that a run does with the store: events, a large input, an artifact, a child run. */
const worker = defineAgent({
  name: 'worker',
  inputSchema: z.object({ text: z.string() }),
  tools: {
    count: tool({ description: 'Counts.', inputSchema: z.string(), idempotent: true, execute: (text) => text.length }),
  },
  run: async ({ input, tools, step, say, artifacts, agent }) => {
    await step('begin', () => 'begun');
    await say('Hello');
    const length = await tools.count(input.text);
    await artifacts.create(input.text, { title: 'text.txt' });
    return { length, help: await agent('helper', null) };
  },
});

const text = 'otter '.repeat(8_000);

/** A fiftieth of it by the clock on the wall. */
const LIMITS = { readinessTimeoutMs: 250_000, helloTimeoutMs: 250_000, drainTimeoutMs: 50_000, cancelGraceMs: 20_000 };

/** What a user saw of a run, and what the user was refused on the way. */
interface Story {
  readonly told: readonly unknown[];
  readonly events: readonly AgentEvent[];
  readonly status: string;
}

/** Starts a run and looks at it in every way there is, and tries again whatever is refused. */
async function work(user: TestUser): Promise<Story> {
  const client = await user.client();
  const told: unknown[] = [];
  const insist = async <T>(action: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        told.push(error);
        if (told.length > 60) throw error;
      }
    }
  };
  const options = { runId: `run of ${user.id}`, threadId: 'thread' };
  const { status } = await insist(() => client.start('worker', { text }, options).result);
  const events = await insist(() => Array.fromAsync(client.run(options.runId)));
  await insist(() => client.run(options.runId).cancel('too late'));
  const { runs } = await insist(() => client.runs());
  expect(runs.map(({ runId }) => runId)).toContain(options.runId);
  const page = await insist(() => client.events(options.runId));
  expect(page.events).toEqual(events);
  for (const event of events) {
    if (event.type !== 'artifact_created') continue;
    expect(await insist(async () => (await client.artifact(event.data.artifact)).text())).toBe(text);
  }
  return { told, events, status };
}

class House implements AsyncDisposable {
  readonly home: TestRuntime;
  readonly tap: StoreTap;
  readonly faults: StoreFaults;

  private constructor(home: TestRuntime) {
    this.home = home;
    this.tap = home.watch.store;
    this.tap.forget();
    this.faults = this.tap.createFaults();
  }

  static async open(): Promise<House> {
    const config = { agents: [worker, helper] };
    return new House(await TestRuntime.boot({ config, limits: LIMITS, seams: { clock: fastClock } }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults[Symbol.dispose]();
    await this.home.close();
  }
}

/** A download that breaks off under way is a connection that does. */
const TOLD = ['STORE_FAILED', 'DISCONNECTED'];

/** What holds whatever failed, once everybody has what they wanted. */
async function checkHouse({ home, tap }: House, stories: readonly Story[]): Promise<void> {
  const { store } = home.runtime;
  const kept = await Promise.all(tap.runs().map(({ owner, runId }) => store.for(owner).log.read(runId, 0, 1_000)));
  for (const events of kept) checkRunLog(events);
  for (const { told, events, status } of stories) {
    const end = events.at(-1);
    expect(told.filter((error) => !isEnginehouseError(error) || !TOLD.includes(error.code))).toEqual([]);
    expect(kept).toContainEqual(events);
    expect(end?.type).toBe(`agent_${status}`);
    if (end?.type === 'agent_failed') expect(end.data.error.code).toBe('STORE_FAILED');
    if (end?.type === 'agent_completed') expect(end.data.result).toEqual({ length: text.length, help: 'helped' });
  }
  expect(await store.unfinished()).toEqual([]);
  expect(tap.busy()).toBe(0);
}

interface Kind {
  readonly operation: StoreOperation;
  readonly nth?: number;
  readonly types?: readonly EventType[];
  readonly after?: 'durable';
}

const READS = ['read', 'head', 'get', 'list', 'pending', 'artifacts.get', 'artifacts.read'] as const;
const WRITES = ['append', 'accept', 'put', 'applied', 'artifacts.put'] as const;
const bothWays = (kind: Kind): readonly Kind[] => [kind, { ...kind, after: 'durable' }];
const KINDS: readonly Kind[] = [
  ...READS.map((operation) => ({ operation })),
  ...WRITES.flatMap((operation) => bothWays({ operation })),
];

test.for([
  ...KINDS,
  // Of the child run, of the agent's own artifact, and of what the parent writes of its child.
  ...bothWays({ operation: 'accept', nth: 2 }),
  ...bothWays({ operation: 'artifacts.put', nth: 2 }),
  ...bothWays({ operation: 'append', types: ['subagent_started'] }),
  ...bothWays({ operation: 'append', types: ['subagent_completed'] }),
])('a user gets to the end whatever the store fails at: %o', async ({ operation, ...options }) => {
  await using house = await House.open();
  const fault = house.faults.fail(operation, options);

  const story = await work(house.home.user('ada'));

  expect(fault.strikes).toBe(1);
  await checkHouse(house, [story]);
});

test('a run that was accepted unheard is taken up at once, and not only by the next start', async () => {
  await using house = await House.open();
  const client = await house.home.user('ada').client();
  house.faults.fail('accept', { after: 'durable' });
  house.faults.fail('get');

  await expect(client.start('helper', null, { runId: 'r1' }).result).rejects.toMatchObject({ code: 'STORE_FAILED' });

  expect(await client.run('r1').result).toMatchObject({ status: 'completed', result: 'helped' });
  expect(house.faults.unstruck()).toEqual([]);
});

test('a run that was accepted unheard is cancelled with its engine', async () => {
  await using house = await House.open();
  const context = house.home.user('ada').context();
  house.faults.fail('accept', { after: 'durable' });

  await house.home.runtime.factory.userExecutionScope(context, async (engine) => {
    await expect(engine.executeAgent('helper', null).accepted).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  const events = await house.home.runtime.store.for(context).log.read(context.runId, 0, 10);
  checkRunLog(events);
  expect(events.at(-1)).toMatchObject({ type: 'agent_cancelled', data: { reason: 'engine_disposed' } });
});

test('a factory that closes while the store does not say what it holds leaves that to the next start', async () => {
  const house = await House.open();
  const { factory } = house.home.runtime;
  house.faults.fail('accept', { after: 'durable' });
  house.faults.fail('get', { times: Infinity });
  await expect(factory.startRun(house.home.user('ada').context(), 'helper', null)).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });

  await factory.close();

  expect(await house.home.runtime.store.unfinished()).toHaveLength(1);
  await house[Symbol.asyncDispose]();
});

test.for(['otter', 'heron', 'badger'])(
  'users at once get to their ends on a store that fails here and there (%s)',
  async (name) => {
    await using house = await House.open();
    const plan = faultPlan(Seed.of(name), { faults: KINDS, count: 20, points: 40 });
    for (const { kind, at } of plan) house.faults.fail(kind.operation, { ...kind, nth: Math.ceil(at / 4) });

    const stories = await Promise.all(['ada', 'bob', 'cy'].map((user) => work(house.home.user(user))));

    await checkHouse(house, stories);
  },
);
