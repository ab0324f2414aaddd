import type { AgentDefinition } from '../agent/define-agent.ts';
import type { Clock } from '../base/clock.ts';
import type { ErrorJson } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Owner, RunId, ThreadId } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { EventBridge } from '../event/event-bridge.ts';
import type { Store } from '../event/store.ts';
import type { ResolvedAuth } from './resolve-auth.ts';

/** What the doors ask of the factory: start a run, and wish its end. */
export interface RunDesk {
  /**
   * Commits the run and resolves once it is durable. The run goes on without the caller.
   *
   * @throws `AGENT_UNKNOWN`, `INPUT_INVALID`, `QUEUE_FULL`, `RUN_ID_CONFLICT`, store errors
   */
  startRun(
    context: UserExecutionContext,
    agent: string,
    input: unknown,
  ): Promise<{ readonly runId: RunId; readonly threadId: ThreadId; readonly created: boolean; readonly seq: number }>;
  /**
   * Keeps the wish and resolves with the seq of `cancel_requested`, or of the terminal event of a run that had ended.
   *
   * @throws `NOT_FOUND` for an unknown or foreign run
   */
  cancelRun(owner: Owner, request: CancelRequest): Promise<{ readonly seq: number }>;
}

export interface CancelRequest {
  /** The idempotency key. */
  readonly commandId: string;
  readonly runId: RunId;
  readonly reason: string;
  readonly by: string;
}

/** The outcome of a real event round trip. */
export interface Readiness {
  readonly ok: boolean;
  readonly ms: number;
  readonly error?: ErrorJson | undefined;
}

export interface DoorDeps {
  readonly desk: RunDesk;
  readonly store: Store;
  readonly bridge: Pick<EventBridge, 'follow'>;
  readonly agents: { list(): readonly AgentDefinition[] };
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly auth: ResolvedAuth;
  /** Values of the Host header that are served beside the loopback names, as `name` or `name:port`. */
  readonly allowedHosts: readonly string[];
  /** A real event round trip. How often one is made is its own business. Never rejects. */
  readonly ready: () => Promise<Readiness>;
  readonly log: Log;
  /** Where the built page is; `undefined` serves none. */
  readonly consoleFolder: string | undefined;
  readonly version: string;
}
