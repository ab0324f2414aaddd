import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { orAborted, withDeadline } from './deadline.ts';

test('work that ends in time settles as itself and takes its timer back', async () => {
  const clock = new TestClock();

  await expect(withDeadline('a step', 50, clock, Promise.resolve(7))).resolves.toBe(7);
  await expect(withDeadline('a step', 50, clock, Promise.reject(new Error('no')))).rejects.toThrow('no');

  expect(clock.pending).toBe(0);
});

test('work that hangs is named at its deadline, and its late failure is dropped', async () => {
  const clock = new TestClock();
  const work = Promise.withResolvers<void>();

  const waiting = expect(withDeadline('closing the store', 50, clock, work.promise)).rejects.toMatchObject({
    code: 'DEADLINE',
    message: 'closing the store did not end within 50 ms',
    details: { what: 'closing the store', timeoutMs: 50 },
  });
  await clock.advance(50);
  await waiting;

  work.reject(new Error('nobody waits for this'));
});

test('an aborted wait rejects with the reason, and its work is left behind', async () => {
  const stop = new AbortController();
  const work = Promise.withResolvers<void>();

  const waiting = orAborted(work.promise, stop.signal);
  stop.abort(new Error('cancelled'));

  await expect(waiting).rejects.toThrow('cancelled');
  work.reject(new Error('nobody waits for this'));
});

test('a wait that begins too late rejects at once, and the failure of its work is nobody’s', async () => {
  await expect(orAborted(Promise.reject(new Error('late')), AbortSignal.abort(new Error('over')))).rejects.toThrow(
    'over',
  );
});

test('a wait that ended has left the signal', async () => {
  const stop = new AbortController();

  await orAborted(Promise.resolve(1), stop.signal);
  await orAborted(Promise.reject(new Error('no')), stop.signal).catch(() => undefined);

  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});
