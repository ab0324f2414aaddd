import fc from 'fast-check';

import type { AgentEvent, EventType } from '../../src/context/event.ts';

/** A text of any kind: other scripts, pairs of surrogates, quotes, lone surrogates too. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud83d', '"', ''),
);
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const count = fc.nat();
const json = fc.jsonValue({ maxDepth: 3 });
const error = fc.record(
  {
    code: text,
    message: text,
    details: json,
    cure: text,
    retry: fc.constantFrom('no', 'now', 'after'),
    retryAfterMs: fc.nat(),
    ref: text,
  },
  { requiredKeys: ['code', 'message', 'details', 'cure', 'retry', 'ref'] },
);
const value = { result: json, resultArtifact: id };

/** What the data of each type can be; `optional` fields may be absent. */
const DATA: { readonly [Type in EventType]: fc.Arbitrary<unknown> } = {
  run_accepted: data({ agent: text, version: text }, { input: json, inputArtifact: id, parent: id }),
  run_queued: data({ position: fc.integer({ min: 1 }) }),
  agent_started: data({ agent: text, attempt: fc.integer({ min: 1 }) }),
  agent_thinking: data({ turn: count }, { text, model: text }),
  reasoning_delta: data({ part: id, delta: text }),
  message_delta: data({ message: id, delta: text }),
  message_completed: data({
    message: id,
    role: fc.constantFrom('assistant', 'user', 'tool'),
    parts: fc.array(json, { maxLength: 3 }),
  }),
  step_completed: data(
    { step: count, name: text, occurrence: count, alone: fc.boolean(), outcome: fc.constantFrom('ok', 'error') },
    { ...value, error },
  ),
  step_reset: data({ step: count, reason: text }),
  tool_input_delta: data({ call: id, delta: text }),
  tool_executing: data({ call: id, tool: text, input: json, step: count }),
  tool_progress: data({ call: id, progress: json }),
  tool_completed: data(
    {
      call: id,
      tool: text,
      step: count,
      alone: fc.boolean(),
      outcome: fc.constantFrom('ok', 'error', 'denied', 'timeout', 'unknown'),
      durationMs: count,
    },
    { ...value, error },
  ),
  approval_requested: data({ approval: id, call: id }, { reason: text }),
  approval_resolved: data({
    approval: id,
    call: id,
    decision: fc.constantFrom('approved', 'denied', 'expired'),
    by: text,
  }),
  state_changed: data({ patch: fc.array(json, { maxLength: 3 }) }),
  artifact_created: data({ artifact: id, kind: text, title: text, mediaType: text, bytes: count }),
  subagent_started: data({ run: id, agent: text, occurrence: count, step: count }),
  subagent_completed: data(
    {
      run: id,
      agent: text,
      occurrence: count,
      step: count,
      alone: fc.boolean(),
      outcome: fc.constantFrom('completed', 'failed', 'cancelled'),
    },
    { ...value, error },
  ),
  usage_recorded: data({ input: count, output: count }, { cached: count, costMicroUsd: count }),
  cancel_requested: data({ by: text, reason: text }),
  run_parked: data({ reason: text }, { until: count }),
  run_resumed: data({ reason: text }),
  agent_completed: data({}, value),
  agent_failed: data({ error }),
  agent_cancelled: data({ reason: text, by: text }),
};

/** Any event of this type that the vocabulary allows. */
export function arbitraryEvent(type: EventType): fc.Arbitrary<AgentEvent> {
  const fields = { seq: fc.integer({ min: 1 }), type: fc.constant(type), at: fc.nat(), data: DATA[type] };
  // The vocabulary's own schema says that it is one; a test holds the two against each other.
  return fc.record(fields) as fc.Arbitrary<unknown> as fc.Arbitrary<AgentEvent>;
}

function data(
  required: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<unknown> {
  return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required), noNullPrototype: true });
}
