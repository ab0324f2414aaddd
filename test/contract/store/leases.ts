import { expect, test } from 'vitest';

import { runId } from '../../../src/context/ids.ts';
import { accept, ada, again, delta, runWith, type OpenStore } from './samples.ts';

export function leasesContract(open: OpenStore): void {
  test('taking a run over raises its generation and says where the log stands', async () => {
    const opened = await open();
    await using store = opened.store;
    const { runId: key } = await runWith(store.for(ada), 'r1', ['a']);
    const head = await store.for(ada).log.head(key);

    expect(await store.for(ada).leases.take(key, 'node-2')).toEqual({ generation: 2, head });
    await using later = await again(opened);
    expect(await later.for(ada).leases.take(key, 'node-1')).toEqual({ generation: 3, head });
    expect(await later.for(ada).runs.get(key)).toMatchObject({ generation: 3, head: 2 });
  });

  test('the holder before can write nothing more, the new one goes on', async () => {
    await using store = (await open()).store;
    const { log, leases } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');
    await leases.take(key, 'node-2');

    const late = log.append(key, { generation: 1, after: 1, events: [delta('late')] });
    const next = log.append(key, { generation: 2, after: 1, events: [delta('next')] });

    await expect(late).rejects.toMatchObject({ code: 'LEASE_LOST', details: { runId: 'r1', generation: 1 } });
    expect(await next).toBe(2);
  });

  test('of those who take at once, each gets a generation of its own and the last one holds the run', async () => {
    await using store = (await open()).store;
    const { log, leases } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');

    const taken = await Promise.all(['n1', 'n2', 'n3'].map((holder) => leases.take(key, holder)));

    expect(taken.map((lease) => lease?.generation)).toEqual([2, 3, 4]);
    await expect(log.append(key, { generation: 3, after: 1, events: [delta('a')] })).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(await log.append(key, { generation: 4, after: 1, events: [delta('a')] })).toBe(2);
  });

  test('an unknown run cannot be taken', async () => {
    await using store = (await open()).store;

    expect(await store.for(ada).leases.take(runId('nobody'), 'node-1')).toBeUndefined();
  });
}
