/** The leaves of patterns: one maker for each kind. See `pattern-node.ts` for what a leaf is. */

import type { AgentEvent, EventData, EventType } from '../../context/event.ts';
import { isTerminal } from '../../context/run-status.ts';
import { asText, difference, isPlain } from './difference.ts';
import type { WholeCall } from './log-view.ts';
import { patternText, type Leaf, type PatternNode, type Reading, type Take } from './pattern-node.ts';

/** What an event's data must hold: of objects the named keys, a RegExp for a text, a function for anything. */
export type Where<T extends EventType> = { readonly [Field in keyof EventData<T>]?: unknown };

/** What is expected of a tool call beside its name; what is left out may be anything. */
export interface ToolExpectation {
  readonly input?: unknown;
  readonly output?: unknown;
  readonly outcome?: EventData<'tool_completed'>['outcome'] | undefined;
}

/** What is expected of a step beside its name. */
export interface StepExpectation {
  readonly output?: unknown;
  readonly outcome?: EventData<'step_completed'>['outcome'] | undefined;
}

/** A text, or what is to be found in one. */
export type TextExpectation = string | RegExp;

/** One event of a type. The three ends of a run are one kind: a run has one of them. */
export function eventLeaf<T extends EventType>(name: string, type: T, where?: Where<T>): Leaf {
  return {
    ...named(name, [where]),
    shape: 'event',
    names: (event) => event.type === type || (isTerminal(type) && isTerminal(event.type)),
    takes: (place, { log }) => {
      const event = log.events[place];
      return event?.type === type ? [takeIf(difference(where ?? {}, event.data), [place])] : [];
    },
  };
}

/** A call, from its beginning to its end. */
export function toolLeaf(name: string, expected?: ToolExpectation): Leaf {
  return {
    ...named('tool', [name, expected]),
    shape: 'call',
    names: ({ type }) => type === 'tool_executing' || type === 'tool_completed',
    takes: (place, { log }) => {
      const call = log.callAt(place);
      return call === undefined ? [] : [takeIf(callDifference(call, name, expected), call.places)];
    },
  };
}

/** A recorded step. What the agent took from its context (time, ids, randomness) is recorded as steps that nobody names. */
export function stepLeaf(name: string, { output, outcome }: StepExpectation = {}): Leaf {
  return {
    ...named('step', [name, output === undefined && outcome === undefined ? undefined : { output, outcome }]),
    shape: 'event',
    names: ({ type, data }) => type === 'step_completed' && (isOwnStep(name) || !isOwnStep(data.name)),
    takes: (place, { log }) => {
      const event = log.events[place];
      if (event?.type !== 'step_completed') return [];
      const { name: actual, outcome: ended, result } = event.data;
      const expected = { name, ...given({ output, outcome }) };
      return [takeIf(difference(expected, { name: actual, outcome: ended, output: result }), [place])];
    },
  };
}

/** A turn: one that says something when a text is expected. */
export function thinkLeaf(text?: TextExpectation): Leaf {
  return {
    ...named('think', [text]),
    shape: 'event',
    names: ({ type, data }) => type === 'agent_thinking' && (text === undefined || data.text !== undefined),
    takes: (place, { log }) => {
      const event = log.events[place];
      if (event?.type !== 'agent_thinking') return [];
      return [takeIf(text === undefined ? undefined : difference(text, event.data.text, 'what it thinks'), [place])];
    },
  };
}

/** What is said, however it was cut into events. */
export function textLeaf(name: string, type: 'message_delta' | 'reasoning_delta', text?: TextExpectation): Leaf {
  return {
    ...named(name, [text]),
    shape: 'text',
    said: typeof text === 'string' && type === 'message_delta' ? text : undefined,
    names: (event) => event.type === type,
    takes: (place, reading) => {
      if (reading.log.events[place]?.type !== type) return [];
      return typeof text === 'string' ? wholeText(text, place, reading) : foundText(text ?? /(?:)/, place, reading);
    },
  };
}

/** A child run, and what is expected of its own log. */
export function agentLeaf(name: string, inner?: PatternNode): Leaf {
  const { text, plain } = named('agent', [name]);
  return {
    text: inner === undefined ? text : `${text.slice(0, -1)}, ${patternText(inner)})`,
    // What is expected of the child may hold code.
    plain: plain && inner === undefined,
    shape: 'child',
    names: ({ type }) => type === 'subagent_started' || type === 'subagent_completed',
    takes: (place, { log, mismatch }) => {
      const child = log.childAt(place);
      if (child?.began === undefined) return [];
      const { agent, run } = child.began;
      const other = difference(name, agent, 'the agent') ?? (child.ended ? undefined : `agent ${agent} has not ended`);
      return [takeIf(other ?? (inner && mismatch(inner, run)), child.places)];
    },
  };
}

/** One thing of any kind. It names nothing. */
export const anyLeaf: Leaf = {
  text: 'any',
  plain: true,
  shape: 'any',
  names: () => false,
  takes: (place, { log }) => [{ places: log.callAt(place)?.places ?? log.childAt(place)?.places ?? [place] }],
};

function named(name: string, said: readonly unknown[]): Pick<Leaf, 'text' | 'plain'> {
  const words = said.filter((part) => part !== undefined);
  const text = words.length === 0 ? name : `${name}(${words.map(asText).join(', ')})`;
  return { text, plain: words.every(isPlain) };
}

function takeIf(why: string | undefined, places: readonly number[]): Take {
  return why === undefined ? { places } : { why };
}

function callDifference({ began, ended }: WholeCall, name: string, expected: ToolExpectation = {}): string | undefined {
  const tool = began?.tool ?? ended?.tool;
  if (tool !== name) return `the tool is ${tool}, not ${name}`;
  if (ended === undefined) return `tool ${name} has not ended`;
  const actual = { input: began?.input, output: ended.result, outcome: ended.outcome };
  const found = difference(given({ ...expected }), actual);
  return found === undefined ? undefined : `of tool ${name}, ${found}`;
}

function given(expected: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined));
}

function isOwnStep(name: string): boolean {
  return name.startsWith('enginehouse.');
}

/** The pieces from here on that are the text together. A piece that is half of it ends the search. */
function wholeText(text: string, place: number, { log }: Reading): readonly Take[] {
  const places: number[] = [];
  let said = '';
  for (const next of log.textsFrom(place).flat()) {
    said += deltaAt(log.events, next);
    places.push(next);
    if (said === text) return [{ places }];
    if (!text.startsWith(said)) break;
  }
  return [{ why: `what is said is ${asText(said)}, not ${asText(text)}` }];
}

/** The pieces up to each place where the text ends, or is broken off by something that the pattern names. */
function foundText(text: RegExp, place: number, { log, isNamed }: Reading): readonly Take[] {
  const takes: Take[] = [];
  const places: number[] = [];
  let said = '';
  for (const pieces of log.textsFrom(place)) {
    for (const [index, next] of pieces.entries()) {
      said += deltaAt(log.events, next);
      places.push(next);
      const until = pieces[index + 1];
      const goesOn = until !== undefined && !log.events.slice(next + 1, until).some(isNamed);
      if (!goesOn && said.search(text) !== -1) takes.push({ places: [...places] });
    }
  }
  return takes.length > 0 ? takes : [{ why: `what is said is ${asText(said)}, in which ${String(text)} is not found` }];
}

function deltaAt(events: readonly AgentEvent[], place: number): string {
  const event = events[place];
  return event?.type === 'message_delta' || event?.type === 'reasoning_delta' ? event.data.delta : '';
}
