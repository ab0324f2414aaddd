/** The fixture `clock`: a runtime's time, moved, with real sockets and a real store. */

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { AgentEvent, ClientRun, EnginehouseClient } from '../../src/client/index.ts';
import { expect, test as kit } from '../../src/testing/vitest/index.ts';
import { echo, patient } from '../kit/projects/agents.ts';

/** Works for a while without a pause. */
const busy = defineAgent({
  name: 'busy',
  run: async ({ step }) => {
    for (let nth = 1; nth <= 40; nth += 1) await step(`step ${nth}`, () => nth);
    return 'done';
  },
});

const MINUTE_MS = 60_000;

const test = kit.override('runtimeOptions', {
  config: { agents: [echo, patient, busy] },
  limits: { runTimeoutMs: 5 * MINUTE_MS },
});

/** What a client was told of a run by now, and when, from when it was asked for. Nothing is awaited. */
function watch(run: ClientRun, sentAt: number): { readonly seen: string[] } {
  const watched = { seen: [] as string[] };
  const look = async (): Promise<void> => {
    for await (const { type, at } of run as AsyncIterable<AgentEvent>) watched.seen.push(`${type} +${at - sentAt}`);
    watched.seen.push((await run.result).status);
  };
  look().catch((error: unknown) => watched.seen.push(String(error)));
  return watched;
}

function heartbeats(received: readonly string[]): number {
  return received.filter((text) => (JSON.parse(text) as { t: string }).t === 'hb').length;
}

test('a run ends at its deadline, which its client hears of in the same move', async ({ clock, alice }) => {
  const client = await alice.connected();
  const { seen } = watch(client.start('patient', null), clock.now());

  await clock.advance('4m59s');
  expect(seen).toEqual(['run_accepted +0', 'agent_started +0']);
  await clock.advance('30m');

  expect(seen.slice(2)).toEqual(['agent_failed +300000', 'failed']);
});

test('200 times of 200, a run that was just sent is done before time moves, and each at its own time', async ({
  clock,
  alice,
}) => {
  const client = await alice.connected();

  const outcomes = new Map<string, number>();
  for (let nth = 0; nth < 200; nth += 1) {
    const { seen } = watch(client.start(nth % 4 === 0 ? 'patient' : 'echo', nth), clock.now());
    await clock.advance('6m');
    outcomes.set(seen.join(', '), (outcomes.get(seen.join(', ')) ?? 0) + 1);
  }

  const began = ['run_accepted +0', 'agent_started +0'];
  const echoed = ['agent_thinking +0', 'tool_executing +0', 'tool_completed +0', 'agent_completed +0', 'completed'];
  expect(Object.fromEntries(outcomes)).toEqual({
    [[...began, ...echoed].join(', ')]: 150,
    [[...began, 'agent_failed +300000', 'failed'].join(', ')]: 50,
  });
});

test('a run that nobody watches is no less under way: time waits for each of its steps', async ({
  clock,
  timeline,
  executionEngineFactory: factory,
  alice,
}) => {
  await using engine = await factory.createForUser(alice.context());
  const sentAt = clock.now();
  const run = engine.executeAgent('busy', null);

  await clock.advance('30m');

  const events = await timeline.of(run);
  expect(events.at(-1)?.type).toBe('agent_completed');
  expect(new Set(events.map(({ at }) => at - sentAt))).toEqual(new Set([0]));
  expect(await run.result).toMatchObject({ status: 'completed', result: 'done' });
});

test('in three hours a connection gets its heartbeats, renews its sign-in each hour, and loses nothing', async ({
  clock,
  alice,
  bridge,
}) => {
  const client = await alice.connected();
  const states: string[] = [];
  client.onState((state) => states.push(`${state} after ${Math.round((clock.now() - startedAt) / MINUTE_MS)} min`));
  const startedAt = clock.now();
  const before = heartbeats(alice.received);

  await clock.advance('3h10m');

  // A token lasts an hour, and is made anew by who connects again.
  const renewals = [60, 120, 180].flatMap((min) => [`reconnecting after ${min} min`, `open after ${min} min`]);
  expect(states).toEqual(renewals);
  // Every 25 s, but for what renewing shifts.
  const beats = heartbeats(alice.received) - before;
  expect(Math.abs(beats - (190 * 60) / 25)).toBeLessThanOrEqual(6);
  expect(bridge.health().connections).toBe(1);
  expect(await client.start('echo', 'still here').result).toMatchObject({ result: 'still here' });
});

test('what is asked by HTTP is answered before time moves', async ({ clock, alice }) => {
  const client = await alice.connected();
  const startedAt = clock.now();
  const answers: [status: number, at: number][] = [];
  const ask = async (): Promise<void> => {
    const { status } = await alice.fetch('/api/runs');
    answers.push([status, clock.now() - startedAt]);
  };
  const list = async (): Promise<void> => {
    const { runs } = await client.runs();
    answers.push([runs.length, clock.now() - startedAt]);
  };

  const asked = [...Array.from({ length: 10 }, ask), ...Array.from({ length: 10 }, list)];
  await clock.advance('30m');

  expect(answers).toHaveLength(20);
  expect(answers).toEqual(
    expect.arrayContaining([
      [200, 0],
      [0, 0],
    ]),
  );
  expect(answers.filter(([, at]) => at !== 0)).toEqual([]);
  await Promise.all(asked);
});

test.describe.concurrent('each test has a time of its own', () => {
  for (const minutes of [1, 10, 100]) {
    test(`${minutes} min`, async ({ clock, alice, bob }) => {
      const startedAt = clock.now();
      const clients: readonly EnginehouseClient[] = await Promise.all([alice.connected(), bob.connected()]);
      const watched = clients.map((client) => watch(client.start('patient', null), startedAt));

      await clock.advance(`${minutes}m`);

      expect(clock.now() - startedAt).toBe(minutes * MINUTE_MS);
      const ends = minutes < 5 ? [] : ['agent_failed +300000', 'failed'];
      for (const { seen } of watched) expect(seen).toEqual(['run_accepted +0', 'agent_started +0', ...ends]);
    });
  }
});

test('a clock that is left standing in the middle of a run ends with its test', async ({ clock, alice }) => {
  const { seen } = watch((await alice.connected()).start('patient', null), clock.now());
  await clock.advance('10s');
  expect(seen).toHaveLength(2);
  expect(clock.taken).toBe(true);
});
