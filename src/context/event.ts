/**
 * The event vocabulary: one schema for the server, the client, the tests and
 * the docs. A run is a numbered sequence of these, and everything else (sockets,
 * pages, tests, billing, recovery) is a projection of it.
 *
 * `seq` is 1, 2, 3 … without gaps per run. Order comes from `seq`, never from
 * `at`. Exactly one terminal event ends a run, and nothing comes after it.
 */

import { z } from 'zod';

import type { Json } from '../base/canonical-json.ts';

/** Any JSON value. What is inside is not walked here: it becomes canonical JSON when the event is written, and that refuses what is none. */
const json: z.ZodType<Json> = z.custom<Json>(
  (received) => received !== undefined && typeof received !== 'function',
  'must be JSON',
);
const id = z.string().min(1).max(256);
const count = z.int().min(0);
const error = z.object({
  code: z.string(),
  message: z.string(),
  details: json,
  cure: z.string(),
  retry: z.enum(['no', 'now', 'after']),
  retryAfterMs: z.number().optional(),
  ref: z.string(),
});

/** A value inside an event, or, above 32 KB, a reference to the artifact that holds its JSON. */
const value = { result: json.optional(), resultArtifact: id.optional() };

/** What each event type carries. Adding a line here adds a type to the vocabulary. */
export const EVENT_DATA = {
  /** The run is committed. The input is inline up to 32 KB, else an artifact. */
  run_accepted: z.object({
    agent: z.string(),
    version: z.string(),
    input: json.optional(),
    inputArtifact: id.optional(),
    parent: id.optional(),
  }),
  /** The user is at the limit; `position` 1 is next. */
  run_queued: z.object({ position: z.int().min(1) }),
  /** An engine owns the run. `attempt` counts from 1; above 1 it is a recovery. */
  agent_started: z.object({ agent: z.string(), attempt: z.int().min(1) }),
  /** A turn begins: a model call, or what a code agent says it is about to do. */
  agent_thinking: z.object({ text: z.string().optional(), model: z.string().optional(), turn: count }),
  reasoning_delta: z.object({ delta: z.string(), part: id }),
  message_delta: z.object({ delta: z.string(), message: id }),
  message_completed: z.object({ message: id, role: z.enum(['assistant', 'user', 'tool']), parts: z.array(json) }),
  /** One recorded step ended. `step` is its place in the order of starts; `alone` says that no other ran beside it. */
  step_completed: z.object({
    step: count,
    name: z.string(),
    occurrence: count,
    alone: z.boolean(),
    outcome: z.enum(['ok', 'error']),
    ...value,
    error: error.optional(),
  }),
  /** A step or attempt is run again after a failure or a crash; what it showed is withdrawn. */
  step_reset: z.object({ step: count, reason: z.string() }),
  tool_input_delta: z.object({ call: id, delta: z.string() }),
  /** Input checked and permitted: the tool starts. */
  tool_executing: z.object({ call: id, tool: z.string(), input: json, step: count }),
  tool_progress: z.object({ call: id, progress: json }),
  tool_completed: z.object({
    call: id,
    tool: z.string(),
    step: count,
    alone: z.boolean(),
    outcome: z.enum(['ok', 'error', 'denied', 'timeout', 'unknown']),
    ...value,
    error: error.optional(),
    durationMs: z.number().min(0),
  }),
  approval_requested: z.object({ approval: id, call: id, reason: z.string().optional() }),
  approval_resolved: z.object({
    approval: id,
    call: id,
    decision: z.enum(['approved', 'denied', 'expired']),
    by: z.string(),
  }),
  /** Shared state changed, as an RFC 6902 patch. */
  state_changed: z.object({ patch: z.array(json) }),
  /** A file, table or chart for the person. */
  artifact_created: z.object({
    artifact: id,
    kind: z.string(),
    title: z.string(),
    mediaType: z.string(),
    bytes: count,
  }),
  subagent_started: z.object({ run: id, agent: z.string(), occurrence: count, step: count }),
  subagent_completed: z.object({
    run: id,
    agent: z.string(),
    occurrence: count,
    step: count,
    alone: z.boolean(),
    outcome: z.enum(['completed', 'failed', 'cancelled']),
    ...value,
    error: error.optional(),
  }),
  /** Tokens and money; cost in millionths of a US dollar. */
  usage_recorded: z.object({ input: count, output: count, cached: count.optional(), costMicroUsd: count.optional() }),
  /** The wish to cancel is durable. */
  cancel_requested: z.object({ by: z.string(), reason: z.string() }),
  run_parked: z.object({ reason: z.string(), until: z.number().optional() }),
  run_resumed: z.object({ reason: z.string() }),
  agent_completed: z.object({ ...value }),
  agent_failed: z.object({ error }),
  agent_cancelled: z.object({ reason: z.string(), by: z.string() }),
} as const;

export type EventType = keyof typeof EVENT_DATA;

/** What an event of type `T` carries. */
export type EventData<T extends EventType = EventType> = z.output<(typeof EVENT_DATA)[T]>;

/** One event of a run, as it is kept and shown. */
export type AgentEvent<T extends EventType = EventType> = {
  [Type in T]: {
    readonly seq: number;
    readonly type: Type;
    /** Milliseconds since the Unix epoch, by the clock of the node that wrote it. */
    readonly at: number;
    readonly data: EventData<Type>;
  };
}[T];

export const EVENT_TYPES: readonly EventType[] = Object.keys(EVENT_DATA) as EventType[];

/** Text that is streamed in parts: adjacent ones of one part are merged before they are kept. */
export function isDelta(type: EventType): type is 'message_delta' | 'reasoning_delta' | 'tool_input_delta' {
  return type === 'message_delta' || type === 'reasoning_delta' || type === 'tool_input_delta';
}
