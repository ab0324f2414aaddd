/** What a test lets go wrong in real parts: connections and the store. A killed process is in kit-worker.test.ts. */

import { basename, join } from 'node:path';

import { defineAgent } from '../../src/agent/define-agent.ts';
import type { ClientRun, ClientState, EnginehouseClient } from '../../src/client/index.ts';
import type { TestTimeline } from '../../src/testing/index.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';
import { echo } from '../kit/projects/agents.ts';
import { runVitest } from '../kit/run-vitest.ts';
import { lineOf } from '../support/audit-house.ts';

const counter = defineAgent({
  name: 'counter',
  run: async ({ step }) => {
    for (let nth = 1; nth <= 30; nth += 1) await step(`step ${nth}`, () => nth);
    return 'counted';
  },
});

/** More than fits into one window. */
const speaker = defineAgent({
  name: 'speaker',
  run: async ({ step }) => {
    for (let nth = 1; nth <= 50; nth += 1) await step(`step ${nth}`, () => `${nth}`.padEnd(4_000, '.'));
    return 'spoken';
  },
});

test.override('runtimeOptions', {
  config: { agents: [echo, counter, speaker] },
  limits: { coalesceMs: 0, windowBytes: 16_384 },
});

/** What becomes of a connection that is open. */
function statesOf(client: EnginehouseClient): readonly ClientState[] {
  const states: ClientState[] = [];
  client.onState((state) => states.push(state));
  return states;
}

/** The client was shown exactly what the log holds, and knows it. */
async function expectProven(run: ClientRun, timeline: TestTimeline, result: string): Promise<void> {
  expect(await run.result).toMatchObject({ status: 'completed', result });
  expect(await Array.fromAsync(run)).toEqual(await timeline.of(run));
  expect(run.proof).toMatchObject({ n: (await timeline.of(run)).length, verified: true });
}

test('cut after a frame, a connection comes back, its client has exactly the log, and nobody else is cut', async ({
  chaos,
  alice,
  bob,
  timeline,
}) => {
  const [hers, his] = await Promise.all([alice.connected(), bob.connected()]);
  const [states, others] = [statesOf(hers), statesOf(his)];
  const before = alice.received.length;
  const cut = chaos.socket(alice).cut({ afterFrame: 3 });

  const [run, other] = [hers.start('counter', null), his.start('counter', null)];
  await cut;
  expect(alice.received.length - before).toBe(3);

  await expectProven(run, timeline, 'counted');
  await expectProven(other, timeline, 'counted');
  expect(states).toEqual(['reconnecting', 'open']);
  expect(others).toEqual([]);
});

test('cut at moments that are drawn, ten clients each have exactly the log', async ({ chaos, users, timeline }) => {
  const crowd = await users(10);
  const runs = await Promise.all(
    crowd.map(async (user) => {
      const cut = chaos.socket(user).cut({ afterFrame: 1 + chaos.seed.int(25) });
      const run = (await user.client()).start('counter', null);
      await cut;
      return run;
    }),
  );

  for (const run of runs) await expectProven(run, timeline, 'counted');
});

test('half open, nobody is told; the client asks after two silent heartbeats, and comes back', async ({
  chaos,
  clock,
  alice,
  timeline,
}) => {
  const client = await alice.connected();
  const states = statesOf(client);
  const run = client.start('counter', null);
  await chaos.socket(alice).halfOpen({ afterFrame: 3 });

  await clock.advance('54s');
  expect(states).toEqual([]);
  await clock.advance('10s');

  expect(states).toEqual(['reconnecting', 'open']);
  await expectProven(run, timeline, 'counted');
});

test('slow, a client is sent no more than it takes; healed, it has all of it in order', async ({
  chaos,
  clock,
  alice,
  timeline,
}) => {
  const client = await alice.connected();
  const states = statesOf(client);
  chaos.socket(alice).slow({ bytesPerSecond: 2_000 });
  const bytes = (): number => alice.received.reduce((sum, text) => sum + text.length, 0);
  const run = client.start('speaker', null);
  await clock.advance('1s');
  const before = bytes();

  await clock.advance('20s');
  const [received, log] = [bytes() - before, await timeline.text(run)];

  // 20 s of 2,000 bytes, give or take what a frame is.
  expect(received).toBeGreaterThan(30_000);
  expect(received).toBeLessThan(45_000);
  expect(log).toContain('agent_completed');
  await chaos.socket(alice).heal();
  await expectProven(run, timeline, 'spoken');
  expect(states).toEqual([]);
});

