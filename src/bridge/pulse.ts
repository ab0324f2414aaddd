import type { Clock, Disarm } from '../base/clock.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';

const BEATS = 16;

/**
 * One timer for all connections. Each is called once per `everyMs`, the first
 * time a whole `everyMs` after it was added, and they are spread over that time,
 * so that no thousand of them is called at once. It stands still when none is there.
 */
export class Pulse {
  readonly #everyMs: number;
  readonly #clock: Clock;
  readonly #resources: ResourceRegistry;
  readonly #slots: readonly Set<() => void>[] = Array.from({ length: BEATS }, () => new Set<() => void>());
  #members = 0;
  #beat = 0;
  #disarm: Disarm | undefined;

  constructor(everyMs: number, clock: Clock, resources: ResourceRegistry) {
    this.#everyMs = everyMs;
    this.#clock = clock;
    this.#resources = resources;
  }

  /** Calls `beat` from now on, until what it returns is called. */
  add(beat: () => void): () => void {
    const slot = this.#slots[this.#beat % BEATS];
    slot?.add(beat);
    this.#members += 1;
    if (this.#disarm === undefined) this.#arm();
    return () => {
      if (slot?.delete(beat) !== true) return;
      this.#members -= 1;
      if (this.#members === 0) this.#stop();
    };
  }

  #arm(): void {
    const given = this.#resources.opened('timer', 'pulse');
    const disarm = this.#clock.after(this.#everyMs / BEATS, () => {
      given();
      this.#arm();
      this.#next();
    });
    this.#disarm = () => {
      disarm();
      given();
    };
  }

  #next(): void {
    this.#beat += 1;
    for (const beat of this.#slots[this.#beat % BEATS] ?? []) beat();
  }

  #stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}
