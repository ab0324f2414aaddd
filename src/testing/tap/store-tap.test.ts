import { expect, test } from 'vitest';

import { storeContract } from '../../../test/contract/store.ts';
import { ada, bob, completed, delta, newRun } from '../../../test/contract/store/samples.ts';
import { TappedStore } from '../../../test/support/tapped-store.ts';
import { runId } from '../../context/ids.ts';

storeContract('a store with a tap around it', () => TappedStore.open());

const r1 = runId('r1');
const append = { generation: 1, after: 1, events: [delta('Hello'), completed] };
const file = { artifactId: 'a1', runId: r1, kind: 'report', title: 'Otters', mediaType: 'text/plain', createdAt: 0 };

test('T1: a call is under way until it is answered, whether well or not', async () => {
  await using house = await TappedStore.open();
  const { log, runs } = house.store.for(ada);

  const accepting = runs.accept(newRun('r1'));
  const reading = log.read(r1, 0, 10);
  expect(house.tap.busy()).toBe(2);
  await Promise.all([accepting, reading]);
  expect(house.tap.busy()).toBe(0);

  const refused = log.append(r1, { ...append, generation: 7 });
  expect(house.tap.busy()).toBe(1);
  await expect(refused).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(house.tap.busy()).toBe(0);
});

test('T1: an upload is not under way while the store waits for its caller, nor a download between two pieces', async () => {
  await using house = await TappedStore.open();
  const { artifacts, runs } = house.store.for(ada);
  await runs.accept(newRun('r1'));
  const asked = Promise.withResolvers<void>();
  const more = Promise.withResolvers<void>();
  async function* slowly() {
    yield Buffer.alloc(300_000, 'o');
    asked.resolve();
    await more.promise;
    yield Buffer.alloc(300_000, 't');
  }

  const putting = artifacts.put(file, slowly(), 1_000_000);
  await asked.promise;
  expect(house.tap.busy()).toBe(0);
  more.resolve();
  await putting;
  expect(house.tap.busy()).toBe(0);

  let bytes = 0;
  for await (const piece of artifacts.read('a1')) {
    expect(house.tap.busy()).toBe(0);
    bytes += piece.byteLength;
    if (bytes > 300_000) break;
  }
  expect(bytes).toBeLessThan(600_000);
  expect(house.tap.busy()).toBe(0);
});