test('refused, connections and requests of one user fail, until it is healed', async ({
  chaos,
  alice,
  bob,
  timeline,
}) => {
  const [hers, his] = await Promise.all([alice.connected(), bob.connected()]);
  const states = statesOf(hers);
  chaos.socket(alice).refuse();
  await chaos.socket(alice).cut();
  const run = hers.start('counter', null);

  await expect(alice.fetch('/api/runs')).rejects.toThrow('fetch failed');
  await expect(hers.runs()).rejects.toThrow();
  expect((await his.runs()).runs).toEqual([]);
  expect(states).toEqual(['reconnecting']);
  await chaos.socket(alice).heal();

  await expectProven(run, timeline, 'counted');
  expect(states).toEqual(['reconnecting', 'open']);
  expect((await hers.runs()).runs).toHaveLength(1);
});

for (const after of [undefined, 'durable'] as const) {
  const when = after === undefined ? 'before it wrote' : 'once it has written';

  test(`a store that fails ${when} makes the run go on, and a client has exactly the log`, async ({
    chaos,
    runtime,
    alice,
    bob,
    timeline,
  }) => {
    expect(runtime.recoveredRuns).toBe(0);
    const fault = chaos.store.fail('append', { nth: 4, owner: alice, after });
    const [hers, his] = await Promise.all([alice.client(), bob.client()]);

    const [run, other] = [hers.start('counter', null), his.start('counter', null)];

    await fault.struck;
    await expectProven(run, timeline, 'counted');
    await expectProven(other, timeline, 'counted');
    const starts = async (of: ClientRun) =>
      (await timeline.of(of)).filter(({ type }) => type === 'agent_started').length;
    expect([await starts(run), await starts(other)]).toEqual([2, 1]);
    expect(fault.strikes).toBe(1);
  });
}

test('a write that is held holds its run, and nobody else', async ({ chaos, runtime, alice, bob, timeline }) => {
  expect(runtime.closed).toBe(false);
  const hold = chaos.store.hold('append', { types: ['agent_completed'], owner: alice });
  const [hers, his] = await Promise.all([alice.client(), bob.client()]);
  const run = hers.start('echo', 'hers');

  await hold.reached;
  const status = (await hers.getRun(run.id)).status;
  const other = await his.start('echo', 'his').result;
  hold.release();

  expect([status, other.status]).toEqual(['running', 'completed']);
  await expectProven(run, timeline, 'hers');
});

test('faults that are there when a test ends are let go, so that it ends in order', async ({
  chaos,
  runtime,
  alice,
  users,
}) => {
  const [slow, dead, refused] = await users(3);
  if (slow === undefined || dead === undefined || refused === undefined) throw new Error('there are three');
  const hold = chaos.store.hold('append', { types: ['agent_completed'], owner: alice });
  const held = (await alice.client()).start('echo', 'held');
  await hold.reached;
  chaos.socket(slow).slow({ bytesPerSecond: 1 });
  await chaos.socket(dead).halfOpen();
  chaos.socket(refused).refuse();

  (await slow.client()).start('speaker', null);

  expect((await (await alice.client()).getRun(held.id)).status).toBe('running');
  expect(runtime.bridge.health().connections).toBe(4);
});

test('faults need something to act on', async ({ chaos, alice }) => {
  const misused = expect.objectContaining({ code: 'TEST_KIT_MISUSED' }) as unknown;

  expect(() => chaos.store).toThrow(misused);
  expect(() => chaos.kill('worker')).toThrow(misused);
  await expect(chaos.socket(alice).cut()).rejects.toMatchObject({ code: 'FAULT_NOT_STRUCK' });
});

test('a fault that never strikes fails its test at the line that said it', async () => {
  const run = await runVitest('faults');
  const errorsOf = (name: string): string => run.tests.get(name)?.errors ?? 'there is no such test';

  expect(run.exitCode).toBe(1);
  const project = join(import.meta.dirname, '../kit/projects/faults/faults.test.ts');
  const at = (mark: string): string => `${basename(lineOf(project, mark))}:`;
  const store = errorsOf('a store that was to fail');
  expect(store).toMatch(
    /^Error: FAULT_NOT_STRUCK: the fault at append of agent_failed number 1 never struck: there were 0 such calls\n +cure: /,
  );
  expect(/^ +at .*$/m.exec(store)?.[0]).toContain(at('never fails'));
  expect(errorsOf('a store that was to fail three times')).toContain('struck 1 of 3 times');
  const socket = errorsOf('a connection that was to be cut');
  expect(socket).toMatch(/FAULT_NOT_STRUCK: cut after frame 900 of alice-[0-9a-f]{32} did not happen before the end/);
  expect(socket).toContain(at('never cut'));
  expect(run.tests.get('a store that fails')?.status).toBe('passed');
});
