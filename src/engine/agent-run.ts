import type { ErrorJson } from '../base/errors.ts';
import type { Json } from '../base/canonical-json.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId, ThreadId } from '../context/ids.ts';

/** How a run ended. `seq` is the terminal event's. */
export type RunResult = { readonly runId: RunId; readonly seq: number } & (
  | { readonly status: 'completed'; readonly result: Json }
  | { readonly status: 'failed'; readonly error: ErrorJson }
  | { readonly status: 'cancelled'; readonly reason: string; readonly by: string }
);

/** What is known once a run is durable. */
export interface AcceptedRun {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  /** False when the owner had started this run id with the same input before; this is the same run then. */
  readonly created: boolean;
  /** Where the acceptance is visible. */
  readonly seq: number;
}

/**
 * A run as its starter holds it. Iterating gives its events from the first, as
 * they become durable; every iteration starts anew.
 */
export interface AgentRun extends AsyncIterable<AgentEvent> {
  readonly runId: RunId;
  /** Resolves once the run is durable. @throws `AGENT_UNKNOWN`, `INPUT_INVALID`, `QUEUE_FULL`, `RUN_ID_CONFLICT`, store errors */
  readonly accepted: Promise<AcceptedRun>;
  /** Resolves when the run has ended, however it ended. Rejects only when it was never accepted, or its runtime closed first. */
  readonly result: Promise<RunResult>;
  /** Events with `seq > after`. */
  events(options?: { readonly after?: number; readonly signal?: AbortSignal }): AsyncIterable<AgentEvent>;
  /** Asks the run to end. Resolves with the seq of `cancel_requested` once the wish is durable; the run ends soon after. */
  cancel(reason?: string): Promise<{ readonly seq: number }>;
}
