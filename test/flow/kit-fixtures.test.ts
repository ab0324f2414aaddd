/** Every fixture of `enginehouse/testing/vitest`, as a user has it; models, faults, time and workers have files of their own. */

import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import { nextTurn } from '../../src/base/next-turn.ts';
import { getExecutionEngineFactory } from '../../src/startup/pointer.ts';
import { closeSharedRuntimes, TestHome } from '../../src/testing/index.ts';
import { afterAll, expect, getOrCreateWebSocketBridgeForTests, test } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { runVitest } from '../kit/run-vitest.ts';
import { echo, patient } from '../kit/projects/agents.ts';

/** Two tools at once, a child run, words and a number that is drawn. */
const clerk = defineAgent({
  name: 'clerk',
  inputSchema: z.object({ sku: z.string() }),
  tools: {
    stock: tool({
      description: 'Counts.',
      inputSchema: z.object({ sku: z.string() }),
      execute: ({ sku }) => sku.length,
    }),
    price: tool({ description: 'Asks.', inputSchema: z.object({ sku: z.string() }), execute: () => 250 }),
  },
  run: async ({ input, tools, say, agent }) => {
    const [left, cents] = await Promise.all([tools.stock(input), tools.price(input)]);
    await say(`There are ${left} left.`);
    return { left, cents, echo: await agent('echo', input.sku) };
  },
});

test.override('runtimeOptions', { config: { agents: [echo, patient, clerk] } });

afterAll(() => closeSharedRuntimes());

test('users(n) are as many people, each with a connection that is open', async ({ users, bridge }) => {
  const crowd = await users(20);

  expect(bridge.health().connections).toBe(20);
  expect(new Set(crowd.map(({ id }) => id)).size).toBe(20);
  const results = await Promise.all(
    crowd.map(async (user) => {
      const client = await user.client();
      expect(client.state).toBe('open');
      return client.start('echo', user.marked('mine')).result;
    }),
  );
  expect(results).toMatchObject(crowd.map((user) => ({ status: 'completed', result: user.marked('mine') })));
  const lists = await Promise.all(crowd.map(async (user) => (await user.client()).runs()));
  expect(lists.map(({ runs }) => runs.length)).toEqual(crowd.map(() => 1));
  await expect(users(2.5)).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { option: 'count' } });
});

const shared: { url: string | undefined; readonly ids: string[] } = { url: undefined, ids: [] };

test.for(['first', 'second', 'third'])(
  'the %s test on the shared runtime finds it as the others do, with users of its own',
  async (nth, { sharedRuntime, executionEngineFactorySession, alice, users }) => {
    const [carol] = await users(1);
    shared.url ??= sharedRuntime.address?.url;

    expect(sharedRuntime.address?.url).toBe(shared.url);
    expect(await alice.url()).toBe(shared.url);
    expect(await carol?.url()).toBe(shared.url);
    expect(sharedRuntime.factory).toBe(executionEngineFactorySession);
    expect(getExecutionEngineFactory()).toBe(executionEngineFactorySession);
    expect(await (await alice.client()).start('echo', nth).result).toMatchObject({ result: nth });
    expect((await (await alice.client()).runs()).runs).toHaveLength(1);
    expect(shared.ids).not.toContain(alice.id);
    shared.ids.push(alice.id);
    // The test before has left, and so have its users.
    expect(sharedRuntime.bridge.health().connections).toBe(2);
  },
);

test('a test may have both: its users live in the one of its own', async ({ sharedRuntime, alice, runtime }) => {
  expect(runtime.address?.url).not.toBe(sharedRuntime.address?.url);
  expect(await alice.url()).toBe(runtime.address?.url);
  await using engine = await sharedRuntime.factory.createForUser(alice.context());
  expect(await engine.executeAgent('echo', 'here').result).toMatchObject({ result: 'here' });
});

test('the bridge is that of the runtime, also for code that asks for it by itself', async ({
  bridge,
  runtime,
  alice,
}) => {
  expect(bridge).toBe(runtime.bridge);
  expect(await getOrCreateWebSocketBridgeForTests()).toBe(bridge);

  const context = alice.context();
  await using engine = await runtime.factory.createForUser(context);
  const run = engine.executeAgent('echo', 'followed');
  await run.accepted;
  const types: string[] = [];
  for await (const batch of bridge.follow(context, context.runId, 0)) {
    types.push(...batch.map(({ type }) => type));
    if (types.includes('agent_completed')) break;
  }

  expect((await run.result).status).toBe('completed');
  expect(types.filter((type) => type.startsWith('agent_') || type.startsWith('tool_'))).toEqual([
    'agent_started',
    'agent_thinking',
    'tool_executing',
    'tool_completed',
    'agent_completed',
  ]);
});

