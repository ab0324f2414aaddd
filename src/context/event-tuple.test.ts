import fc from 'fast-check';
import { expect, test } from 'vitest';

import { canonicalJson } from '../base/canonical-json.ts';
import { packDeltaText, packEvent, unpackEvent } from './event-tuple.ts';
import type { AgentEvent } from './event.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('","message":"', '","delta":"', '\\","call":\\"', '"', '\\', '{"delta":"'),
);
const id = text.filter((value) => value !== '');
const delta = fc.oneof(
  fc.record({ type: fc.constant('message_delta' as const), data: fc.record({ delta: text, message: id }) }),
  fc.record({ type: fc.constant('reasoning_delta' as const), data: fc.record({ delta: text, part: id }) }),
  fc.record({ type: fc.constant('tool_input_delta' as const), data: fc.record({ call: id, delta: text }) }),
);

test('what a delta looks like on the wire is cut out of its text as if it had been parsed', () => {
  fc.assert(
    fc.property(delta, (event) => {
      const whole = { seq: 1, at: 5, ...event } as AgentEvent;

      const cut = packDeltaText(event.type, canonicalJson(event.data)) ?? '';

      expect(cut).toBe(JSON.stringify(packEvent(whole, 5)));
      expect(unpackEvent(JSON.parse(cut), 1, 5)).toEqual(whole);
    }),
  );
});

test('an event that is no delta is not cut', () => {
  expect(packDeltaText('tool_progress', '{"call":"a","progress":1}')).toBeUndefined();
  expect(packDeltaText('agent_completed', '{}')).toBeUndefined();
});
