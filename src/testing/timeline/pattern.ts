/**
 * The functions of `t`, by which a test says what it expects of a run:
 *
 *   t.seq(t.started, t.par(t.tool('a'), t.tool('b')), t.completed)
 *
 * A name is a pattern by itself, and takes what is expected of it: `t.failed`,
 * `t.failed('TOOL_TIMEOUT')`. What may stand between the named ones:
 *
 *   Q1. Events of kinds that the pattern does not name may stand anywhere. Kinds
 *       are calls, steps, child runs, what is thought, what is said, how a run
 *       ends, and each other event type. So whoever names a tool names all calls.
 *   Q2. In `t.exactly(…)` nothing stands between the first and the last of it,
 *       save what a call tells of itself (its progress, its approval).
 *   Q3. `t.seq`: each part begins after the one before has ended. `t.par`: there
 *       is no order among the parts; they may overlap or not. `t.times(n, x)` is
 *       n of it without an order; put into `t.seq` what must follow.
 *   Q4. `t.any` is one thing of any kind, `t.anything` any number of things,
 *       of named kinds too.
 */

import { EnginehouseError } from '../../base/errors.ts';
import type { EventType } from '../../context/event.ts';
import { asText } from './difference.ts';
import {
  agentLeaf,
  anyLeaf,
  eventLeaf,
  stepLeaf,
  textLeaf,
  thinkLeaf,
  toolLeaf,
  type StepExpectation,
  type TextExpectation,
  type ToolExpectation,
  type Where,
} from './leaves.ts';
import type { Leaf, Pattern, PatternNode } from './pattern-node.ts';

/** A pattern that takes what is expected of it: it may be used as it is, or called. */
export type Narrowable<Expected> = Pattern & ((expected: Expected) => Pattern);
export type EventPattern<T extends EventType> = Narrowable<Where<T>>;

export interface PatternBuilder {
  /** All of it, one after the other. */
  seq(...parts: readonly Pattern[]): Pattern;
  /** All of it, in any order, also at once. */
  par(...parts: readonly Pattern[]): Pattern;
  /** `n` of it, in any order, also at once. */
  times(n: number, part: Pattern): Pattern;
  /** It, or nothing. */
  maybe(part: Pattern): Pattern;
  /** All of it, one after the other, and nothing else between the first and the last. */
  exactly(...parts: readonly Pattern[]): Pattern;
  /** One thing, whatever it is. */
  readonly any: Pattern;
  /** Any number of things, whatever they are. */
  readonly anything: Pattern;

  /** A tool call from its beginning to its end, whatever its outcome unless that is said. */
  tool(name: string, expected?: ToolExpectation): Pattern;
  /** A recorded step. */
  step(name: string, expected?: StepExpectation): Pattern;
  /** A turn. With a text, turns that begin without a word may stand anywhere. */
  readonly think: Narrowable<TextExpectation>;
  /** What is said to the person, however it was cut into events: a text as it is, or a RegExp that finds something in it. */
  readonly say: Narrowable<TextExpectation>;
  /** What a model reasons. */
  readonly reason: Narrowable<TextExpectation>;
  /** A child run of that agent, and what is expected of its own log. */
  agent(name: string, inner?: Pattern): Pattern;
  /** The run fails, with that code. */
  readonly failed: Narrowable<TextExpectation>;
  /** The run is cancelled, for that reason. */
  readonly cancelled: Narrowable<TextExpectation>;
  readonly accepted: EventPattern<'run_accepted'>;
  readonly queued: EventPattern<'run_queued'>;
  readonly started: EventPattern<'agent_started'>;
  readonly parked: EventPattern<'run_parked'>;
  readonly resumed: EventPattern<'run_resumed'>;
  /** `t.completed({ result: … })` says what the run gave. */
  readonly completed: EventPattern<'agent_completed'>;

