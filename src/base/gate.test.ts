import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Gate } from './gate.ts';

const full = (waiting: number): Error => new Error(`${waiting} wait`);

test('as many as the capacity go in, the rest in the order they asked', async () => {
  const gate = new Gate(2, 10, full);
  const order: string[] = [];
  const enter = (name: string): Promise<Disposable> =>
    gate.enter().then((permit) => {
      order.push(name);
      return permit;
    });

  const [ada, bob, cyd, dee] = [enter('ada'), enter('bob'), enter('cyd'), enter('dee')];
  const first = await ada;
  await bob;
  expect(order).toEqual(['ada', 'bob']);
  expect(gate.waiting).toBe(2);
  first[Symbol.dispose]();
  (await cyd)[Symbol.dispose]();
  await dee;

  expect(order).toEqual(['ada', 'bob', 'cyd', 'dee']);
});

test('G1: a permit that is given back twice frees one place', async () => {
  const gate = new Gate(1, 10, full);
  const permit = await gate.enter();
  permit[Symbol.dispose]();
  permit[Symbol.dispose]();

  await gate.enter();
  const second = gate.enter();

  expect(gate.waiting).toBe(1);
  second.catch(() => undefined);
});

test('G2: a waiter that is aborted leaves the line at once and takes no permit', async () => {
  const gate = new Gate(1, 10, full);
  const permit = await gate.enter();
  const leaver = new AbortController();
  const left = gate.enter(leaver.signal);
  const stayed = gate.enter();

  leaver.abort(new Error('no time'));

  await expect(left).rejects.toThrow('no time');
  expect(gate.waiting).toBe(1);
  permit[Symbol.dispose]();
  await expect(stayed).resolves.toBeDefined();
});

test('G2: a signal that is aborted already does not even enter a free gate', async () => {
  const gate = new Gate(1, 0, full);

  await expect(gate.enter(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  await expect(gate.enter()).resolves.toBeDefined();
});

test('G3: past its bound the line refuses', async () => {
  const gate = new Gate(1, 1, full);
  await gate.enter();
  void gate.enter();

  await expect(gate.enter()).rejects.toThrow('1 wait');
});

test('any order of entering, leaving and aborting keeps the capacity and loses no permit', async () => {
  const actions = fc.array(
    fc.record({ kind: fc.constantFrom('enter', 'leave', 'abort', 'leave twice'), which: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), actions, async (capacity, steps) => {
      const gate = new Gate(capacity, 1_000, full);
      const held: Disposable[] = [];
      const waiters: AbortController[] = [];
      for (const { kind, which } of steps) {
        if (kind === 'enter') {
          const controller = new AbortController();
          waiters.push(controller);
          gate.enter(controller.signal).then(
            (permit) => held.push(permit),
            () => undefined,
          );
        } else if (kind === 'abort') waiters.at(which % Math.max(1, waiters.length))?.abort();
        else {
          const permit = held.splice(which % Math.max(1, held.length), 1).at(0);
          permit?.[Symbol.dispose]();
          if (kind === 'leave twice') permit?.[Symbol.dispose]();
        }
        await settled();
        expect(held.length).toBeLessThanOrEqual(capacity);
        if (gate.waiting > 0) expect(held.length).toBe(capacity);
      }
      for (const waiter of waiters) waiter.abort();
      for (const permit of held.splice(0)) permit[Symbol.dispose]();
      await settled();
      for (const permit of held.splice(0)) permit[Symbol.dispose]();

      await Promise.all(Array.from({ length: capacity }, () => gate.enter()));
      expect(gate.waiting).toBe(0);
    }),
    { numRuns: 60 },
  );
});

/** Lets every microtask that is ready run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
