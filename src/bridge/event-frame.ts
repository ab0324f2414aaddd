import type { AgentEvent, EventType } from '../context/event.ts';
import { packDeltaText, packEvent } from '../context/event-tuple.ts';
import { isTerminal } from '../context/run-status.ts';
import type { NewEvent } from '../event/store.ts';

/** An event as it goes on the wire, without the bracket that ends its tuple: what follows differs from frame to frame. */
export interface EncodedEvent {
  readonly seq: number;
  readonly at: number;
  readonly open: string;
  readonly terminal: boolean;
}

/** A run of events of one stream, as one `ev` frame. Sockets that stand at the same place share it. */
export interface EventFrame {
  readonly after: number;
  readonly last: number;
  readonly bytes: Buffer;
  readonly terminal: boolean;
}

export function encodeEvent(event: AgentEvent): EncodedEvent {
  return encoded(event, JSON.stringify(packEvent(event, event.at)));
}

/** The same of an event that was just committed. */
export function encodeNew(seq: number, event: NewEvent): EncodedEvent {
  const tuple = packDeltaText(event.type, event.data);
  return tuple === undefined ? encodeEvent(parseNew(seq, event)) : encoded({ seq, ...event }, tuple);
}

export function parseNew(seq: number, { type, at, data }: NewEvent): AgentEvent {
  // A parse boundary: the emitter checked the data against the schema and wrote it as JSON.
  return { seq, type, at, data: JSON.parse(data) } as AgentEvent;
}

function encoded({ seq, at, type }: Pick<AgentEvent, 'seq' | 'at' | 'type'>, tuple: string): EncodedEvent {
  return { seq, at, open: tuple.slice(0, -1), terminal: isTerminal(type) };
}

/** How every frame of a log begins. */
export function frameHead(stream: string, epoch: string): string {
  return `{"t":"ev","s":${JSON.stringify(stream)},"e":${JSON.stringify(epoch)},"from":`;
}

/** One frame of the events from the first on, as many as fit into `quantumBytes`, and one at least. */
export function eventFrame(
  head: string,
  events: readonly EncodedEvent[],
  quantumBytes: number,
): EventFrame | undefined {
  const [first] = events;
  if (first === undefined) return undefined;
  let last = first;
  let text = `${head}${first.seq},"at":${first.at},"ev":[`;
  for (const event of events) {
    if (event !== first && text.length + event.open.length > quantumBytes) break;
    const ms = event.at - first.at;
    text += `${event === first ? '' : ','}${event.open}${ms === 0 ? ']' : `,${ms}]`}`;
    last = event;
  }
  return { after: first.seq - 1, last: last.seq, bytes: Buffer.from(`${text}]}`), terminal: last.terminal };
}

/** Whether a busy connection may wait for more before it sends this: text that streams and reports of progress. */
export function mayGather(type: EventType): boolean {
  return (
    type === 'message_delta' || type === 'reasoning_delta' || type === 'tool_input_delta' || type === 'tool_progress'
  );
}
