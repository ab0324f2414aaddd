/** What the log of a run says of the run as a whole, to hold against what the store keeps beside it. */

import { crc32 } from '../../base/crc32.ts';
import { canonicalEvent } from '../../context/canonical-event.ts';
import type { AgentEvent } from '../../context/event.ts';
import { isTerminal, statusAfter, type RunStatus } from '../../context/run-status.ts';
import { crcText } from '../../context/wire.ts';
import type { RunRecord } from '../../event/store.ts';

/** A run's state, as its events alone tell it. */
export interface RunFold {
  readonly status: RunStatus;
  /** CRC-32 of the canonical bytes of all events. */
  readonly crc: number;
  /** The last event's seq. */
  readonly head: number;
  readonly endedAt: number | undefined;
}

export function foldOf(events: readonly AgentEvent[]): RunFold {
  let status: RunStatus = 'queued';
  let crc = 0;
  let endedAt: number | undefined;
  for (const event of events) {
    status = statusAfter(event.type) ?? status;
    crc = crc32(canonicalEvent(event), crc);
    if (isTerminal(event.type)) endedAt = event.at;
  }
  return { status, crc, head: events.at(-1)?.seq ?? 0, endedAt };
}

/** The parts of a run's row that its events tell as well. */
export type FoldedRecord = Pick<RunRecord, keyof RunFold | 'agent' | 'version' | 'acceptedAt' | 'parentRunId'>;

/** Where the row of a run and its events differ; none when folding the log gives the row. */
export function disagreements(record: FoldedRecord, events: readonly AgentEvent[]): readonly string[] {
  const fold = foldOf(events);
  const first = events.at(0);
  const accepted = first?.type === 'run_accepted' ? first : undefined;
  const facts: readonly (readonly [what: string, row: unknown, log: unknown])[] = [
    ['status', record.status, fold.status],
    ['head', record.head, fold.head],
    ['crc', crcText(record.crc), crcText(fold.crc)],
    ['endedAt', record.endedAt, fold.endedAt],
    ['agent', record.agent, accepted?.data.agent],
    ['version', record.version, accepted?.data.version],
    ['acceptedAt', record.acceptedAt, accepted?.at],
    ['parentRunId', record.parentRunId, accepted?.data.parent],
  ];
  return facts.flatMap(([what, row, log]) =>
    row === log ? [] : [`${what} is ${String(row)} in the run's row, and ${String(log)} by its events`],
  );
}
