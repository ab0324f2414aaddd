import { ownerKey, type Owner, type RunId } from '../../context/ids.ts';
import type { RunStatus } from '../../context/run-status.ts';

/** Where a log stands, with the key of its run. */
export interface OpenLog {
  readonly run: number;
  readonly generation: number;
  head: number;
  crc: number;
  status: RunStatus;
}

const MOST_LOGS = 8_192;

/**
 * The logs that were appended to last, so that an append need not look up where
 * its log stands. What is remembered is what was in the store; each store says
 * what else may have written there, and when it forgets.
 */
export class OpenLogs {
  readonly #logs = new Map<string, OpenLog>();

  /** The log as it is remembered, or else as `look` finds it. */
  find(owner: Owner, runId: RunId, look: () => OpenLog | undefined): OpenLog | undefined {
    const known = this.get(owner, runId);
    if (known !== undefined) return known;
    const found = look();
    if (found !== undefined) this.remember(owner, runId, found);
    return found;
  }

  get(owner: Owner, runId: RunId): OpenLog | undefined {
    return this.#logs.get(keyOf(owner, runId));
  }

  remember(owner: Owner, runId: RunId, log: OpenLog): void {
    const key = keyOf(owner, runId);
    const [oldest] = this.#logs.keys();
    if (oldest !== undefined && this.#logs.size >= MOST_LOGS && !this.#logs.has(key)) this.#logs.delete(oldest);
    this.#logs.set(key, log);
  }

  forget(owner: Owner, runId: RunId): void {
    this.#logs.delete(keyOf(owner, runId));
  }

  clear(): void {
    this.#logs.clear();
  }
}

function keyOf(owner: Owner, runId: RunId): string {
  return `${ownerKey(owner)}\u0000${runId}`;
}
