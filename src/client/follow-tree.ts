/**
 * A run and all runs below it, as one sequence.
 *
 *   T1. Events of one run come in their order; those of a child come after its
 *       `subagent_started` and before its `subagent_completed`.
 *   T2. So the root's terminal event is the last of all.
 *   T3. A child is announced before it exists. It is looked for until it does,
 *       or until its parent says that it has ended.
 */

import { holdingClock, sleep, type Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { isEnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import { isTerminal } from '../context/run-status.ts';

/** One event of one run of the tree. */
export interface TreeEvent {
  readonly runId: string;
  readonly event: AgentEvent;
}

/** Where events come from: `(runId) => client.run(runId)`. A run that does not exist has none, or is `NOT_FOUND`. */
export type FollowRun = (runId: string) => AsyncIterable<AgentEvent>;

const RETRY_MS = { first: 20, most: 1_000 } as const;

/** A child has ended before its parent says so; what is left is to read its last events. */
const CHILD_END_TIMEOUT_MS = 10_000;

/**
 * Shows every event of a run and of the runs below it, and resolves after the last.
 *
 * @throws what `follow` throws, `DEADLINE` when a child's last events do not come.
 * @example
 * await followTree(run.id, (id) => client.run(id), ({ runId, event }) => console.log(runId, event.type));
 */
export async function followTree(
  root: string,
  follow: FollowRun,
  show: (seen: TreeEvent) => void,
  clock: Clock = holdingClock,
): Promise<void> {
  const children = new Map<string, Child>();
  for await (const event of follow(root)) {
    if (event.type === 'subagent_completed') await children.get(event.data.run)?.ended();
    if (isTerminal(event.type)) await Promise.all([...children.values()].map((child) => child.ended()));
    show({ runId: root, event });
    if (event.type === 'subagent_started' && !children.has(event.data.run)) {
      children.set(event.data.run, new Child(event.data.run, { follow, show, clock }));
    }
  }
}

interface ChildDeps {
  readonly follow: FollowRun;
  readonly show: (seen: TreeEvent) => void;
  readonly clock: Clock;
}

class Child {
  readonly #runId: string;
  readonly #deps: ChildDeps;
  readonly #over = new AbortController();
  readonly #whole: Promise<void>;

  constructor(runId: string, deps: ChildDeps) {
    this.#runId = runId;
    this.#deps = deps;
    this.#whole = this.#follow();
    // Whoever waits for the end learns of a failure.
    this.#whole.catch(() => undefined);
  }

  /** Resolves when all its events were shown. */
  ended(): Promise<void> {
    this.#over.abort();
    return withDeadline(
      `reading the events of child run ${this.#runId}`,
      CHILD_END_TIMEOUT_MS,
      this.#deps.clock,
      this.#whole,
    );
  }

  /** T3 */
  async #follow(): Promise<void> {
    const { signal } = this.#over;
    for (let pauseMs: number = RETRY_MS.first; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS.most)) {
      const last = signal.aborted;
      if ((await this.#showAll()) || last) return;
      if (!signal.aborted) await sleep(this.#deps.clock, pauseMs, signal).catch(() => undefined);
    }
  }

  /** Whether there was anything to show. */
  async #showAll(): Promise<boolean> {
    const { follow, show, clock } = this.#deps;
    let shown = false;
    try {
      await followTree(
        this.#runId,
        follow,
        (seen) => {
          shown = true;
          show(seen);
        },
        clock,
      );
      return shown;
    } catch (error) {
      if (!shown && isEnginehouseError(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }
}
