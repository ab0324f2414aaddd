import { expect, test } from 'vitest';

import { threadId } from '../../../src/context/ids.ts';
import { accept, ada, again, AT, completed, delta, type OpenStore } from './samples.ts';

export function threadsContract(open: OpenStore): void {
  test('a thread begins with its first run and moves with each run that is accepted or ends in it', async () => {
    const opened = await open();
    await using store = opened.store;
    const { threads, log } = store.for(ada);
    const times = async () => {
      const thread = await threads.get(threadId('t1'));
      return thread && [thread.createdAt - AT, thread.updatedAt - AT];
    };

    const { runId: key } = await accept(store.for(ada), 'r1', { at: AT + 1 });
    expect(await times()).toEqual([1, 1]);
    await accept(store.for(ada), 'r2', { at: AT + 3 });
    expect(await times()).toEqual([1, 3]);
    await log.append(key, { generation: 1, after: 1, events: [delta('a', AT + 5)] });
    expect(await times()).toEqual([1, 3]);
    await log.append(key, { generation: 1, after: 2, events: [{ ...completed, at: AT + 7 }] });
    expect(await times()).toEqual([1, 7]);

    await using later = await again(opened);
    expect(await later.for(ada).threads.get(threadId('t1'))).toEqual({
      threadId: 't1',
      createdAt: AT + 1,
      updatedAt: AT + 7,
    });
  });

  test('a thread never moves back', async () => {
    await using store = (await open()).store;
    await accept(store.for(ada), 'r1', { at: AT + 5 });
    await accept(store.for(ada), 'r2', { at: AT + 1 });

    expect(await store.for(ada).threads.get(threadId('t1'))).toMatchObject({ createdAt: AT + 5, updatedAt: AT + 5 });
  });

  test('lists the threads that moved last first, at most as many as asked for', async () => {
    await using store = (await open()).store;
    const { threads } = store.for(ada);
    for (const [thread, at] of [
      ['t1', 1],
      ['t2', 5],
      ['t3', 3],
      ['t1', 9],
    ] as const) {
      await accept(store.for(ada), `${thread}-${at}`, { threadId: threadId(thread), at: AT + at });
    }
    const ids = async (limit: number) => (await threads.list(limit)).map(({ threadId: id }) => id);

    expect(await ids(9)).toEqual(['t1', 't2', 't3']);
    expect(await ids(2)).toEqual(['t1', 't2']);
    expect(await ids(0)).toEqual([]);
    expect(await ids(-1)).toEqual([]);
  });

  test('an unknown thread is absent', async () => {
    await using store = (await open()).store;

    expect(await store.for(ada).threads.get(threadId('nothing'))).toBeUndefined();
  });
}
