import { ownerKey, type Owner, type RunId } from '../context/ids.ts';
import type { DrivenRun } from './driven-run.ts';

/** The runs that this process drives, found by owner and id. */
export class ActiveRuns {
  readonly #drivers = new Map<string, DrivenRun>();

  get size(): number {
    return this.#drivers.size;
  }

  get(owner: Owner, runId: RunId): DrivenRun | undefined {
    return this.#drivers.get(key(owner, runId));
  }

  add(driver: DrivenRun): Disposable {
    const { context } = driver;
    const place = key(context, context.runId);
    this.#drivers.set(place, driver);
    return {
      [Symbol.dispose]: () => {
        if (this.#drivers.get(place) === driver) this.#drivers.delete(place);
      },
    };
  }
}

function key(owner: Owner, runId: RunId): string {
  return `${ownerKey(owner)}\u0000${runId}`;
}
