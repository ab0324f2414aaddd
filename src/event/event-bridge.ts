import type { AgentEvent } from '../context/event.ts';
import type { Owner, RunId } from '../context/ids.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { UserWebSocketEmitter } from './user-websocket-emitter.ts';

/**
 * Carries the log to those who follow it. Declared here, implemented in
 * `bridge/`; the factory cannot exist without one.
 */
export interface EventBridge {
  /** The writer of the context's run, and of nothing else. */
  createUserEmitter(context: UserExecutionContext): UserWebSocketEmitter;
  /**
   * Follows one run of `owner` from after `after`: batches of events in order,
   * those that exist and then those that come, up to and with the terminal one.
   * Ends at once for an unknown or foreign run. Replay and live are one path.
   *
   * @throws the signal's reason when it aborts, `CLOSED` when the bridge closes.
   */
  follow(owner: Owner, runId: RunId, after: number, signal?: AbortSignal): AsyncIterable<readonly AgentEvent[]>;
}
