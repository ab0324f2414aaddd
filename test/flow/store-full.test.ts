import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { runId } from '../../src/context/ids.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { Disk, startOn } from '../support/disk.ts';
import { checkRunLog } from '../support/invariants.ts';
import { until } from '../support/until.ts';

const MEGABYTE = 1_048_576;
const LARGE = 'x'.repeat(30_000);

const context = (id: string): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: id });

/** Records as many steps of 30 KB as its input says, and counts how often each was done. */
function filler(done: Map<string, number>) {
  return defineAgent({
    name: 'filler',
    run: async ({ input, step, user }) => {
      for (let at = 0; at < Number(input); at += 1) {
        const key = `${user.runId} ${at}`;
        await step(`fill ${at}`, () => {
          done.set(key, (done.get(key) ?? 0) + 1);
          return LARGE;
        });
      }
      return input;
    },
  });
}

/** What is visible of a run while it is followed. */
function follow(
  runtime: EnginehouseRuntime,
  id: string,
): { readonly seen: AgentEvent[]; readonly over: Promise<void> } {
  const seen: AgentEvent[] = [];
  const read = async (): Promise<void> => {
    for await (const batch of runtime.bridge.follow(context(id), runId(id), 0)) seen.push(...batch);
  };
  return { seen, over: read() };
}

const isStalled = (runtime: EnginehouseRuntime): Promise<boolean> =>
  runtime.store
    .for(context('probe'))
    .artifacts.put(
      { artifactId: 'probe', runId: undefined, kind: 'file', title: 'probe', mediaType: 'text/plain', createdAt: 0 },
      [Buffer.alloc(40_000)],
      50_000,
    )
    .then(() => false)
    .catch((error: unknown) => isEnginehouseError(error, 'STORE_FULL'));

/** Waits until the store has taken all it can, and the run waits for room. */
async function untilFull(runtime: EnginehouseRuntime, seen: readonly AgentEvent[]): Promise<void> {
  let before = -1;
  let stalled = false;
  const look = async (): Promise<void> => {
    const now = seen.length;
    stalled = now === before && now > 3 && (await isStalled(runtime));
    before = now;
    if (!stalled) setTimeout(() => void look(), 50);
  };
  void look();
  await until('the store is full and the run waits', () => stalled);
}

test('a run on a full store waits, and goes on by itself when there is room', async () => {
  await using disk = await Disk.open();
  const done = new Map<string, number>();
  await using runtime = await startOn({ path: disk.folder() }, [filler(done)], { store: { maxBytes: MEGABYTE } });
  const { runs, log } = runtime.store.for(context('old'));
  await runtime.factory.startRun(context('old'), 'filler', 15);
  await follow(runtime, 'old').over;
  await runtime.factory.startRun(context('new'), 'filler', 25);
  const { seen, over } = follow(runtime, 'new');

  await untilFull(runtime, seen);
  const visible = [...seen];
  await runs.delete(runId('old'));
  await over;

  expect(seen.slice(0, visible.length)).toEqual(visible);
  expect(seen).toEqual(await log.read(runId('new'), 0, 100));
  checkRunLog(seen);
  expect(seen.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 25 } });
  expect(seen.filter(({ type }) => type === 'agent_started').length).toBeGreaterThanOrEqual(2);
  // Only the step whose record found no room was done again.
  const twice = [...done].filter(([, times]) => times > 1);
  expect(twice.length).toBeLessThanOrEqual(1);
});

test('a runtime that is closed while its store is full loses nothing that was visible, and a larger store ends the run', async () => {
  await using disk = await Disk.open();
  const [store, done] = [{ path: disk.folder() }, new Map<string, number>()];
  const first = await startOn(store, [filler(done)], { store: { maxBytes: MEGABYTE } });
  await first.factory.startRun(context('r1'), 'filler', 60);
  const { seen, over } = follow(first, 'r1');
  over.catch(() => undefined);
  await untilFull(first, seen);

  await expect(first.factory.startRun(context('r2'), 'filler', LARGE.repeat(5))).rejects.toMatchObject({
    code: 'STORE_FULL',
    retry: 'after',
  });
  await first.close();
  await using second = await startOn(store, [filler(done)], { store: { maxBytes: 8 * MEGABYTE } });
  const after = follow(second, 'r1');
  await after.over;

  expect(after.seen.slice(0, seen.length)).toEqual(seen);
  checkRunLog(after.seen);
  expect(after.seen.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: 60 } });
});
