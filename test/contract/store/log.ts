import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Json } from '../../../src/base/canonical-json.ts';
import { runId } from '../../../src/context/ids.ts';
import { accept, ada, again, ALL, AT, completed, crcOf, delta, event, runWith, type OpenStore } from './samples.ts';

export function logContract(open: OpenStore): void {
  test('numbers each run from 1, without gaps', async () => {
    const opened = await open();
    await using store = opened.store;
    const { log } = store.for(ada);
    await accept(store.for(ada), 'r1');
    await accept(store.for(ada), 'r2');

    expect(await log.append(runId('r1'), { generation: 1, after: 1, events: [delta('a'), delta('b')] })).toBe(3);
    expect(await log.append(runId('r2'), { generation: 1, after: 1, events: [delta('c')] })).toBe(2);
    expect(await log.append(runId('r1'), { generation: 1, after: 3, events: [delta('d')] })).toBe(4);

    await using later = await again(opened);
    const seqs = async (id: string) => (await later.for(ada).log.read(runId(id), 0, ALL)).map(({ seq }) => seq);
    expect([await seqs('r1'), await seqs('r2')]).toEqual([
      [1, 2, 3, 4],
      [1, 2],
    ]);
  });

  test('gives back each event as it was written', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    await accept(store.for(ada), 'r1');
    const data = { call: 'c1', progress: { '': [null, true, -1.5e-7], __proto__x: 'é\u0000\u2028😀', 'a"b': {} } };

    await log.append(runId('r1'), { generation: 1, after: 1, events: [event('tool_progress', data, AT + 0.25)] });

    expect(await log.read(runId('r1'), 0, ALL)).toEqual([
      { seq: 1, type: 'run_accepted', at: AT, data: { agent: 'echo', input: 'hi', version: '1' } },
      { seq: 2, type: 'tool_progress', at: AT + 0.25, data },
    ]);
  });

  test('reads a page after a position', async () => {
    await using store = (await open()).store;
    await runWith(store.for(ada), 'r1', ['a', 'b', 'c', 'd']);
    const page = async (after: number, limit: number) =>
      (await store.for(ada).log.read(runId('r1'), after, limit)).map(({ seq }) => seq);

    expect(await page(0, 2)).toEqual([1, 2]);
    expect(await page(2, 2)).toEqual([3, 4]);
    expect(await page(4, 2)).toEqual([5]);
    expect(await page(5, 2)).toEqual([]);
    expect(await page(2 ** 40, 2)).toEqual([]);
    expect(await page(0, 0)).toEqual([]);
    expect(await page(0, -1)).toEqual([]);
  });

  test('an unknown run has no events, no head, and takes none', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);

    expect(await log.read(runId('nobody'), 0, ALL)).toEqual([]);
    expect(await log.head(runId('nobody'))).toBeUndefined();
    await expect(log.append(runId('nobody'), { generation: 1, after: 0, events: [delta('a')] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { what: 'run', id: 'nobody' },
    });
  });

  test('the head is the fold of the log', async () => {
    const opened = await open();
    await using store = opened.store;
    const { runId: key, epoch } = await runWith(store.for(ada), 'r1', ['a', 'b'], true);

    const before = await store.for(ada).log.head(key);
    await using later = await again(opened);
    const events = await later.for(ada).log.read(key, 0, ALL);

    expect(before).toEqual({ head: 4, epoch, crc: crcOf(events), status: 'completed' });
    expect(await later.for(ada).log.head(key)).toEqual(before);
  });

  test('the status follows the events that change it', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');
    const steps = [
      [event('run_queued', { position: 1 }), 'queued'],
      [event('agent_started', { agent: 'echo', attempt: 1 }), 'running'],
      [delta('a'), 'running'],
      [event('run_parked', { reason: 'approval' }), 'parked'],
      [event('run_resumed', { reason: 'approved' }), 'running'],
      [event('agent_cancelled', { reason: 'enough', by: 'ada' }), 'cancelled'],
    ] as const;

    const seen: unknown[] = [];
    let head = 1;
    for (const [next] of steps) {
      head = await log.append(key, { generation: 1, after: head, events: [next] });
      seen.push((await log.head(key))?.status);
    }

    expect(seen).toEqual(steps.map(([, status]) => status));
  });

  test('an append that does not follow the head changes nothing', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await runWith(store.for(ada), 'r1', ['a']);
    const head = await log.head(key);

    for (const after of [0, 1, 3]) {
      await expect(log.append(key, { generation: 1, after, events: [delta('b')] })).rejects.toMatchObject({
        code: 'LOG_CONFLICT',
        details: { runId: 'r1', expected: after, head: 2 },
      });
    }

    expect(await log.head(key)).toEqual(head);
  });

  test('an append of another generation changes nothing', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');

    for (const generation of [0, 2]) {
      await expect(log.append(key, { generation, after: 1, events: [delta('a')] })).rejects.toMatchObject({
        code: 'LEASE_LOST',
        details: { runId: 'r1', generation },
      });
    }

    expect((await log.head(key))?.head).toBe(1);
  });

  test('nothing comes after a terminal event, in the same append or later', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');
    const ended = { code: 'RUN_ENDED', details: { runId: 'r1' } };

    await expect(log.append(key, { generation: 1, after: 1, events: [completed, delta('a')] })).rejects.toMatchObject(
      ended,
    );
    expect((await log.head(key))?.head).toBe(1);
    await log.append(key, { generation: 1, after: 1, events: [delta('a'), completed] });
    await expect(log.append(key, { generation: 1, after: 3, events: [completed] })).rejects.toMatchObject(ended);

    expect(await log.head(key)).toMatchObject({ head: 3, status: 'completed' });
  });

  test('an append without events says where the head is', async () => {
    await using store = (await open()).store;
    const { runId: key } = await runWith(store.for(ada), 'r1', ['a']);

    expect(await store.for(ada).log.append(key, { generation: 1, after: 2, events: [] })).toBe(2);
  });

  test('appends made at once are numbered in the order of the calls', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');
    const texts = Array.from({ length: 50 }, (_, index) => `${index};`);

    const heads = await Promise.all(
      texts.map((text, index) => log.append(key, { generation: 1, after: index + 1, events: [delta(text)] })),
    );

    expect(heads).toEqual(texts.map((_, index) => index + 2));
    const events = await log.read(key, 1, ALL);
    expect(events.map(({ data }) => data)).toEqual(texts.map((text) => ({ delta: text, message: 'm1' })));
  });

  test('of appends that race for one place, one is written', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    const { runId: key } = await accept(store.for(ada), 'r1');

    const race = ['a', 'b', 'c'].map((text) => log.append(key, { generation: 1, after: 1, events: [delta(text)] }));
    const ends = (await Promise.allSettled(race)).map((end) =>
      end.status === 'fulfilled' ? end.value : end.reason.code,
    );

    expect(ends).toEqual([2, 'LOG_CONFLICT', 'LOG_CONFLICT']);
    expect(await log.read(key, 1, ALL)).toHaveLength(1);
  });

  test('a refused append fails alone among those made with it', async () => {
    await using store = (await open()).store;
    const { log } = store.for(ada);
    await accept(store.for(ada), 'r1');
    await accept(store.for(ada), 'r2');
    const append = (id: string, generation: number) =>
      log.append(runId(id), { generation, after: 1, events: [delta('a')] });

    const ends = await Promise.allSettled([append('r1', 1), append('r2', 7), append('nobody', 1), append('r2', 1)]);

    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect([(await log.head(runId('r1')))?.head, (await log.head(runId('r2')))?.head]).toEqual([2, 2]);
  });

  test('a resolved append is visible to every handle of the owner', async () => {
    await using store = (await open()).store;
    const { runId: key } = await accept(store.for(ada), 'r1');

    const head = await store.for(ada).log.append(key, { generation: 1, after: 1, events: [delta('a')] });

    expect(await store.for(ada).log.read(key, head - 1, 1)).toHaveLength(1);
  });

  test('any interleaving of appends to several runs leaves each log whole', async () => {
    const opened = await open();
    await using store = opened.store;
    const { log } = store.for(ada);
    const written = new Map<string, unknown[]>();
    let round = 0;

    await fc.assert(
      fc.asyncProperty(interleaving, async (plan) => {
        round += 1;
        await Promise.all(
          plan.map(async (batches, index) => {
            const { runId: key } = await accept(store.for(ada), `${round}-${index}`);
            let head = 1;
            for (const batch of batches) {
              const events = batch.map((progress) => event('tool_progress', { call: 'c', progress }));
              head = await log.append(key, { generation: 1, after: head, events });
            }
            written.set(key, batches.flat());
          }),
        );
      }),
      { numRuns: 25 },
    );

    await using later = await again(opened);
    for (const [id, progress] of written) {
      const events = await later.for(ada).log.read(runId(id), 0, ALL);
      expect(events.map(({ seq }) => seq)).toEqual([...events.keys()].map((index) => index + 1));
      expect(events.slice(1).map(({ data }) => data)).toEqual(progress.map((one) => ({ call: 'c', progress: one })));
      expect(await later.for(ada).log.head(runId(id))).toMatchObject({ head: events.length, crc: crcOf(events) });
    }
  });
}

// JSON as it comes back: what JSON itself does not keep, such as -0, is no matter of a store.
const json = fc.jsonValue({ maxDepth: 2 }).map((value): Json => JSON.parse(JSON.stringify(value)));
const batch = fc.array(json, { maxLength: 4 });
const interleaving = fc.array(fc.array(batch, { maxLength: 4 }), { minLength: 1, maxLength: 5 });
