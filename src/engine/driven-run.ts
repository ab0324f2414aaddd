import type { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { RunOrigin } from '../event/store.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import type { ValueKeeper } from '../event/value-keeper.ts';
import type { ToolDispatcher } from '../tool/tool-dispatcher.ts';
import type { AcceptedRun } from './agent-run.ts';

/** What a new run is made of. */
export interface NewRunRequest {
  readonly agent: string;
  readonly input: unknown;
  readonly origin: RunOrigin;
  readonly parentRunId?: RunId;
}

/** Waits for a slot; `moved` is told the place in the line. */
export type EnterSlot = (signal: AbortSignal, moved: (position: number) => void) => Promise<void>;

/** A run that this process drives, as the rest of the engine knows it. `RunDriver` is what it is. */
export interface DrivenRun {
  readonly context: UserExecutionContext;
  readonly values: ValueKeeper;
  /** The agent's name, once the run is known. */
  readonly agent: string;
  /** The run's writer at this moment. */
  readonly emitter: UserWebSocketEmitter;
  /** Resolves when this process is done with the run: with its terminal event, if it was written here. */
  readonly ended: Promise<AgentEvent | undefined>;
  /** Aborts when the run is to stop: with a `Cancellation`, a failure, or `Detached`. */
  readonly stopped: AbortSignal;
  accept(request: NewRunRequest): Promise<AcceptedRun>;
  resume(): Promise<boolean>;
  drive(enter: EnterSlot): Promise<void>;
  applyCommands(): Promise<void>;
  cancel(by: string, reason: string): Promise<void>;
  settleCancel(): Promise<void>;
  fail(error: EnginehouseError): void;
  detach(): void;
}

/** What the runs of one engine share. */
export interface RunHome {
  readonly database: DatabaseSessionManager;
  readonly dispatcher: ToolDispatcher;
  /** Makes the driver of another run of the same user. */
  createDriver(context: UserExecutionContext): DrivenRun;
}
