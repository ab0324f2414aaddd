import { crc32 } from '../base/crc32.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import type { AgentEvent } from '../context/event.ts';
import { crcText } from '../context/wire.ts';

/**
 * The count and CRC-32 of what was received of a run, in the order of its seqs.
 * At the end they are those of the log, or what was shown is not the log. From a
 * cursor that brings no CRC nothing can be proven, and `crc` stays unknown.
 */
export class RunProof {
  #after: number;
  #crc: number | undefined;

  constructor(after: number, crc: string | undefined) {
    this.#after = after;
    if (after === 0) this.#crc = 0;
    else this.#crc = crc === undefined ? undefined : Number.parseInt(crc, 16);
  }

  /** The last seq that went into it. */
  get after(): number {
    return this.#after;
  }

  /** Of all events up to `after`, as the log writes it. */
  get crc(): string | undefined {
    return this.#crc === undefined ? undefined : crcText(this.#crc);
  }

  /** Takes an event. One that went in before changes nothing. */
  add(event: AgentEvent): void {
    if (event.seq !== this.#after + 1) return;
    this.#after = event.seq;
    if (this.#crc !== undefined) this.#crc = crc32(canonicalEvent(event), this.#crc);
  }
}
