import fc from 'fast-check';
import { expect, test } from 'vitest';

import { arbitraryEvent } from '../../test/support/arbitrary-event.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { canonicalEvent, canonicalEventText } from './canonical-event.ts';
import { EVENT_DATA, EVENT_TYPES } from './event.ts';
import { packEvent, unpackEvent, type EventTuple } from './event-tuple.ts';

test.each(EVENT_TYPES)('%s: the schema takes what the vocabulary allows, and changes nothing of it', (type) => {
  fc.assert(
    fc.property(arbitraryEvent(type), ({ data }) => {
      expect(canonicalJson(EVENT_DATA[type].parse(data))).toBe(canonicalJson(data));
    }),
    { numRuns: 30 },
  );
});

test.each(EVENT_TYPES)('%s: nothing is lost on a socket, so the CRC is that of the log', (type) => {
  fc.assert(
    fc.property(arbitraryEvent(type), fc.nat(), (event, frameAt) => {
      const frame = JSON.stringify(packEvent(event, frameAt));
      const shown = unpackEvent(JSON.parse(frame) as EventTuple, event.seq, frameAt);

      expect(canonicalEvent(shown)).toBe(canonicalEvent(event));
    }),
    { numRuns: 30 },
  );
});

test('a value keeps its key __proto__', () => {
  const data: unknown = JSON.parse('{"call":"c#0","tool":"c","input":{"__proto__":{"a":1}},"step":0}');

  expect(canonicalJson(EVENT_DATA.tool_executing.parse(data))).toBe(canonicalJson(data));
});

test('the bytes that a CRC is taken over are the same from the data and from its text', () => {
  fc.assert(
    fc.property(fc.constantFrom(...EVENT_TYPES).chain(arbitraryEvent), (event) => {
      const text = canonicalEventText(event.seq, event.type, event.at, canonicalJson(event.data));

      expect(text).toBe(canonicalEvent(event));
      expect(text.endsWith('\n')).toBe(true);
      expect(JSON.parse(text)).toEqual([event.seq, event.type, event.at, JSON.parse(JSON.stringify(event.data))]);
    }),
  );
});

test.each([
  ['a position of 0', 'run_queued', { position: 0 }],
  ['a count that is no whole number', 'agent_thinking', { turn: 1.5 }],
  [
    'an outcome that nobody knows',
    'subagent_completed',
    { run: 'r', agent: 'a', occurrence: 0, step: 0, alone: true, outcome: 'ok' },
  ],
  ['a call without a name', 'tool_progress', { call: '', progress: 1 }],
  ['no progress at all', 'tool_progress', { call: 'c#0' }],
  ['a failure without an error', 'agent_failed', {}],
] as const)('%s is refused', (_what, type, data) => {
  expect(EVENT_DATA[type].safeParse(data).success).toBe(false);
});
