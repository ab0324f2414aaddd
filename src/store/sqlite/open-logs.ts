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
 * its log stands. Whoever writes is the only one who writes the file, so what is
 * remembered is what is in it; see `writing-connection.ts` for when it is forgotten.
 */
export class OpenLogs {
  readonly #logs = new Map<string, OpenLog>();

  /** The log as it is remembered, or else as `look` finds it. */
  find(owner: Owner, runId: RunId, look: () => OpenLog | undefined): OpenLog | undefined {
    const key = keyOf(owner, runId);
    const known = this.#logs.get(key);
    if (known !== undefined) return known;
    const found = look();
    if (found !== undefined) this.#remember(key, found);
    return found;
  }

  forget(owner: Owner, runId: RunId): void {
    this.#logs.delete(keyOf(owner, runId));
  }

  clear(): void {
    this.#logs.clear();
  }

  #remember(key: string, log: OpenLog): void {
    const [oldest] = this.#logs.keys();
    if (oldest !== undefined && this.#logs.size >= MOST_LOGS) this.#logs.delete(oldest);
    this.#logs.set(key, log);
  }
}

function keyOf(owner: Owner, runId: RunId): string {
  return `${ownerKey(owner)}\u0000${runId}`;
}
