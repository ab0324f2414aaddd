import fc from 'fast-check';
import { expect, test } from 'vitest';

import { DEFAULT_TENANT, userId, type Owner } from '../context/ids.ts';
import type { Ticket } from '../engine/admission.ts';
import { Slots } from './slots.ts';

const owner = (name: string): Owner => ({ tenantId: DEFAULT_TENANT, userId: userId(name) });
const [ada, bob, cyd, house] = [owner('ada'), owner('bob'), owner('cyd'), owner('house')];

/** A run that waits for its slot. */
class Run {
  readonly positions: number[] = [];
  readonly stop = new AbortController();
  readonly entered: Promise<void>;
  readonly ticket: Ticket;
  running = false;

  constructor(slots: Slots, of: Owner, order: string[] = [], name = '') {
    this.ticket = slots.reserve(of);
    this.entered = this.ticket
      .enter(this.stop.signal, (position) => this.positions.push(position))
      .then(() => {
        this.running = true;
        order.push(name);
      });
    this.entered.catch(() => undefined);
  }

  end(): void {
    this.running = false;
    this.ticket[Symbol.dispose]();
  }
}

function slots(limits: Partial<Record<'runsPerUser' | 'runsTotal' | 'queuePerUser', number>> = {}): Slots {
  return new Slots({ runsPerUser: 1, runsTotal: 100, queuePerUser: 100, ...limits }, house);
}

test('A1: a user runs as many as the limit says, and nobody waits for another user', async () => {
  const all = slots({ runsPerUser: 2 });
  const runs = [ada, ada, ada, bob].map((of) => new Run(all, of));
  await settled();

  expect(runs.map(({ running }) => running)).toEqual([true, true, false, true]);
  expect([all.running, all.waiting]).toEqual([3, 1]);
});

test('A1: a run that goes straight in is never told a position', async () => {
  const run = new Run(slots(), ada);
  await run.entered;

  expect(run.positions).toEqual([]);
});

test('A2: one user’s runs go in order, and each is told its place whenever it changes', async () => {
  const all = slots();
  const order: string[] = [];
  const runs = ['first', 'second', 'third', 'fourth'].map((name) => new Run(all, ada, order, name));
  await settled();
  for (const run of runs) {
    await run.entered;
    run.end();
  }

  expect(order).toEqual(['first', 'second', 'third', 'fourth']);
  expect(runs.map(({ positions }) => positions)).toEqual([[], [1], [2, 1], [3, 2, 1]]);
});

test('A2: nobody’s hundred runs keep another user’s one waiting', async () => {
  const all = slots({ runsPerUser: 10, runsTotal: 1 });
  const order: string[] = [];
  const hundred = Array.from({ length: 100 }, (_, at) => new Run(all, ada, order, `ada ${at}`));
  const [one, other] = [new Run(all, bob, order, 'bob'), new Run(all, cyd, order, 'cyd')];
  await settled();
  for (const run of [...hundred.slice(0, 4), one, other]) {
    if (run.running) run.end();
    await settled();
    if (one.running) one.end();
    await settled();
    if (other.running) other.end();
    await settled();
  }

  expect(order.indexOf('bob')).toBeLessThanOrEqual(2);
  expect(order.indexOf('cyd')).toBeLessThanOrEqual(3);
});

test('A2: runs of before a restart keep their turn, in whatever order they come back', async () => {
  const all = slots({ runsPerUser: 2 });
  const [first, second, third] = [1, 2, 3].map(() => all.reserve(ada, true)) as [Ticket, Ticket, Ticket];
  const order: string[] = [];
  const come = (ticket: Ticket, name: string): void => {
    void ticket.enter(new AbortController().signal, () => undefined).then(() => order.push(name));
  };
  const fresh = new Run(all, ada, order, 'fresh');
  come(third, 'third');
  await settled();
  const before = [...order];
  come(first, 'first');
  await settled();
  const behind = new Run(all, bob, order, 'of another user');
  await behind.entered;

  second[Symbol.dispose]();
  await settled();
  first[Symbol.dispose]();
  await fresh.entered;

  expect(before).toEqual([]);
  expect(order).toEqual(['first', 'of another user', 'third', 'fresh']);
});

test('A3: a user’s line is bounded, and only that user is refused', () => {
  const all = slots({ runsPerUser: 2, queuePerUser: 3 });
  for (let at = 0; at < 5; at += 1) all.reserve(ada);

  expect(() => all.reserve(ada)).toThrowError(
    expect.objectContaining({ code: 'QUEUE_FULL', details: { userId: 'ada', limit: 3 }, retryAfterMs: 1_000 }),
  );
  expect(() => all.reserve(bob)).not.toThrow();
});

test('A3: a queue of none means that nobody waits', async () => {
  const all = slots({ queuePerUser: 0 });
  await new Run(all, ada).entered;

  expect(() => all.reserve(ada)).toThrowError(expect.objectContaining({ code: 'QUEUE_FULL' }));
});

test('A3: the line is no longer while everybody’s slots are taken', async () => {
  const all = slots({ runsPerUser: 4, runsTotal: 1, queuePerUser: 2 });
  await new Run(all, bob).entered;

  const runs = [new Run(all, ada), new Run(all, ada)];

  expect(() => all.reserve(ada)).toThrowError(expect.objectContaining({ code: 'QUEUE_FULL' }));
  expect(runs.map(({ positions }) => positions)).toEqual([[1], [2]]);
});

