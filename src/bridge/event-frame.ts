import type { AgentEvent, EventType } from '../context/event.ts';
import { packEvent } from '../context/event-tuple.ts';
import { isTerminal } from '../context/run-status.ts';

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

export interface FrameStream {
  readonly stream: string;
  readonly epoch: string;
}

export function encodeEvent(event: AgentEvent): EncodedEvent {
  const tuple = JSON.stringify(packEvent(event, event.at));
  return { seq: event.seq, at: event.at, open: tuple.slice(0, -1), terminal: isTerminal(event.type) };
}

/** One frame of the events from the first on, as many as fit into `quantumBytes`, and one at least. */
export function eventFrame(
  { stream, epoch }: FrameStream,
  events: readonly EncodedEvent[],
  quantumBytes: number,
): EventFrame | undefined {
  const [first] = events;
  if (first === undefined) return undefined;
  let last = first;
  let text = `{"t":"ev","s":${JSON.stringify(stream)},"e":${JSON.stringify(epoch)},"from":${first.seq},"at":${first.at},"ev":[`;
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
