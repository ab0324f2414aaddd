import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import type { ValueKeeper } from '../event/value-keeper.ts';
import type { RunResult } from './agent-run.ts';

/** Who cancels, and why. It is the reason of the run's signal. */
export class Cancellation extends EnginehouseError<'RUN_CANCELLED'> {
  readonly by: string;
  readonly reason: string;

  constructor(runId: RunId, by: string, reason: string) {
    super('RUN_CANCELLED', `run ${runId} was cancelled: ${reason}`, { runId, reason });
    this.by = by;
    this.reason = reason;
  }
}

/** Whether the store may work again later, so that the run is worth another attempt. */
export function isStoreTrouble(error: unknown): boolean {
  return isEnginehouseError(error, 'STORE_FULL') || isEnginehouseError(error, 'STORE_FAILED');
}

/** The result that a terminal event tells, or `undefined` for any other event. */
export async function resultOf(runId: RunId, event: AgentEvent, values: ValueKeeper): Promise<RunResult | undefined> {
  const { seq } = event;
  switch (event.type) {
    case 'agent_completed':
      return { runId, seq, status: 'completed', result: await values.load(event.data) };
    case 'agent_failed':
      return { runId, seq, status: 'failed', error: event.data.error };
    case 'agent_cancelled':
      return { runId, seq, status: 'cancelled', ...event.data };
    default:
      return undefined;
  }
}
