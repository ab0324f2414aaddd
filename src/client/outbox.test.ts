import { expect, test } from 'vitest';

import { TestClock } from '../testing/test-clock.ts';
import { Outbox } from './outbox.ts';

test('frames keep their order and go no faster than four fifths of what the server takes', async () => {
  const clock = new TestClock();
  const sent: string[] = [];
  using outbox = new Outbox((text) => sent.push(text), clock);
  outbox.pace([10, 5]);

  for (let n = 1; n <= 8; n += 1) outbox.push(String(n));
  expect(sent).toEqual(['1', '2', '3', '4']);
  await clock.advance(250);
  expect(sent).toHaveLength(6);
  await clock.advance(250);

  expect(sent).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  expect(clock.pending).toBe(0);
});

test('what waits when it is disposed is dropped', async () => {
  const clock = new TestClock();
  const sent: string[] = [];
  const outbox = new Outbox((text) => sent.push(text), clock);
  outbox.pace([1, 1]);
  outbox.push('1');
  outbox.push('2');

  outbox[Symbol.dispose]();
  outbox.push('3');
  await clock.advance(10_000);

  expect(sent).toEqual(['1']);
});
