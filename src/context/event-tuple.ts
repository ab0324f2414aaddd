/**
 * Events on the native socket travel as short tuples `[type, id, payload, ms?]`:
 *
 *   id       the field that names the part (a message, a call, a run …), or null
 *   payload  for a delta its text, else what is left of the data
 *   ms       milliseconds after the frame's `at`; left out when 0
 *
 * Packing and unpacking lose nothing: the CRC at the end of a run is taken over
 * what was unpacked.
 */

import type { AgentEvent, EventType } from './event.ts';

export type EventTuple = readonly [type: string, id: string | null, payload: unknown, ms?: number];

const ID_FIELD: { readonly [Type in EventType]?: string } = {
  reasoning_delta: 'part',
  message_delta: 'message',
  message_completed: 'message',
  tool_input_delta: 'call',
  tool_executing: 'call',
  tool_progress: 'call',
  tool_completed: 'call',
  approval_requested: 'approval',
  approval_resolved: 'approval',
  artifact_created: 'artifact',
  subagent_started: 'run',
  subagent_completed: 'run',
};

const TEXT_ONLY: ReadonlySet<string> = new Set<EventType>(['reasoning_delta', 'message_delta', 'tool_input_delta']);

export function packEvent(event: AgentEvent, frameAt: number): EventTuple {
  const field = ID_FIELD[event.type];
  const data = event.data as Record<string, unknown>;
  let id: string | null = null;
  let payload: unknown = data;
  if (field !== undefined) {
    const { [field]: named, ...rest } = data;
    id = named as string;
    payload = TEXT_ONLY.has(event.type) ? rest['delta'] : rest;
  }
  const ms = event.at - frameAt;
  return ms === 0 ? [event.type, id, payload] : [event.type, id, payload, ms];
}

/**
 * The JSON of `packEvent` for a delta at `frameAt`, cut out of its canonical data
 * without parsing it; `undefined` for an event of another kind. A delta has two
 * fields, both texts, and no text in JSON holds a bare quotation mark: so what
 * looks like the border between them is the border.
 */
export function packDeltaText(type: EventType, data: string): string | undefined {
  const field = ID_FIELD[type];
  if (field === undefined || !TEXT_ONLY.has(type)) return undefined;
  const deltaFirst = 'delta' < field;
  const [first, second] = deltaFirst ? ['delta', field] : [field, 'delta'];
  const border = `","${second}":"`;
  const at = data.indexOf(border);
  const before = data.slice(`{"${first}":`.length, at + 1);
  const after = data.slice(at + border.length - 1, -1);
  return deltaFirst ? `["${type}",${after},${before}]` : `["${type}",${before},${after}]`;
}

export function unpackEvent(tuple: EventTuple, seq: number, frameAt: number): AgentEvent {
  const [type, id, payload, ms = 0] = tuple;
  const field = ID_FIELD[type as EventType];
  const rest = TEXT_ONLY.has(type) ? { delta: payload } : (payload as Record<string, unknown>);
  const data = field === undefined ? rest : { [field]: id, ...rest };
  // A parse boundary: the server checked the event against the schema when it was written.
  return { seq, type, at: frameAt + ms, data } as AgentEvent;
}
