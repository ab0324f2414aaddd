/**
 * A run as one text that is the same every time the same thing happens: for
 * snapshots, for comparing a run with its repetition, and for failure messages.
 *
 *   C1. Ids are `run#1`, `artifact#1` … in the order of first sight. Times,
 *       durations, positions, ports and the cuts of streamed text are left out.
 *   C2. Neighbours that have no order (`lanes.ts`) are one `par`, sorted by what
 *       they say: any interleaving of them is the same text.
 *   C3. A child run stands below the line that called it, where its log is known.
 */

import { isDelta, type AgentEvent, type EventData } from '../../context/event.ts';
import { describeChild, describeDelta, describeEvent, describeTool } from './describe.ts';
import { blocksOf, type Lane } from './lanes.ts';
import { Names } from './names.ts';

export interface CanonicalOptions {
  /** The logs of child runs, by their ids. @default none: a child is one line */
  readonly children?: ReadonlyMap<string, readonly AgentEvent[]> | undefined;
  /** The run's own id, where the events speak of it. */
  readonly runId?: string | undefined;
  /** Whether later attempts and what they did again are told. Without them a run that was taken over reads as if nothing had happened. @default true */
  readonly attempts?: boolean | undefined;
}

/** One line of a canonical timeline, or several where a value is long. */
export interface CanonicalLine {
  readonly text: string;
  /** The events that it tells, by seq. None for lines of child runs. */
  readonly seqs: readonly number[];
}

/** The canonical text of a run: see the head of this file for what it says and what not. */
export function canonicalTimeline(events: readonly AgentEvent[], options: CanonicalOptions = {}): string {
  return canonicalLines(events, options)
    .map(({ text }) => text)
    .join('\n');
}

/** The same, with the events of each line. */
export function canonicalLines(
  events: readonly AgentEvent[],
  options: CanonicalOptions = {},
): readonly CanonicalLine[] {
  const writer = new Writer(options);
  return writer.lines(events);
}

interface Entry {
  /** With ids marked. */
  readonly text: string;
  readonly seqs: readonly number[];
  readonly inner: readonly Entry[];
}

class Writer {
  readonly #names = new Names();
  readonly #children: ReadonlyMap<string, readonly AgentEvent[]>;
  readonly #attempts: boolean;

  constructor({ children = new Map(), runId, attempts = true }: CanonicalOptions) {
    this.#children = children;
    this.#attempts = attempts;
    if (runId !== undefined) {
      this.#names.know('run', runId);
      // The run itself is the first, wherever it is spoken of.
      this.#names.numbered(this.#names.marked(JSON.stringify(runId)));
    }
    for (const events of children.values()) this.#names.learn(events);
  }

  lines(events: readonly AgentEvent[]): readonly CanonicalLine[] {
    this.#names.learn(events);
    return this.#print(this.#entries(events), '');
  }

  #entries(events: readonly AgentEvent[]): readonly Entry[] {
    const told = this.#attempts ? events : events.filter(isOfFirstAttempt);
    return joinBlocks(blocksOf(told)).map((block) => this.#block(block));
  }

