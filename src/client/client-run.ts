import type { AgentEvent } from '../context/event.ts';
import type { Position } from '../context/wire.ts';
import type { FollowedRun, RunCursor, RunEvidence, RunView } from './followed-run.ts';
import type { RunResult } from './run-result.ts';

/** How a run is seen and steered from one place of an application. @internal */
export interface RunWays {
  readonly view: RunView;
  /** Resolves once the run exists, as far as this client has to see to that. */
  readonly begun: Promise<unknown>;
  readonly cancel: (reason: string | undefined) => Promise<Position>;
  readonly leave: () => void;
}

/**
 * A run as an application holds it. Iterating gives every event from the place
 * it was asked for, once and in order, across any number of drops, and ends
 * after the terminal event is proven; each iteration starts anew. An iteration
 * ends early with what the server refused, `STREAM_RESET` when what was shown is
 * not the log, or `CLOSED`.
 *
 * The client holds at most 10,000 events, or 16 MB, that an open iteration has
 * not taken; then it stops receiving this run until half of them are. So leave
 * an iteration that is not read any more, with `break` or `return()`.
 */
export class ClientRun implements AsyncIterable<AgentEvent> {
  readonly #run: FollowedRun;
  readonly #ways: RunWays;
  readonly #result: Promise<RunResult>;

  /** @internal */
  constructor(run: FollowedRun, ways: RunWays) {
    this.#run = run;
    this.#ways = ways;
    this.#result = ways.begun.then(() => run.result);
    // Nobody may be waiting for it.
    this.#result.catch(() => undefined);
  }

  get id(): string {
    return this.#run.id;
  }

  /**
   * Resolves once the run has ended, however it ended, and is proven.
   *
   * @throws what the server refused (`AGENT_UNKNOWN`, `NOT_FOUND`, `QUEUE_FULL` …), `STREAM_RESET`, `CLOSED`, `DISCONNECTED`.
   */
  get result(): Promise<RunResult> {
    return this.#result;
  }

  /** How much was received, and whether it is proven to be the log. */
  get proof(): RunEvidence {
    return this.#run.evidence;
  }

  /** Where the newest event is, to come back to later with the state it describes; `undefined` before the first. */
  get cursor(): RunCursor | undefined {
    return this.#run.cursor;
  }

  /** Asks the run to end. Resolves with the position of `cancel_requested` once the wish is durable; the run ends soon after. */
  cancel(reason?: string): Promise<Position> {
    return this.#ways.cancel(reason);
  }

  /** Follows it no longer. The run goes on. Iterations and a result that are open end with `CLOSED`. */
  leave(): void {
    this.#ways.leave();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AgentEvent, void> {
    await this.#ways.begun;
    yield* this.#run.read(this.#ways.view);
  }
}
