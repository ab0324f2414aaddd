/**
 * Which events of a log belong together, and which have an order.
 *
 * A lane is a call, a child run or a step with all its events, or one event that
 * belongs to none of them. Lanes that have no order among them are one block:
 *
 *   B1. Lanes that overlap in the log are one block.
 *   B2. So are neighbours that ran beside others, as the log's `alone` tells: what
 *       did not run alone comes in another order each time, as in a takeover. A
 *       step shows only its end, so its overlap is not seen otherwise.
 *   B3. An event that belongs to no lane, while nothing is open, is a border.
 */

import type { AgentEvent } from '../../context/event.ts';

/** What happens by itself: a call, a child run, a step, or an event that is none of them. */
export interface Lane {
  readonly kind: 'call' | 'child' | 'step' | 'event';
  /** Places in the log, from 0. */
  readonly first: number;
  readonly last: number;
  /** Whether something ran beside it. */
  readonly beside: boolean;
  readonly events: readonly AgentEvent[];
}

type OpenLane = { -readonly [Field in keyof Lane]: Lane[Field] } & { readonly events: AgentEvent[] };

/** The log as blocks in order; the lanes of one block have none among them. */
export function blocksOf(events: readonly AgentEvent[]): readonly (readonly Lane[])[] {
  const blocks: Lane[][] = [];
  let until = -1;
  for (const lane of lanesOf(events)) {
    const overlaps = lane.first <= until ? blocks.at(-1) : undefined;
    if (overlaps === undefined) blocks.push([lane]);
    else overlaps.push(lane);
    until = Math.max(until, lane.last);
  }
  return withLoose(blocks);
}

/** B2 */
function withLoose(blocks: readonly (readonly Lane[])[]): readonly (readonly Lane[])[] {
  const all: Lane[][] = [];
  for (const block of blocks) {
    const before = all.at(-1);
    if (before !== undefined && isLoose(before) && isLoose(block)) before.push(...block);
    else all.push([...block]);
  }
  return all;
}

function isLoose(block: readonly Lane[]): boolean {
  return block.some(({ beside }) => beside);
}

/** Lanes by their first event. */
function lanesOf(events: readonly AgentEvent[]): readonly Lane[] {
  const lanes: OpenLane[] = [];
  const known = new Map<string, OpenLane>();
  for (const [place, event] of events.entries()) {
    const key = keyOf(event);
    const open = key === undefined ? undefined : known.get(key);
    const lane = open ?? { kind: kindOf(event), first: place, last: place, beside: false, events: [] };
    lane.events.push(event);
    // What has no end yet goes on as far as the log does.
    lane.last = key === undefined || isEnd(event) ? place : Number.POSITIVE_INFINITY;
    if ('alone' in event.data) lane.beside = !event.data.alone;
    if (open !== undefined) continue;
    lanes.push(lane);
    if (key !== undefined) known.set(key, lane);
  }
  return lanes;
}

function isEnd({ type }: AgentEvent): boolean {
  return type === 'tool_completed' || type === 'subagent_completed';
}

function kindOf({ type }: AgentEvent): Lane['kind'] {
  if (type === 'step_completed') return 'step';
  if (type === 'subagent_started' || type === 'subagent_completed') return 'child';
  return type.startsWith('tool_') || type.startsWith('approval_') ? 'call' : 'event';
}

function keyOf({ type, data }: AgentEvent): string | undefined {
  switch (type) {
    case 'tool_input_delta':
    case 'tool_executing':
    case 'tool_progress':
    case 'tool_completed':
    case 'approval_requested':
    case 'approval_resolved':
      return `call ${data.call}`;
    case 'subagent_started':
    case 'subagent_completed':
      return `child ${data.run}`;
    default:
      return undefined;
  }
}
