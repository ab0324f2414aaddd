/**
 * How a write goes to the writer's thread. An append, which most writes are,
 * goes as a list: to copy an object with its names costs several times as much.
 */

import type { EventType } from '../../context/event.ts';
import type { RunId, TenantId, UserId } from '../../context/ids.ts';
import type { Write, WriteName } from '../log/writes.ts';

type EventList = readonly [type: EventType, at: number, data: string];
type AppendList = readonly [
  tenantId: TenantId,
  userId: UserId,
  runId: RunId,
  generation: number,
  after: number,
  events: readonly EventList[],
];

export type WriteMessage = AppendList | Write<Exclude<WriteName, 'append'>>;

export function packWrite(write: Write): WriteMessage {
  if (write.name !== 'append') return write;
  const { owner, runId, generation, after, events } = write.args;
  const list = events.map(({ type, at, data }): EventList => [type, at, data]);
  return [owner.tenantId, owner.userId, runId, generation, after, list];
}

export function unpackWrite(message: WriteMessage): Write {
  if (!isAppend(message)) return message;
  const [tenantId, userId, runId, generation, after, list] = message;
  const events = list.map(([type, at, data]) => ({ type, at, data }));
  return { name: 'append', args: { owner: { tenantId, userId }, runId, generation, after, events } };
}

function isAppend(message: WriteMessage): message is AppendList {
  return Array.isArray(message);
}