test('T1: content that fails leaves nothing under way', async () => {
  await using house = await TappedStore.open();
  const { artifacts, runs } = house.store.for(ada);
  await runs.accept(newRun('r1'));
  async function* broken() {
    yield Buffer.from('otter');
    throw new Error('the caller went away');
  }

  await expect(artifacts.put(file, broken(), 1_000)).rejects.toThrow('the caller went away');
  await expect(artifacts.put(file, [Buffer.alloc(10)], 5)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  expect(house.tap.busy()).toBe(0);
});

test('T2: a point is told before its write is made, and again once it is durable', async () => {
  await using house = await TappedStore.open();
  const { log, runs } = house.store.for(ada);
  const told: unknown[] = [];
  const heads: Promise<unknown>[] = [];
  house.tap.onCall(({ n, description }) => {
    told.push(['asked', n, description]);
  });
  house.tap.onDurable(({ n, description, owner, runId: run, types }) => {
    told.push(['durable', n, description, owner, run, types]);
    heads.push(log.head(r1));
  });

  await runs.accept(newRun('r1'));
  await log.append(r1, append);
  await log.read(r1, 0, 10);

  expect(told).toEqual([
    ['asked', 1, 'accept run_accepted'],
    ['durable', 1, 'accept run_accepted', ada, r1, ['run_accepted']],
    ['asked', 2, 'append message_delta, agent_completed'],
    ['durable', 2, 'append message_delta, agent_completed', ada, r1, ['message_delta', 'agent_completed']],
  ]);
  expect(await Promise.all(heads)).toMatchObject([{ head: 1 }, { head: 3 }]);
  expect(house.tap.points).toBe(2);
});

test('a write that failed is no durable point', async () => {
  await using house = await TappedStore.open();
  const { log } = house.store.for(ada);

  await expect(log.append(r1, append)).rejects.toMatchObject({ code: 'NOT_FOUND' });

  expect(house.tap.points).toBe(0);
});

test('whoever stops listening hears nothing more', async () => {
  await using house = await TappedStore.open();
  const heard: number[] = [];
  const stop = house.tap.onDurable(({ n }) => void heard.push(n));

  await house.store.for(ada).runs.accept(newRun('r1'));
  stop();
  await house.store.for(ada).runs.accept(newRun('r2'));

  expect(heard).toEqual([1]);
});

test('it knows the runs that were accepted, once each, until they are forgotten', async () => {
  await using house = await TappedStore.open();
  const { tap, store } = house;
  await store.for(ada).runs.accept(newRun('r1', { at: 5 }));
  await store.for(bob).runs.accept(newRun('r1', { at: 6 }));
  await store.for(ada).runs.accept(newRun('r1', { at: 7 }));
  await store.for(ada).runs.accept(newRun('r2', { at: 8 }));

  expect(tap.runs()).toEqual([
    { owner: ada, runId: r1, at: 5 },
    { owner: bob, runId: r1, at: 6 },
    { owner: ada, runId: runId('r2'), at: 8 },
  ]);
  expect(tap.runsOf(ada).map(({ runId: id }) => id)).toEqual(['r1', 'r2']);
  tap.forget(ada);
  expect(tap.runs()).toEqual([{ owner: bob, runId: r1, at: 6 }]);
  tap.forget();
  expect(tap.runs()).toEqual([]);
});

test('of many runs it knows the latest', async () => {
  await using house = await TappedStore.open();
  const { runs } = house.store.for(ada);
  await Promise.all(Array.from({ length: 10_002 }, (_, at) => runs.accept(newRun(`r${at}`, { at }))));

  const known = house.tap.runs();

  expect(known).toHaveLength(10_000);
  expect(known[0]).toMatchObject({ at: 2 });
  expect(house.tap.knowsAll).toBe(false);
  house.tap.forget();
  expect(house.tap.knowsAll).toBe(true);
});

test('T3: a reader gets what an owner writes and what is read for them, and nothing of another', async () => {
  await using house = await TappedStore.open();
  const seen = new Map<string, string>();
  const read = (user: { readonly userId: string }, text: string): void =>
    void seen.set(user.userId, (seen.get(user.userId) ?? '') + text);
  const { runs, log, commands, artifacts } = house.store.for(ada);
  const stop = house.tap.onRows(read);

  await runs.accept(newRun('r1', { context: '{"metadata":{"mark":"mark-context"}}' }));
  await log.append(r1, { ...append, events: [delta('mark-event')] });
  await commands.put({ commandId: 'c1', runId: r1, op: 'run.cancel', args: '{"reason":"mark-command"}', at: 0 });
  await artifacts.put({ ...file, title: 'mark-title' }, [Buffer.from('mark-content')], 100);
  await house.store.for(bob).runs.get(r1);
  for (const mark of ['context', 'event', 'command', 'title', 'content']) {
    expect(seen.get('ada')).toContain(`mark-${mark}`);
    expect(seen.get('bob')).toBeUndefined();
  }

  seen.clear();
  await runs.get(r1);
  await log.read(r1, 0, 10);
  await commands.pending(r1);
  await artifacts.list(r1);
  await Array.fromAsync(artifacts.read('a1'));
  for (const mark of ['context', 'event', 'command', 'title', 'content'])
    expect(seen.get('ada')).toContain(`mark-${mark}`);

  stop();
  seen.clear();
  await log.read(r1, 0, 10);
  expect(seen.size).toBe(0);
});
