import { expect, test } from 'vitest';

import type { NewEvent } from '../event/store.ts';
import { HotTail } from './hot-tail.ts';

test('T1: it holds what follows what it has', () => {
  const tail = new HotTail(1_000);

  tail.advance(2, deltas(2));
  tail.advance(3, deltas(1));

  expect(tail.eventsAfter(0, 10)?.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(tail.eventsAfter(1, 1)?.map(({ seq }) => seq)).toEqual([2]);
  expect(tail.eventsAfter(3, 10)).toEqual([]);
});

test('T1: events that do not follow what it has, or that it was not given, start it anew', () => {
  const tail = new HotTail(1_000);
  tail.advance(2, deltas(2));

  tail.advance(9, deltas(1));
  expect(tail.eventsAfter(8, 10)).toBeUndefined();
  expect(tail.after).toBe(9);
  tail.advance(10, deltas(1));

  expect(tail.eventsAfter(9, 10)?.map(({ seq }) => seq)).toEqual([10]);
});

test('T2: past its limit the oldest go, and the newest stays however large it is', () => {
  const tail = new HotTail(100);

  tail.advance(3, deltas(3, 'x'.repeat(40)));
  expect(tail.after).toBe(2);
  tail.advance(4, deltas(1, 'x'.repeat(500)));

  expect(tail.after).toBe(3);
  expect(tail.eventsAfter(2, 10)).toBeUndefined();
  expect(tail.eventsAfter(3, 10)).toHaveLength(1);
});

test('T3: an event is encoded once, and each reader of the event has its own', () => {
  const tail = new HotTail(1_000);
  tail.advance(1, deltas(1));

  const [one] = tail.encodedAfter(0, 1) ?? [];
  const [two] = tail.encodedAfter(0, 1) ?? [];
  const [mine] = tail.eventsAfter(0, 1) ?? [];
  const [yours] = tail.eventsAfter(0, 1) ?? [];

  expect(one).toBe(two);
  expect(mine).toEqual(yours);
  expect(mine?.data).not.toBe(yours?.data);
});

function deltas(count: number, delta = 'word'): NewEvent[] {
  return Array.from({ length: count }, () => ({
    type: 'message_delta',
    at: 1,
    data: JSON.stringify({ delta, message: 'm' }),
  }));
}
