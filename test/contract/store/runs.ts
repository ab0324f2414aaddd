import { expect, test } from 'vitest';

import { runId, threadId } from '../../../src/context/ids.ts';
import {
  ada,
  accept,
  adaElsewhere,
  again,
  ALL,
  AT,
  bob,
  completed,
  contentOf,
  crcOf,
  delta,
  event,
  newArtifact,
  newCommand,
  newRun,
  runWith,
  type OpenStore,
} from './samples.ts';

export function runsContract(open: OpenStore): void {
  test('accepting commits the run, its thread, its first event and a lease', async () => {
    const opened = await open();
    await using store = opened.store;
    const { holder: _, accepted, ...facts } = newRun('r1', { parentRunId: runId('r0'), origin: 'agent' });

    const answer = await store.for(ada).runs.accept({ ...facts, holder: 'node-1', accepted });

    const expected = {
      ...facts,
      head: 1,
      epoch: expect.any(String),
      crc: crcOf(await store.for(ada).log.read(runId('r1'), 0, ALL)),
      status: 'queued',
      generation: 1,
      acceptedAt: AT,
      endedAt: undefined,
    };
    expect(answer).toEqual({ created: true, run: expected });
    await using later = await again(opened);
    expect(await later.for(ada).runs.get(runId('r1'))).toEqual(answer.run);
    expect(await later.for(ada).threads.get(threadId('t1'))).toEqual({ threadId: 't1', createdAt: AT, updatedAt: AT });
  });

  test('a run id that is known gives the first run back, untouched', async () => {
    await using store = (await open()).store;
    const { runs, log } = store.for(ada);
    const first = await runWith(store.for(ada), 'r1', ['a']);

    const second = await runs.accept(
      newRun('r1', { agent: 'other', inputDigest: 'digest-2', threadId: threadId('t2'), at: AT + 5 }),
    );

    expect(second).toEqual({ created: false, run: first });
    expect(await log.head(runId('r1'))).toMatchObject({ head: 2 });
    expect(await store.for(ada).threads.get(threadId('t2'))).toBeUndefined();
  });

  test('of two starts made at once, one creates the run', async () => {
    await using store = (await open()).store;

    const answers = await Promise.all([newRun('r1'), newRun('r1')].map((run) => store.for(ada).runs.accept(run)));

    expect(answers.map(({ created }) => created)).toEqual([true, false]);
    expect(answers[1]?.run).toEqual(answers[0]?.run);
  });

  test('each log has an epoch of its own, also after its id was used before', async () => {
    await using store = (await open()).store;
    const { runs } = store.for(ada);
    const [one, two] = [await accept(store.for(ada), 'r1'), await accept(store.for(ada), 'r2')];

    await runs.delete(one.runId);
    const again1 = await accept(store.for(ada), 'r1');

    expect(new Set([one.epoch, two.epoch, again1.epoch]).size).toBe(3);
  });

  test('the terminal event gives the time of the end', async () => {
    await using store = (await open()).store;

    const run = await runWith(store.for(ada), 'r1', ['a'], true);

    expect(run).toMatchObject({ status: 'completed', acceptedAt: AT, endedAt: completed.at, head: 3 });
  });

  test('an unknown run is absent', async () => {
    await using store = (await open()).store;

    expect(await store.for(ada).runs.get(runId('nobody'))).toBeUndefined();
    expect(await store.for(ada).runs.delete(runId('nobody'))).toBe(false);
  });

  test('lists page by page, newest first, each run once', async () => {
    await using store = (await open()).store;
    const { runs } = store.for(ada);
    for (const [index, at] of [3, 1, 2, 2, 2, 5].entries()) await accept(store.for(ada), `r${index}`, { at: AT + at });

    const pages: string[][] = [];
    let before: { acceptedAt: number; runId: string } | undefined;
    do {
      const page = await runs.list({ limit: 2, before });
      pages.push(page.map(({ runId: id }) => id));
      before = page.at(-1);
    } while (before !== undefined);

    expect(pages).toEqual([['r5', 'r0'], ['r4', 'r3'], ['r2', 'r1'], []]);
    expect(await runs.list({ limit: 0 })).toEqual([]);
    expect(await runs.list({ limit: -1 })).toEqual([]);
  });

  test('lists by thread, parent and status', async () => {
    await using store = (await open()).store;
    const { runs } = store.for(ada);
    await accept(store.for(ada), 'r1', { threadId: threadId('t1'), at: AT + 1 });
    await accept(store.for(ada), 'r2', { threadId: threadId('t2'), at: AT + 2 });
    await accept(store.for(ada), 'c1', {
      threadId: threadId('t1'),
      parentRunId: runId('r1'),
      origin: 'agent',
      at: AT + 3,
    });
    await runs.accept(
      newRun('c2', { threadId: threadId('t1'), parentRunId: runId('r1'), origin: 'agent', at: AT + 4 }),
    );
    await store
      .for(ada)
      .log.append(runId('c2'), { generation: 1, after: 1, events: [event('agent_failed', { error: null })] });
    const ids = async (query: Parameters<typeof runs.list>[0]) => (await runs.list(query)).map(({ runId: id }) => id);

    expect(await ids({ limit: 9, threadId: threadId('t1') })).toEqual(['c2', 'c1', 'r1']);
    expect(await ids({ limit: 9, parentRunId: runId('r1') })).toEqual(['c2', 'c1']);
    expect(await ids({ limit: 9, status: 'queued' })).toEqual(['c1', 'r2', 'r1']);
    expect(await ids({ limit: 9, status: 'queued', threadId: threadId('t1'), parentRunId: runId('r1') })).toEqual([
      'c1',
    ]);
    expect(await ids({ limit: 1, threadId: threadId('t1'), before: { acceptedAt: AT + 4, runId: 'c2' } })).toEqual([
      'c1',
    ]);
  });

  test('deleting takes child runs, events, commands and artifacts along, and nothing else', async () => {
    const opened = await open();
    await using store = opened.store;
    const { runs, commands, artifacts } = store.for(ada);
    const family = ['r1', 'c1', 'g1'];
    await runWith(store.for(ada), 'r1', ['a'], true);
    await accept(store.for(ada), 'c1', { parentRunId: runId('r1'), origin: 'agent' });
    await accept(store.for(ada), 'g1', { parentRunId: runId('c1'), origin: 'agent' });
    await runWith(store.for(ada), 'r2', ['a']);
    for (const id of [...family, 'r2']) {
      await commands.put(newCommand(`stop ${id}`, id));
      await artifacts.put(newArtifact(`file of ${id}`, id), [Buffer.from(id)], 100);
    }
    await artifacts.put(newArtifact('loose'), [Buffer.from('loose')], 100);

    expect(await runs.delete(runId('r1'))).toBe(true);

    await using later = await again(opened);
    const left = later.for(ada);
    for (const id of family) {
      expect(await left.runs.get(runId(id))).toBeUndefined();
      expect(await left.log.read(runId(id), 0, ALL)).toEqual([]);
      expect(await left.commands.pending(runId(id))).toEqual([]);
      expect(await left.artifacts.get(`file of ${id}`)).toBeUndefined();
      expect(await contentOf(left.artifacts, `file of ${id}`)).toHaveLength(0);
    }
    expect((await left.runs.list({ limit: 9 })).map(({ runId: id }) => id)).toEqual(['r2']);
    expect(await left.log.read(runId('r2'), 0, ALL)).toHaveLength(2);
    expect(await left.commands.pending(runId('r2'))).toHaveLength(1);
    expect(`${await contentOf(left.artifacts, 'file of r2')} ${await contentOf(left.artifacts, 'loose')}`).toBe(
      'r2 loose',
    );
  });

  test('a run id can be used again after its run was deleted', async () => {
    await using store = (await open()).store;
    await runWith(store.for(ada), 'r1', ['a', 'b']);
    await store.for(ada).commands.put(newCommand('c1', 'r1'));
    await store.for(ada).runs.delete(runId('r1'));

    expect(await store.for(ada).runs.accept(newRun('r1'))).toMatchObject({
      created: true,
      run: { head: 1, generation: 1 },
    });
    expect(await store.for(ada).commands.pending(runId('r1'))).toEqual([]);
    expect(await store.for(ada).commands.put(newCommand('c1', 'r1'))).toMatchObject({ created: true });
  });

  test('the writer of a deleted run is told that it is gone', async () => {
    await using store = (await open()).store;
    await accept(store.for(ada), 'r1');
    await store.for(ada).runs.delete(runId('r1'));

    const late = store.for(ada).log.append(runId('r1'), { generation: 1, after: 1, events: [delta('late')] });

    await expect(late).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('recovery is told of every unfinished run that no parent takes up, oldest first', async () => {
    const opened = await open();
    await using store = opened.store;
    await accept(store.for(ada), 'late', { at: AT + 9 });
    await accept(store.for(bob), 'early', { at: AT + 1 });
    await accept(store.for(adaElsewhere), 'further', { at: AT + 5, origin: 'engine' });
    await accept(store.for(ada), 'child', { at: AT + 2, origin: 'agent', parentRunId: runId('late') });
    await runWith(store.for(ada), 'over', [], true);

    await using later = await again(opened);

    expect(await later.unfinished()).toEqual([
      { owner: bob, runId: 'early' },
      { owner: adaElsewhere, runId: 'further' },
      { owner: ada, runId: 'late' },
    ]);
  });

  test('closing waits for the writes made before, and refuses those made after', async () => {
    const opened = await open();
    await using store = opened.store;
    const owned = store.for(ada);
    await accept(owned, 'r1');
    const append = (after: number) =>
      owned.log.append(runId('r1'), { generation: 1, after, events: [delta('x'.repeat(50_000))] });

    // More than one commit takes, so that some wait for others when the store is closed.
    const before = Array.from({ length: 20 }, (_, index) => append(index + 1));
    const closed = store.close();
    const after = append(21);

    await expect(after).rejects.toMatchObject({ code: 'CLOSED', details: { what: 'store' } });
    expect(await Promise.all(before)).toEqual(before.map((_, index) => index + 2));
    await closed;
    expect(store.close()).toBe(closed);
    await expect(owned.log.head(runId('r1'))).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(owned.artifacts.put(newArtifact('f'), [], 1)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(contentOf(owned.artifacts, 'f')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.unfinished()).rejects.toMatchObject({ code: 'CLOSED' });
  });
}
