/**
 * Where a run is in its life.
 *
 *   queued ──▶ running ◀──▶ parked       (waits for a person or a timer)
 *     │           │            │
 *     └───────────┴────────────┴──▶ completed, failed or cancelled
 *
 * A running run goes back to queued only when another attempt waits for a slot.
 * The last three are final: nothing leaves them. The status is a fold of the
 * log, kept beside it so that a listing need not read events.
 */

import type { EventType } from './event.ts';

export type RunStatus = 'queued' | 'running' | 'parked' | FinalStatus;
export type FinalStatus = 'completed' | 'failed' | 'cancelled';

const STATUS_AFTER: { readonly [Type in EventType]?: RunStatus } = {
  run_accepted: 'queued',
  run_queued: 'queued',
  agent_started: 'running',
  run_parked: 'parked',
  run_resumed: 'running',
  agent_completed: 'completed',
  agent_failed: 'failed',
  agent_cancelled: 'cancelled',
};

/** The status that an event of this type leads to; `undefined` when it changes nothing. */
export function statusAfter(type: EventType): RunStatus | undefined {
  return STATUS_AFTER[type];
}

export function isFinal(status: RunStatus): status is FinalStatus {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

export function isTerminal(type: EventType): type is 'agent_completed' | 'agent_failed' | 'agent_cancelled' {
  return type === 'agent_completed' || type === 'agent_failed' || type === 'agent_cancelled';
}
