/** The clock of a test with a real runtime: real sockets, real requests, the real store. */

import { expect, test } from 'vitest';
import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { tool } from '../../src/tool/tool.ts';
import { ClockedHouse, patient } from '../support/clocked-house.ts';
import { sentEvents } from '../flow/http-house.ts';

/** Asks a tool that never answers, and says so when it is out of time. */
const asker = defineAgent({
  name: 'asker',
  tools: {
    hang: tool({
      description: 'Hangs.',
      inputSchema: z.null(),
      timeoutMs: 20_000,
      execute: (_input, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
        ),
    }),
  },
  run: async ({ think, tools, say }) => {
    await think('a moment');
    await tools.hang(null).catch(() => undefined);
    await say('nobody answered');
    return null;
  },
});

test('one advance right after a send is right, 200 times of 200', async () => {
  await using house = await ClockedHouse.open({ agents: [asker] });
  const client = await house.client();
  house.clock.take();

  const outcomes = new Map<string, number>();
  for (let time = 0; time < 200; time += 1) {
    const watched = house.watch(client.start('asker', null));
    await house.clock.advance('1m');
    const outcome = [...watched.seen, watched.status].join(', ');
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  const before = ['run_accepted', 'agent_started', 'agent_thinking', 'tool_executing'].map((type) => `${type} +0`);
  const after = ['tool_completed', 'message_delta', 'message_completed', 'agent_completed'];
  const right = [...before, ...after.map((type) => `${type} +20000`), 'completed'].join(', ');
  expect([...outcomes]).toEqual([[right, 200]]);
});

test('in 12,000 virtual seconds a quiet connection gets a heartbeat every 25, answers each ping, and stays', async () => {
  await using house = await ClockedHouse.open();
  const client = await house.client();
  house.clock.take();
  const openedAt = house.clock.now();
  const before = house.sockets.receivedCount;

  await house.clock.advance('3h20m');

  const beats = house.sockets.received.slice(before).map(({ text, at }) => [(JSON.parse(text) as { t: string }).t, at]);
  expect(beats).toHaveLength(480);
  expect(new Set(beats.map(([type]) => type))).toEqual(new Set(['hb']));
  const times = beats.map(([, at]) => Number(at));
  expect(new Set(times.slice(1).map((at, index) => at - (times[index] ?? 0)))).toEqual(new Set([25_000]));
  expect((times[0] ?? 0) - openedAt).toBeLessThanOrEqual(25_000);
  expect(client.state).toBe('open');
});

test('a run ends at its deadline, which a client hears of in the same advance', async () => {
  await using house = await ClockedHouse.open({ agents: [patient], limits: { runTimeoutMs: 300_000 } });
  const client = await house.client();
  house.clock.take();

  const watched = house.watch(client.start('patient', null));
  await house.clock.advance(299_999);
  const early = [...watched.seen];
  await house.clock.advance(1);

  expect(early).toEqual(['run_accepted +0', 'agent_started +0']);
  expect(watched).toEqual({ seen: [...early, 'agent_failed +300000'], status: 'failed' });
});

test('a connection is closed when its sign-in ends, and not before', async () => {
  await using house = await ClockedHouse.open();
  house.clock.take();
  // A token's times are whole seconds.
  await house.clock.advance(1_000 - (house.clock.now() % 1_000));
  const token = await house.token(90 * 60_000);
  const socket = house.sockets.openWebSocket(`${house.url.replace('http', 'ws')}/ws`, ['enginehouse.v1'], {
    Authorization: `Bearer ${token}`,
  });
  const closed: number[] = [];
  socket.addEventListener('open', () => socket.send(JSON.stringify({ t: 'hello', v: 1 })));
  socket.addEventListener('close', ({ code }) => closed.push(code));

  await house.clock.advance('89m59s');
  const early = [...closed];
  await house.clock.advance('1s');

  expect([early, closed]).toEqual([[], [4401]]);
});

test('a request that nobody awaits is answered before time moves', async () => {
  await using house = await ClockedHouse.open({ agents: [patient] });
  const headers = { Authorization: `Bearer ${await house.token()}`, 'Content-Type': 'application/json' };
  house.clock.take();
  const sentAt = house.clock.now();
  const answers: { readonly status: number; readonly at: number }[] = [];

  const body = JSON.stringify({ agent: 'patient', input: null, runId: 'r1' });
  const asked = fetch(`${house.url}/api/runs`, { method: 'POST', headers, body }).then(({ status }) =>
    answers.push({ status, at: house.clock.now() }),
  );
  await house.clock.advance('1m');

  expect(answers).toEqual([{ status: 202, at: sentAt }]);
  await asked;
});

test('an event stream that waits keeps nobody, and what it is sent arrives at its time', async () => {
  await using house = await ClockedHouse.open({ agents: [patient], limits: { runTimeoutMs: 60_000 } });
  const headers = { Authorization: `Bearer ${await house.token()}`, 'Content-Type': 'application/json' };
  house.clock.take();
  const sentAt = house.clock.now();
  const body = JSON.stringify({ agent: 'patient', input: null, runId: 'r1' });
  await fetch(`${house.url}/api/runs`, { method: 'POST', headers, body });
  const seen: [string, number][] = [];
  const read = (async () => {
    const stream = await fetch(`${house.url}/api/runs/r1/events`, {
      headers: { ...headers, Accept: 'text/event-stream' },
    });
    for await (const { event } of sentEvents(stream)) seen.push([event.type, house.clock.now() - sentAt]);
  })();

  await house.clock.advance('2m');

  expect(seen).toEqual([
    ['run_accepted', 0],
    ['agent_started', 0],
    ['agent_failed', 60_000],
  ]);
  await read;
});

test('two runtimes of one process each have a time of their own', async () => {
  await using one = await ClockedHouse.open({ agents: [asker] });
  await using two = await ClockedHouse.open({ agents: [asker] });
  const [first, second] = [await one.client(), await two.client()];
  one.clock.take();
  two.clock.take();
  const twoAt = two.clock.now();
  const twoFrames = two.sockets.receivedCount;

  const slow = two.watch(second.start('asker', null));
  const quick = one.watch(first.start('asker', null));
  await Promise.all([one.clock.advance('1h'), two.clock.advance('1s')]);

  expect([quick.status, slow.status]).toEqual(['completed', undefined]);
  expect(two.clock.now() - twoAt).toBe(1_000);
  expect(two.sockets.received.slice(twoFrames).filter(({ text }) => text.includes('"t":"hb"'))).toEqual([]);
});

test('a runtime closes on real time once its clock is released, and leaves no timer on it', async () => {
  const house = await ClockedHouse.open({ agents: [patient] });
  const client = await house.client();
  house.clock.take();
  house.watch(client.start('patient', null));
  await house.clock.advance('10s');
  expect(house.clock.timers().map(({ origin }) => origin)).toContainEqual(expect.stringContaining('run-attempt.ts'));

  await house[Symbol.asyncDispose]();

  expect(house.clock.timers()).toEqual([]);
});
