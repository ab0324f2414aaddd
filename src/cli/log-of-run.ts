import { crc32 } from '../base/crc32.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import type { AgentEvent } from '../context/event.ts';
import { isTerminal } from '../context/run-status.ts';
import { crcText } from '../context/wire.ts';

export interface Reading {
  /** Events with `seq > after`. */
  readonly after: number;
  /** Go on until the run has ended. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** How many events there are, and the CRC-32 of all of them as eight digits. */
export interface Evidence {
  readonly n: number;
  readonly crc: string;
}

/** One run's log, wherever it is. */
export interface LogOfRun {
  read(reading: Reading): AsyncIterable<AgentEvent>;
  /** What the log says of itself. */
  claim(): Promise<Evidence>;
}

/** Adds up what was read, to hold against what the log claims. */
export class Tally {
  #n = 0;
  #crc = 0;
  #whole = false;

  add(event: AgentEvent): void {
    this.#crc = crc32(canonicalEvent(event), this.#crc);
    if (event.seq === this.#n + 1) this.#n = event.seq;
    this.#whole = isTerminal(event.type) && event.seq === this.#n;
  }

  /** Of a run that was read from its first event to its terminal one. */
  get evidence(): Evidence | undefined {
    return this.#whole ? { n: this.#n, crc: crcText(this.#crc) } : undefined;
  }
}
