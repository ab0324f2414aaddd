import { expect, test } from 'vitest';

import { holdingClock, sleep } from '../base/clock.ts';
import { nextTurn } from '../base/next-turn.ts';
import { Activity, type BusySource } from './activity.ts';

/** Something whose work a test begins and ends. */
class Works implements BusySource {
  readonly name: string;
  count = 0;
  sofar = 0;

  constructor(name: string) {
    this.name = name;
  }

  busy(): number {
    return this.count;
  }

  begun(): number {
    return this.sofar;
  }
}

test('nothing under way is idle at once', async () => {
  const activity = new Activity([new Works('calls')]);

  await activity.idle({ timeoutMs: 0 });

  expect(activity.busy().size).toBe(0);
});

test('it is idle when the last source is', async () => {
  const [calls, bytes] = [new Works('calls'), new Works('bytes')];
  const activity = new Activity([calls]);
  activity.add(bytes);
  const done: string[] = [];
  calls.count = 1;
  bytes.count = 300;

  const idle = activity.idle().then(() => done.push('idle'));
  await nextTurn();
  calls.count = 0;
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  done.push('bytes arrive');
  bytes.count = 0;
  await idle;

  expect(done).toEqual(['bytes arrive', 'idle']);
});

test('chains of promises and turns of the event loop between two pieces of work belong to it', async () => {
  const calls = new Works('calls');
  const activity = new Activity([calls]);
  const done: number[] = [];
  const work = (async () => {
    for (let piece = 1; piece <= 50; piece += 1) {
      for (let link = 0; link < 20; link += 1) await Promise.resolve();
      await nextTurn();
      await nextTurn();
      calls.count += 1;
      await nextTurn();
      calls.count -= 1;
      done.push(piece);
    }
  })();

  await activity.idle();

  expect(done).toHaveLength(50);
  await work;
});

test('work that ends in the turn in which it began belongs to it, and without an end it is no rest', async () => {
  const calls = new Works('calls');
  const activity = new Activity([calls]);
  let pieces = 0;
  const work = async (goesOn: () => boolean): Promise<void> => {
    for (; goesOn(); pieces += 1) {
      calls.sofar += 1;
      await nextTurn();
    }
  };

  const fifty = work(() => pieces < 50);
  await activity.idle();
  expect(pieces).toBe(50);
  let over = false;
  const endless = work(() => !over);
  const message = 'the runtime was not idle within 20 ms; under way: calls that end at once, one after the other';
  await expect(activity.idle({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'DEADLINE', message });

  over = true;
  await Promise.all([fifty, endless]);
});

test('work that takes real time is waited for, and the processor is left to others meanwhile', async () => {
  const calls = new Works('calls');
  const activity = new Activity([calls]);
  calls.count = 1;
  let ended = false;
  const work = sleep(holdingClock, 30).then(() => {
    ended = true;
    calls.count = 0;
  });

  await activity.idle();

  expect(ended).toBe(true);
  await work;
});

test('what stays busy is named, each with how much of it there is', async () => {
  const [store, bytes, quiet] = [new Works('store'), new Works('bytes on their way'), new Works('requests')];
  const activity = new Activity([store, bytes, quiet]);
  store.count = 2;
  bytes.count = 141;
  const never = Promise.withResolvers<void>();
  const mail = activity.track('sending mail', never.promise);

  await expect(activity.idle({ timeoutMs: 5 })).rejects.toMatchObject({
    code: 'DEADLINE',
    message: 'the runtime was not idle within 5 ms; under way: sending mail: 1, store: 2, bytes on their way: 141',
    details: { timeoutMs: 5 },
  });
  expect([...activity.busy()]).toEqual([
    ['sending mail', 1],
    ['store', 2],
    ['bytes on their way', 141],
  ]);
  never.resolve();
  await mail;
});

test('a source that is taken off counts no more, and two of one name are summed', () => {
  const [one, two] = [new Works('store'), new Works('store')];
  const activity = new Activity([one]);
  const off = activity.add(two);
  one.count = 1;
  two.count = 4;

  const both = activity.busy().get('store');
  off();
  off();

  expect([both, activity.busy().get('store')]).toEqual([5, 1]);
});

test('work that a test tells of is under way until it settles, and its outcome is its own', async () => {
  const activity = new Activity();
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];

  const kept = activity.track('reading a file', first.promise);
  const failing = expect(activity.track('reading a file', second.promise)).rejects.toThrow('no such file');
  const counts = [activity.busy().get('reading a file')];
  first.resolve('content');
  await kept;
  counts.push(activity.busy().get('reading a file'));
  second.reject(new Error('no such file'));
  await failing;

  expect(await kept).toBe('content');
  expect(counts).toEqual([2, 1]);
  await activity.idle({ timeoutMs: 0 });
});
