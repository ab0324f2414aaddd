/** What an append must fulfil, and what it does to the log: the same in every store. */

import { crc32 } from 'node:zlib';

import { EnginehouseError } from '../../base/errors.ts';
import { canonicalEventText } from '../../context/canonical-event.ts';
import { isFinal, isTerminal, statusAfter, type RunStatus } from '../../context/run-status.ts';
import type { NewEvent } from '../../event/store.ts';
import type { OpenLog } from './open-logs.ts';
import type { AppendArgs } from './writes.ts';

/** @throws `LEASE_LOST`, `RUN_ENDED`, `LOG_CONFLICT` as the port says. */
export function refuseIntruder(log: OpenLog, { runId, generation, after, events }: AppendArgs): void {
  if (generation !== log.generation) {
    const message = `run ${runId} is held by generation ${log.generation}, not ${generation}`;
    throw new EnginehouseError('LEASE_LOST', message, { runId, generation });
  }
  const afterTheEnd = events.findIndex(({ type }) => isTerminal(type)) + 1;
  if (isFinal(log.status) || (afterTheEnd > 0 && afterTheEnd < events.length)) {
    throw new EnginehouseError('RUN_ENDED', `run ${runId} has ended, nothing can be written after that`, { runId });
  }
  if (after !== log.head) {
    const message = `run ${runId} has ${log.head} events, the append expected ${after}`;
    throw new EnginehouseError('LOG_CONFLICT', message, { runId, expected: after, head: log.head });
  }
}

export function noRun(runId: string): EnginehouseError {
  return new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
}

export interface NumberedEvent extends NewEvent {
  readonly seq: number;
  /** Of the log up to it. */
  readonly crc: number;
}

export function numberEvents(
  { head, crc }: Pick<OpenLog, 'head' | 'crc'>,
  events: readonly NewEvent[],
): readonly NumberedEvent[] {
  let seq = head;
  let sum = crc;
  return events.map(({ type, at, data }) => {
    seq += 1;
    sum = crc32(canonicalEventText(seq, type, at, data), sum);
    return { seq, type, at, data, crc: sum };
  });
}

export function statusWith(before: RunStatus, events: readonly NewEvent[]): RunStatus {
  return events.reduce((status, { type }) => statusAfter(type) ?? status, before);
}
