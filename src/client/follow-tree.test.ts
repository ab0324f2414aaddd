import { expect, test } from 'vitest';

import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import { TestClock } from '../testing/test-clock.ts';
import { followTree, type FollowRun } from './follow-tree.ts';

function log(...events: readonly Pick<AgentEvent, 'type' | 'data'>[]): readonly AgentEvent[] {
  // The vocabulary pairs types with data; a list of both is one of it.
  return events.map((event, at) => ({ seq: at + 1, at: 0, ...event }) as AgentEvent);
}

const accepted = (agent: string) => ({ type: 'run_accepted', data: { agent, version: '1' } }) as const;
const started = (run: string) =>
  ({ type: 'subagent_started', data: { run, agent: run, occurrence: 0, step: 0 } }) as const;
const completed = (run: string) =>
  ({
    type: 'subagent_completed',
    data: { run, agent: run, occurrence: 0, step: 0, alone: true, outcome: 'completed' },
  }) as const;
const ended = { type: 'agent_completed', data: { result: null } } as const;

const ROOT = log(accepted('root'), started('left'), started('right'), completed('right'), completed('left'), ended);
const LOGS: Readonly<Record<string, readonly AgentEvent[]>> = {
  root: ROOT,
  left: log(accepted('left'), started('deep'), completed('deep'), ended),
  right: log(accepted('right'), ended),
  deep: log(accepted('deep'), ended),
};

const follow: FollowRun = async function* (runId) {
  const events = LOGS[runId];
  if (events === undefined) throw notFound(runId);
  for (const event of events) {
    await Promise.resolve();
    yield event;
  }
};

function notFound(id: string): EnginehouseError {
  return new EnginehouseError('NOT_FOUND', `run ${id} does not exist`, { what: 'run', id });
}

async function seen(root: string, from: FollowRun, clock = new TestClock()): Promise<readonly string[]> {
  const shown: string[] = [];
  await followTree(root, from, ({ runId, event }) => shown.push(`${runId} ${event.seq} ${event.type}`), clock);
  return shown;
}

test('T1: every event of every run is shown once, each run in its order and between its start and its end', async () => {
  const shown = await seen('root', follow);

  for (const [run, events] of Object.entries(LOGS)) {
    expect(shown.filter((line) => line.startsWith(`${run} `))).toEqual(
      events.map(({ seq, type }) => `${run} ${seq} ${type}`),
    );
  }
  expect(shown.indexOf('left 1 run_accepted')).toBeGreaterThan(shown.indexOf('root 2 subagent_started'));
  expect(shown.indexOf('left 4 agent_completed')).toBeLessThan(shown.indexOf('root 5 subagent_completed'));
});

test("T2: the root's terminal event is the last of all, however slow a child is", async () => {
  const slowly: FollowRun = async function* (runId) {
    for await (const event of follow(runId)) {
      if (runId === 'deep') for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      yield event;
    }
  };

  expect((await seen('root', slowly)).at(-1)).toBe('root 6 agent_completed');
});

test('T3: a child that is announced and not there yet is looked for until it is', async () => {
  const clock = new TestClock();
  let looks = 0;
  const gate = Promise.withResolvers<void>();
  const late: FollowRun = async function* (runId) {
    if (runId === 'right' && (looks += 1) < 4) throw notFound(runId);
    if (runId === 'right') gate.resolve();
    for await (const event of follow(runId)) {
      if (event.type === 'subagent_completed' && event.data.run === 'right') await gate.promise;
      yield event;
    }
  };

  const shown = seen('root', late, clock);
  await clock.advance(1_000);

  expect((await shown).filter((line) => line.startsWith('right '))).toHaveLength(2);
  expect(looks).toBe(4);
});

test('T3: a child that was never accepted has no events, and its parent goes on', async () => {
  const without: FollowRun = async function* (runId) {
    if (runId === 'right') throw notFound(runId);
    yield* follow(runId);
  };

  expect((await seen('root', without)).filter((line) => line.startsWith('right '))).toEqual([]);
});

test('an unknown root is NOT_FOUND', async () => {
  await expect(seen('nobody', follow)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a child whose events do not come in time ends it with DEADLINE', async () => {
  const clock = new TestClock();
  const hanging: FollowRun = async function* (runId) {
    if (runId === 'right') await new Promise(() => undefined);
    yield* follow(runId);
  };

  const shown = expect(seen('root', hanging, clock)).rejects.toMatchObject({ code: 'DEADLINE' });
  await clock.advance(10_000);

  await shown;
});

test('what fails in the middle of a child fails the whole', async () => {
  const torn: FollowRun = async function* (runId) {
    for await (const event of follow(runId)) {
      if (runId === 'deep' && event.seq === 2) throw new EnginehouseError('CLOSED', 'closed', { what: 'client' });
      yield event;
    }
  };

  await expect(seen('root', torn)).rejects.toMatchObject({ code: 'CLOSED' });
});
