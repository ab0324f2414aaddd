/**
 * What came of one play of a scenario, as texts that are the same each time.
 *
 *   Y1. A run's text is its canonical timeline without what a takeover adds:
 *       later attempts, what they did again, places in the queue.
 *   Y2. Runs of one user have no order among them.
 */

import { inspect } from 'node:util';

import { isRecord } from '../../base/is-record.ts';
import type { EnginehouseClient, ListedRun } from '../../client/index.ts';
import type { AgentEvent } from '../../context/event.ts';
import { isFinal } from '../../context/run-status.ts';
import { canonicalTimeline } from '../timeline/canonical.ts';
import { brokenInvariants } from '../timeline/invariants.ts';
import { Names } from '../timeline/names.ts';
import type { TestUser } from '../test-user.ts';

/** A run of a user with those below it. */
export interface RunStory {
  readonly user: string;
  readonly agent: string;
  readonly text: string;
  /** Whether the outcome of a tool of it is unknown. */
  readonly unknown: boolean;
}

export interface Story {
  readonly runs: readonly RunStory[];
  /** What the scenario gave. */
  readonly answer: string;
  /** What must hold of every log, and does not hold of these. */
  readonly broken: readonly string[];
}

export interface StoryOptions {
  /** By the name that the scenario gave them. */
  readonly users: ReadonlyMap<string, TestUser>;
  readonly mask: readonly RegExp[];
}

interface ReadRun extends ListedRun {
  readonly events: readonly AgentEvent[];
}

/** Waits for the end of every run of the users. */
export async function untilEnded({ users }: StoryOptions): Promise<void> {
  for (const user of users.values()) {
    const client = await user.connect();
    try {
      await endsOf(client);
    } finally {
      await client.close();
    }
  }
}

/** A run may start others as long as it has not ended. */
async function endsOf(client: EnginehouseClient): Promise<void> {
  for (;;) {
    const open = (await listed(client)).filter(({ status }) => !isFinal(status));
    if (open.length === 0) return;
    await Promise.all(open.map(({ runId }) => client.run(runId).result));
  }
}

export async function readStory(answer: unknown, options: StoryOptions): Promise<Story> {
  const names = new Names();
  const runs: RunStory[] = [];
  const broken: string[] = [];
  for (const [name, user] of options.users) {
    names.know('user', user.id);
    const logs = await logsOf(user);
    for (const { runId, threadId, agent, events } of logs) {
      names.know('run', runId);
      names.know('thread', threadId);
      names.learn(events);
      broken.push(...brokenInvariants(events).map((what) => `${name}'s run of ${agent}: ${what}`));
    }
    runs.push(...rootsOf(logs, name, options.mask));
  }
  return { runs, answer: names.numbered(names.marked(shown(answer, options.mask))), broken };
}

async function logsOf(user: TestUser): Promise<readonly ReadRun[]> {
  const client = await user.connect();
  try {
    const logs: ReadRun[] = [];
    for (const run of await listed(client)) logs.push({ ...run, events: await eventsOf(client, run.runId) });
    return logs;
  } finally {
    await client.close();
  }
}

async function listed(client: EnginehouseClient): Promise<readonly ListedRun[]> {
  const all: ListedRun[] = [];
  let cursor: string | undefined;
  do {
    const { runs, next } = await client.runs({ cursor });
    all.push(...runs);
    cursor = next;
  } while (cursor !== undefined);
  return all;
}

async function eventsOf(client: EnginehouseClient, runId: string): Promise<readonly AgentEvent[]> {
  const all: AgentEvent[] = [];
  for (let after = 0; ;) {
    const { events, next, head } = await client.events(runId, after);
    all.push(...events);
    if (next >= head) return all;
    after = next;
  }
}

/** Y1 */
function rootsOf(logs: readonly ReadRun[], user: string, mask: readonly RegExp[]): readonly RunStory[] {
  const told = new Map(logs.map(({ runId, events }) => [runId, events.filter(({ type }) => type !== 'run_queued')]));
  const below = (runId: string): readonly string[] =>
    (told.get(runId) ?? []).flatMap(({ type, data }) =>
      type === 'subagent_started' ? [data.run, ...below(data.run)] : [],
    );
  return logs
    .filter(({ parentRunId }) => parentRunId === undefined)
    .map(({ runId, agent }) => {
      const family = [runId, ...below(runId)];
      const children = new Map(family.slice(1).map((id) => [id, told.get(id) ?? []]));
      const text = canonicalTimeline(told.get(runId) ?? [], { children, runId, attempts: false });
      const unknown = family.some((id) => told.get(id)?.some(isUnknown) === true);
      return { user, agent, text: masked(text, mask), unknown };
    });
}

function isUnknown({ type, data }: AgentEvent): boolean {
  return type === 'tool_completed' && data.outcome === 'unknown';
}

function shown(answer: unknown, mask: readonly RegExp[]): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(answer, withoutPlaces, 2);
  } catch {
    text = inspect(answer, { depth: 20, sorted: true });
  }
  return masked(text ?? 'undefined', mask);
}

/**
 * Where a run's log ends is another place after a takeover, and so is its checksum: a result of a client tells both. An
 * error has a ref of its own.
 */
function withoutPlaces(_key: string, value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { crc, seq: _seq, head: _head, epoch: _epoch, ...run } = value;
  if (typeof crc === 'string') return run;
  const { ref, ...error } = value;
  return typeof ref === 'string' && typeof value['code'] === 'string' ? error : value;
}

function masked(text: string, mask: readonly RegExp[]): string {
  return mask.reduce((rest, pattern) => rest.replaceAll(new RegExp(pattern, 'g'), '<masked>'), text);
}
