import type { Json } from '../base/canonical-json.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { DatabaseSessionManager } from '../event/database-session-manager.ts';
import type { ArtifactAccess } from '../tool/artifact-access.ts';
import type { Tool, ToolSet } from '../tool/tool.ts';

/** An agent's tools as functions: input in, output out, each call recorded. */
export type CallableTools<Tools extends ToolSet> = {
  readonly [Name in keyof Tools]: Tools[Name] extends Tool<infer Input, infer Output>
    ? (input: Input) => Promise<Output>
    : never;
};

/**
 * What a code agent works with. Steps, tool calls and child runs are recorded:
 * when another worker takes the run over, the body runs once more from its
 * start, and what is recorded returns its recorded result.
 *
 * So that this works, a body takes time, ids and randomness from here, and does
 * everything that has an effect inside a step or a tool.
 */
export interface AgentContext<Input = unknown, Tools extends ToolSet = ToolSet> {
  readonly user: UserExecutionContext;
  readonly input: Input;
  readonly tools: CallableTools<Tools>;
  /** Aborts when the run is cancelled, is out of time, or its engine is disposed. Pass it on. */
  readonly signal: AbortSignal;
  /** 1 for the first time; more after a crash or a restart. */
  readonly attempt: number;
  /** Transactions on the application's tables as this user. Not recorded by itself: use it inside a step or a tool. */
  readonly database: DatabaseSessionManager;
  readonly artifacts: ArtifactAccess;

  /**
   * Runs `work` once and records its result, or its failure, under `name` and its occurrence.
   * The result must be JSON; `undefined` becomes `null`.
   *
   * `key` is the same for every attempt of this step, and no other step's: the idempotency key to give to others.
   *
   * @throws what `work` throws when it is an EnginehouseError, else `AGENT_THREW` with its message, in every attempt alike;
   * `STEP_MISMATCH` when the record says something else happened here.
   */
  step<Result>(
    name: string,
    work: (step: { readonly signal: AbortSignal; readonly key: string }) => Result | Promise<Result>,
  ): Promise<Result>;
  /** Says what the agent is about to do. */
  think(text: string): Promise<void>;
  /** Adds to the answer that the person reads, as it is written. */
  say(text: string): Promise<void>;
  /** Runs another agent as a child run, under this run's slot, deadline and cancellation, and gives its result. */
  agent<Result = Json>(name: string, input: unknown): Promise<Result>;
  /** Milliseconds since the Unix epoch; recorded, so a later attempt sees the same. */
  now(): Promise<number>;
  /** A fresh id; recorded. */
  id(): Promise<string>;
  /** A number from 0 up to, not including, 1; recorded. */
  random(): Promise<number>;
}