test('the timeline has the events of each run, a text for people, and one that is the same every time', async ({
  timeline,
  alice,
  bob,
  store,
}) => {
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);
  const first = hers.start('clerk', { sku: 'otter' });
  await first.result;
  const second = his.start('clerk', { sku: 'otter' });
  await second.result;

  const { runId } = alice.context({ runId: first.id });
  expect(await timeline.of(first)).toEqual(await store.for(alice.context()).log.read(runId, 0, 1_000));
  expect(await timeline.of(first)).toEqual(await Array.fromAsync(first));
  // Each with a child run.
  expect(timeline.runs).toHaveLength(4);
  expect(timeline.runs).toEqual(expect.arrayContaining([first.id, second.id]));
  expect(await timeline.text(first)).toMatch(/^ *1 {2}\+0 ms {2}run_accepted /);
  expect(await timeline.canonical(first)).toBe(await timeline.canonical(second.id));
  expect(await timeline.canonical(first)).not.toContain(first.id);
  expect(await timeline.of('no such run')).toEqual([]);
});

test('the seed draws the same for who names it, and a failure prints it', async ({ seed, chaos }) => {
  expect(seed.text).toMatch(/^ENGINEHOUSE_SEED=[\w.-]+$/);
  expect(chaos.seed).toBe(seed);

  const failed = await runVitest('seed');
  const said = /replay it with ENGINEHOUSE_SEED=([\w.-]+)/.exec(failed.output)?.[1];
  const again = await runVitest('seed', { env: { ENGINEHOUSE_SEED: String(said) } });

  expect(failed.exitCode).toBe(1);
  const drawn = (text: string): string | undefined => /it drew (\S+) and was not lucky/.exec(text)?.[1];
  expect(drawn(failed.output)).toMatch(/^0\.\d+,[0-9a-f]{16}$/);
  expect(drawn(again.output)).toBe(drawn(failed.output));
  expect(again.output).toContain(`replay it with ENGINEHOUSE_SEED=${said}`);
  // The test that passed has nothing to say.
  expect(failed.output.match(/replay it with/g)).toHaveLength(1);
});

test('work that the kit cannot see is told to it: time waits for it, and who is busy is named', async ({
  activity,
  clock,
}) => {
  const mail = Promise.withResolvers<string>();
  const sending = activity.track('the mail', mail.promise);
  const startedAt = clock.now();

  const busy: unknown = await activity.idle({ timeoutMs: 20 }).catch((error: unknown) => error);
  const moving = clock.advance('1m');
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
  expect(clock.now()).toBe(startedAt);
  mail.resolve('sent');
  await moving;

  expect(isEnginehouseError(busy, 'DEADLINE') && busy.message).toContain('under way: the mail: 1');
  expect(await sending).toBe('sent');
  expect(clock.now()).toBe(startedAt + 60_000);
  await activity.idle();
});

const closed: string[] = [];

test("a test's own parts close last opened first, while its runtime still works", async ({
  testScope,
  executionEngineFactory: factory,
  alice,
}) => {
  const engine = testScope.own('the engine', await factory.createForUser(alice.context()));
  testScope.defer('the last word', async () => {
    closed.push(`after ${(await engine.executeAgent('echo', 'the queue').result).status}`);
  });
  testScope.defer('the queue', () => void closed.push('the queue'));
  expect(closed).toEqual([]);
});

test('and they are closed when the next test runs', () => {
  expect(closed).toEqual(['the queue', 'after completed']);
});

test('what a test asks for first while it ends is refused: nobody would end it', async () => {
  const home = new TestHome({ config: { agents: [echo] } }, 'the late one');
  const alice = home.user('alice');
  home.scope.defer('a part that connects', async () => void (await alice.client()));

  const message = 'runtime is asked for after its test "the late one" has ended (its body ran on)';
  await expect(home.close()).rejects.toMatchObject({ code: 'AFTER_TEST', message });
});

test('an agent that shares memory between users is found, and both are named', async () => {
  const run = await runVitest('marks');

  expect(run.exitCode).toBe(1);
  const ends = Object.fromEntries([...run.tests].map(([name, { status }]) => [name, status]));
  expect(ends).toEqual({
    'two users of an agent that remembers for all': 'failed',
    'a user who is told what a user of the test before said': 'failed',
    'a model that is asked with the words of another user': 'failed',
    'a user who shares on purpose': 'passed',
    'two users of an agent that remembers nothing': 'passed',
  });
  const told = (name: string): string => run.tests.get(name)?.errors ?? '';
  const [alice, bob] = ['alice-[0-9a-f]{32}', 'bob-[0-9a-f]{32}'];
  const atOnce = told('two users of an agent that remembers for all');
  expect(atOnce).toMatch(/^Error: ISOLATION_BROKEN: /);
  expect(atOnce).toMatch(/^ +cure: /m);
  for (const where of ['frame', 'row'])
    expect(atOnce).toMatch(
      new RegExp(`the id of ${alice} \\(test "two users .*"\\) was seen in a ${where} of ${bob} at `),
    );
  expect(told('a user who is told what a user of the test before said')).toMatch(
    new RegExp(`the id of ${alice} \\(test "two users of .*"\\) was seen in a \\w+ of carol-`),
  );
  expect(told('a model that is asked with the words of another user')).toMatch(
    new RegExp(`the id of ${alice} .* was seen in a model request of ${bob}`),
  );
});
