import { expect, test } from 'vitest';

import type { AgentEvent } from '../context/event.ts';
import { EventBuffer } from './event-buffer.ts';

const EVERYTHING = Number.MAX_SAFE_INTEGER;

test('it holds what comes after its start, and finds it by seq', () => {
  const buffer = new EventBuffer();
  buffer.restart(10);

  fill(buffer, 3);

  expect([buffer.after, buffer.last]).toEqual([10, 13]);
  expect(buffer.at(11)?.seq).toBe(11);
  expect([buffer.at(10), buffer.at(14)]).toEqual([undefined, undefined]);
});

test('what is seen goes when there is too much, what is not seen never', () => {
  const buffer = new EventBuffer();
  fill(buffer, 10_500);

  expect(buffer.isFull(0)).toBe(true);
  expect(buffer.after).toBe(0);
  expect(buffer.isFull(600)).toBe(false);
  expect(buffer.after).toBe(500);
  expect(buffer.isFull(EVERYTHING)).toBe(false);
  expect(buffer.last - buffer.after).toBe(10_000);
});

test('there is room again when half of it is seen', () => {
  const buffer = new EventBuffer();
  fill(buffer, 10_000);

  expect(buffer.hasRoom(4_999)).toBe(false);
  expect(buffer.hasRoom(5_000)).toBe(true);
});

test('few large events fill it as well', () => {
  const buffer = new EventBuffer();
  fill(buffer, 20, 1_000_000);

  expect(buffer.isFull(0)).toBe(true);
  expect(buffer.hasRoom(10)).toBe(false);
  expect(buffer.hasRoom(12)).toBe(true);
  expect(buffer.after).toBe(12);
});

function fill(buffer: EventBuffer, count: number, bytes = 1): void {
  for (let made = 0; made < count; made += 1) {
    const event: AgentEvent = { seq: buffer.last + 1, type: 'agent_thinking', at: 1, data: { turn: made } };
    buffer.push(event, bytes);
  }
}