  /** One event of a type. Below, each type by its own name. */
  event<T extends EventType>(type: T, where?: Where<T>): Pattern;
  readonly runAccepted: EventPattern<'run_accepted'>;
  readonly runQueued: EventPattern<'run_queued'>;
  readonly agentStarted: EventPattern<'agent_started'>;
  readonly agentThinking: EventPattern<'agent_thinking'>;
  readonly reasoningDelta: EventPattern<'reasoning_delta'>;
  readonly messageDelta: EventPattern<'message_delta'>;
  readonly messageCompleted: EventPattern<'message_completed'>;
  readonly stepCompleted: EventPattern<'step_completed'>;
  readonly stepReset: EventPattern<'step_reset'>;
  readonly toolInputDelta: EventPattern<'tool_input_delta'>;
  readonly toolExecuting: EventPattern<'tool_executing'>;
  readonly toolProgress: EventPattern<'tool_progress'>;
  readonly toolCompleted: EventPattern<'tool_completed'>;
  readonly approvalRequested: EventPattern<'approval_requested'>;
  readonly approvalResolved: EventPattern<'approval_resolved'>;
  readonly stateChanged: EventPattern<'state_changed'>;
  readonly artifactCreated: EventPattern<'artifact_created'>;
  readonly subagentStarted: EventPattern<'subagent_started'>;
  readonly subagentCompleted: EventPattern<'subagent_completed'>;
  readonly usageRecorded: EventPattern<'usage_recorded'>;
  readonly cancelRequested: EventPattern<'cancel_requested'>;
  readonly runParked: EventPattern<'run_parked'>;
  readonly runResumed: EventPattern<'run_resumed'>;
  readonly agentCompleted: EventPattern<'agent_completed'>;
  readonly agentFailed: EventPattern<'agent_failed'>;
  readonly agentCancelled: EventPattern<'agent_cancelled'>;
}

export const t: PatternBuilder = {
  seq: (...parts) => seq(parts),
  par: (...parts) => ({ node: { kind: 'par', parts: nodesOf(parts) } }),
  times: (n, part) => times(n, part),
  maybe: (part) => ({ node: { kind: 'maybe', part: nodeOf(part) } }),
  exactly: (...parts) => ({ node: { kind: 'exactly', part: parts.length === 1 ? nodeOf(parts[0]) : seq(parts).node } }),
  any: of(anyLeaf),
  anything: { node: { kind: 'anything' } },

  tool: (name, expected) => of(toolLeaf(name, expected)),
  step: (name, expected) => of(stepLeaf(name, expected)),
  think: narrowable((text) => thinkLeaf(text)),
  say: narrowable((text) => textLeaf('say', 'message_delta', text)),
  reason: narrowable((text) => textLeaf('reason', 'reasoning_delta', text)),
  agent: (name, inner) => of(agentLeaf(name, inner && nodeOf(inner))),
  failed: narrowable((code) =>
    end('failed', code, eventLeaf('failed', 'agent_failed', code === undefined ? {} : { error: { code } })),
  ),
  cancelled: narrowable((reason) =>
    end('cancelled', reason, eventLeaf('cancelled', 'agent_cancelled', reason === undefined ? {} : { reason })),
  ),
  accepted: ofEvent('accepted', 'run_accepted'),
  queued: ofEvent('queued', 'run_queued'),
  started: ofEvent('started', 'agent_started'),
  parked: ofEvent('parked', 'run_parked'),
  resumed: ofEvent('resumed', 'run_resumed'),
  completed: ofEvent('completed', 'agent_completed'),

  event: (type, where) => of(eventLeaf(camelCase(type), type, where)),
  runAccepted: ofEvent('runAccepted', 'run_accepted'),
  runQueued: ofEvent('runQueued', 'run_queued'),
  agentStarted: ofEvent('agentStarted', 'agent_started'),
  agentThinking: ofEvent('agentThinking', 'agent_thinking'),
  reasoningDelta: ofEvent('reasoningDelta', 'reasoning_delta'),
  messageDelta: ofEvent('messageDelta', 'message_delta'),
  messageCompleted: ofEvent('messageCompleted', 'message_completed'),
  stepCompleted: ofEvent('stepCompleted', 'step_completed'),
  stepReset: ofEvent('stepReset', 'step_reset'),
  toolInputDelta: ofEvent('toolInputDelta', 'tool_input_delta'),
  toolExecuting: ofEvent('toolExecuting', 'tool_executing'),
  toolProgress: ofEvent('toolProgress', 'tool_progress'),
  toolCompleted: ofEvent('toolCompleted', 'tool_completed'),
  approvalRequested: ofEvent('approvalRequested', 'approval_requested'),
  approvalResolved: ofEvent('approvalResolved', 'approval_resolved'),
  stateChanged: ofEvent('stateChanged', 'state_changed'),
  artifactCreated: ofEvent('artifactCreated', 'artifact_created'),
  subagentStarted: ofEvent('subagentStarted', 'subagent_started'),
  subagentCompleted: ofEvent('subagentCompleted', 'subagent_completed'),
  usageRecorded: ofEvent('usageRecorded', 'usage_recorded'),
  cancelRequested: ofEvent('cancelRequested', 'cancel_requested'),
  runParked: ofEvent('runParked', 'run_parked'),
  runResumed: ofEvent('runResumed', 'run_resumed'),
  agentCompleted: ofEvent('agentCompleted', 'agent_completed'),
  agentFailed: ofEvent('agentFailed', 'agent_failed'),
  agentCancelled: ofEvent('agentCancelled', 'agent_cancelled'),
};