  #block(block: readonly Lane[]): Entry {
    const acts = block.filter(({ kind }) => kind !== 'event');
    const only = block.length === 1 ? block.at(0) : acts.length === 1 ? acts.at(0) : undefined;
    if (only === undefined) return { text: 'par', seqs: [], inner: this.#sorted(joinTexts(block)) };
    const beside = joinTexts(block.filter((lane) => lane !== only)).map((lane) => this.#lane(lane));
    const { inner, ...entry } = this.#lane(only);
    return { ...entry, inner: [...inner, ...beside] };
  }

  /** C2 */
  #sorted(lanes: readonly Lane[]): readonly Entry[] {
    const keyed = lanes.map((lane) => {
      const entry = this.#lane(lane);
      return { entry, key: this.#key(entry) };
    });
    return keyed
      .toSorted((left, right) => (left.key < right.key ? -1 : Number(left.key > right.key)))
      .map(({ entry }) => entry);
  }

  #key({ text, inner }: Entry): string {
    return [this.#names.unnumbered(text), ...inner.map((entry) => this.#key(entry))].join('\n  ');
  }

  #lane({ kind, events }: Lane): Entry {
    const entry = (text: string, inner: readonly Entry[] = []): Entry => ({
      text: this.#names.marked(text),
      seqs: events.map(({ seq }) => seq),
      inner,
    });
    switch (kind) {
      case 'call':
        return entry(callText(events), this.#during(events));
      case 'child':
        return entry(childText(events), this.#child(events));
      default:
        return entry(plainText(events));
    }
  }

  /** What is told of a call between its beginning and its end. */
  #during(events: readonly AgentEvent[]): readonly Entry[] {
    const between = events.filter(({ type }) => type !== 'tool_executing' && type !== 'tool_completed');
    return joinTexts(between.map(laneOf)).map((lane) => this.#lane(lane));
  }

  /** C3 */
  #child(events: readonly AgentEvent[]): readonly Entry[] {
    const began = events.find(({ type }) => type === 'subagent_started');
    const log = began?.type === 'subagent_started' ? this.#children.get(began.data.run) : undefined;
    return log === undefined ? [] : this.#entries(log).map(withoutSeqs);
  }

  /** C1: numbers are given in the order of the lines. */
  #print(entries: readonly Entry[], indent: string): readonly CanonicalLine[] {
    return entries.flatMap(({ text, seqs, inner }) => {
      const shown = this.#names.numbered(text).replaceAll('\n', `\n${indent}    `);
      return [{ text: `${indent}${shown}`, seqs }, ...this.#print(inner, `${indent}  `)];
    });
  }
}

function withoutSeqs({ text, inner }: Entry): Entry {
  return { text, seqs: [], inner: inner.map(withoutSeqs) };
}

function laneOf(event: AgentEvent): Lane {
  return { kind: 'event', first: event.seq, last: event.seq, beside: false, events: [event] };
}

function callText(events: readonly AgentEvent[]): string {
  let began: EventData<'tool_executing'> | undefined;
  let ended: EventData<'tool_completed'> | undefined;
  for (const { type, data } of events) {
    if (type === 'tool_executing') began ??= data;
    if (type === 'tool_completed') ended ??= data;
  }
  return describeTool(began, ended);
}

function childText(events: readonly AgentEvent[]): string {
  let began: EventData<'subagent_started'> | undefined;
  let ended: EventData<'subagent_completed'> | undefined;
  for (const { type, data } of events) {
    if (type === 'subagent_started') began ??= data;
    if (type === 'subagent_completed') ended ??= data;
  }
  return describeChild(began, ended);
}

/** Where a stream was cut is a matter of timing: pieces of one text that follow one another are one. C1 */
function joinBlocks(blocks: readonly (readonly Lane[])[]): readonly (readonly Lane[])[] {
  const all: (readonly Lane[])[] = [];
  for (const block of blocks) {
    const before = all.at(-1);
    const lanes = before?.length === 1 && block.length === 1 ? joinTexts([...before, ...block]) : [];
    if (lanes.length === 1) all.splice(-1, 1, lanes);
    else all.push(block);
  }
  return all;
}

/** The same among lanes without an order: all pieces of one text are one. */
function joinTexts(lanes: readonly Lane[]): readonly Lane[] {
  const joined = new Map<string | number, Lane>();
  for (const [place, lane] of lanes.entries()) {
    const key = partOf(lane.events.at(0)) ?? place;
    const known = joined.get(key);
    joined.set(key, known === undefined ? lane : { ...known, events: [...known.events, ...lane.events] });
  }
  return [...joined.values()];
}

/** The text that an event is a piece of. A run is queued once, whatever its places in the line were. */
function partOf(event: AgentEvent | undefined): string | undefined {
  switch (event?.type) {
    case 'run_queued':
      return event.type;
    case 'message_delta':
      return `message ${event.data.message}`;
    case 'reasoning_delta':
      return `part ${event.data.part}`;
    case 'tool_input_delta':
      return `input ${event.data.call}`;
    default:
      return undefined;
  }
}

function plainText(events: readonly AgentEvent[]): string {
  const event = events.at(0);
  if (event === undefined) return '';
  if (!isDelta(event.type)) return describeEvent(event);
  return describeDelta(event.type, events.map(({ data }) => ('delta' in data ? data.delta : '')).join(''));
}

function isOfFirstAttempt({ type, data }: AgentEvent): boolean {
  return type !== 'step_reset' && !(type === 'agent_started' && data.attempt > 1);
}
