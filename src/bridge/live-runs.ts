import { ownerKey, type Owner, type RunId } from '../context/ids.ts';
import type { NewEvent, Store } from '../event/store.ts';
import { LiveRun } from './live-run.ts';

/** A run that is kept while this is held. */
export interface HeldRun extends Disposable {
  readonly run: LiveRun;
}

/**
 * The runs that somebody follows, by owner and id. Everything is keyed by both,
 * so a foreign run id names another run, one that does not exist.
 */
export class LiveRuns {
  readonly #store: Store;
  readonly #runs = new Map<string, { readonly run: LiveRun; holders: number }>();

  constructor(store: Store) {
    this.#store = store;
  }

  get size(): number {
    return this.#runs.size;
  }

  hold(owner: Owner, runId: RunId): HeldRun {
    const key = keyOf(owner, runId);
    const entry = this.#runs.get(key) ?? { run: new LiveRun(owner, runId, this.#store.for(owner).log), holders: 0 };
    entry.holders += 1;
    this.#runs.set(key, entry);
    let held = true;
    return {
      run: entry.run,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        entry.holders -= 1;
        if (entry.holders === 0) this.#runs.delete(key);
      },
    };
  }

  /** What a run's writer calls with each commit. A run that nobody follows costs nothing. */
  advancerOf(owner: Owner, runId: RunId): (head: number, events: readonly NewEvent[]) => void {
    const key = keyOf(owner, runId);
    return (head, events) => this.#runs.get(key)?.run.advance(head, events);
  }
}

function keyOf(owner: Owner, runId: RunId): string {
  return `${ownerKey(owner)}\u0000${runId}`;
}