/** What a test says: a pattern, or how to make one of `t`. */
export type Expectation = Pattern | ((t: PatternBuilder) => Pattern);

/** @throws `TEST_KIT_MISUSED` when it is no pattern. */
export function patternOf(expectation: Expectation): PatternNode {
  // What can be narrowed is a function too.
  if ('node' in expectation) return nodeOf(expectation);
  return nodeOf(expectation(t));
}

function of(leaf: Leaf): Pattern {
  return { node: { kind: 'leaf', leaf } };
}

function narrowable<Expected>(make: (expected?: Expected) => Leaf): Narrowable<Expected> {
  return Object.assign((expected: Expected) => of(make(expected)), of(make()));
}

function ofEvent<T extends EventType>(name: string, type: T): EventPattern<T> {
  return narrowable((where?: Where<T>) => eventLeaf(name, type, where));
}

/** Shows what was said of an end, not where it stands in the event. */
function end(name: string, said: TextExpectation | undefined, leaf: Leaf): Leaf {
  return { ...leaf, text: said === undefined ? name : `${name}(${asText(said)})` };
}

function seq(parts: readonly Pattern[]): Pattern {
  return { node: { kind: 'seq', parts: joinSaid(nodesOf(parts)) } };
}

function times(n: number, part: Pattern): Pattern {
  if (!Number.isSafeInteger(n) || n < 0 || n > MAX_TIMES)
    throw misused(`t.times(n, …) takes a whole number from 0 to ${MAX_TIMES}, got ${String(n)}`);
  return { node: { kind: 'par', parts: Array.from({ length: n }, () => nodeOf(part)) } };
}

const MAX_TIMES = 10_000;

function nodesOf(parts: readonly Pattern[]): readonly PatternNode[] {
  return parts.map(nodeOf);
}

/** Callers without types give a tool's name where its pattern is wanted. */
function nodeOf(pattern: Pattern | undefined): PatternNode {
  if (pattern?.node === undefined) throw misused(`a pattern is made by the functions of t, got ${asText(pattern)}`);
  return pattern.node;
}

/** Two texts that follow one another are one: where the log cuts them is a matter of timing. */
function joinSaid(parts: readonly PatternNode[]): readonly PatternNode[] {
  const joined: PatternNode[] = [];
  for (const part of parts) {
    const before = saidBy(joined.at(-1));
    const text = saidBy(part);
    if (before === undefined || text === undefined) joined.push(part);
    else joined.splice(-1, 1, t.say(before + text).node);
  }
  return joined;
}

function saidBy(node: PatternNode | undefined): string | undefined {
  return node?.kind === 'leaf' ? node.leaf.said : undefined;
}

function camelCase(type: EventType): string {
  return type.replaceAll(/_(\w)/g, (_found, letter: string) => letter.toUpperCase());
}

function misused(message: string): EnginehouseError {
  const cure = 'Write for example: t => t.seq(t.started, t.tool("search"), t.completed).';
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'pattern' }, { cure });
}