test('A3: a run that was accepted before a restart is never refused', () => {
  const all = slots({ queuePerUser: 0 });
  all.reserve(ada);

  expect(() => all.reserve(ada, true)).not.toThrow();
});

test('A6: once it is closed nobody is let in, neither who waits nor who comes', async () => {
  const all = slots();
  const [running, waiting] = [new Run(all, ada), new Run(all, ada)];
  const reserved = all.reserve(ada);
  await running.entered;

  all.close(new Error('closed'));
  await expect(waiting.entered).rejects.toThrow('closed');
  running.end();

  await expect(reserved.enter(AbortSignal.timeout(1_000), () => undefined)).rejects.toThrow('closed');
  await expect(new Run(all, bob).entered).rejects.toThrow('closed');
  expect([all.running, all.waiting]).toEqual([0, 0]);
});

test('A5: a waiter that is stopped leaves its place, and those behind it move up', async () => {
  const all = slots();
  const [first, second, third] = [new Run(all, ada), new Run(all, ada), new Run(all, ada)];
  await settled();

  second.stop.abort(new Error('cancelled'));
  await expect(second.entered).rejects.toThrow('cancelled');
  second.ticket[Symbol.dispose]();
  first.end();
  await third.entered;

  expect(third.positions).toEqual([2, 1]);
  expect([all.running, all.waiting]).toEqual([1, 0]);
});

test('A5: a run that is stopped before it asks takes no place', async () => {
  const all = slots();
  const stopped = all.reserve(ada);

  await expect(async () => stopped.enter(AbortSignal.abort(new Error('cancelled')), () => undefined)).rejects.toThrow(
    'cancelled',
  );
  stopped[Symbol.dispose]();

  await new Run(all, ada).entered;
  expect(all.running).toBe(1);
});

test('A5: a slot is given back once, however often it is disposed', async () => {
  const all = slots();
  const [first, second, third] = [new Run(all, ada), new Run(all, ada), new Run(all, ada)];
  await first.entered;

  first.end();
  first.end();
  await second.entered;
  await settled();

  expect(third.running).toBe(false);
  expect(all.running).toBe(1);
});

test('any order of coming, ending and stopping keeps the limits and loses no slot', async () => {
  const actions = fc.array(
    fc.record({
      kind: fc.constantFrom('come', 'end', 'stop'),
      of: fc.constantFrom(ada, bob, cyd),
      which: fc.nat(50),
    }),
    { maxLength: 60 },
  );
  const limits = fc.record({
    runsPerUser: fc.integer({ min: 1, max: 3 }),
    runsTotal: fc.integer({ min: 1, max: 5 }),
    queuePerUser: fc.integer({ min: 0, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(limits, actions, async (limit, steps) => {
      const all = new Slots(limit, house);
      const runs: { run: Run; of: Owner }[] = [];
      for (const { kind, of, which } of steps) {
        const some = runs[which % Math.max(1, runs.length)];
        if (kind === 'come') {
          try {
            runs.push({ run: new Run(all, of), of });
          } catch (error) {
            expect(error).toMatchObject({ code: 'QUEUE_FULL' });
          }
        } else if (some !== undefined) {
          if (kind === 'stop') some.run.stop.abort(new Error('stopped'));
          else if (!some.run.running) continue;
          await settled();
          if (kind === 'end' || !some.run.running) runs.splice(runs.indexOf(some), 1);
          if (kind === 'end' || !some.run.running) some.run.end();
        }
        await settled();
        check(all, runs, limit);
      }
      for (const { run } of runs) run.stop.abort(new Error('over'));
      await settled();
      for (const { run } of runs) run.end();
      expect([all.running, all.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});

function check(
  all: Slots,
  runs: readonly { readonly run: Run; readonly of: Owner }[],
  limit: { readonly runsPerUser: number; readonly runsTotal: number; readonly queuePerUser: number },
): void {
  expect(all.running).toBe(runs.filter(({ run }) => run.running).length);
  expect(all.running).toBeLessThanOrEqual(limit.runsTotal);
  for (const each of [ada, bob, cyd]) {
    const own = runs.filter(({ of }) => of === each);
    const waiting = own.filter(({ run }) => !run.running);
    expect(own.length - waiting.length).toBeLessThanOrEqual(limit.runsPerUser);
    expect(waiting.length).toBeLessThanOrEqual(limit.queuePerUser);
    // Nobody waits while there is room for him.
    const room = all.running < limit.runsTotal && own.length - waiting.length < limit.runsPerUser;
    if (room) expect(waiting).toHaveLength(0);
    // The places of those who wait are 1, 2, 3 … in their order.
    expect(waiting.map(({ run }) => run.positions.at(-1))).toEqual(waiting.map((_, index) => index + 1));
  }
}

/** Lets every microtask that is ready run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

test('A4: the house waits for nobody, and takes nothing from anybody', async () => {
  const all = slots({ runsTotal: 1 });
  const hers = new Run(all, ada);
  await hers.entered;

  const own = new Run(all, house);
  await own.entered;

  expect(all.running).toBe(1);
  own.end();
  expect(all.running).toBe(1);
});
