import { performance } from 'node:perf_hooks';

import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';

/** The phases of a boot, in order. */
export const PHASES = ['configuration', 'store', 'bridge', 'tools', 'agents', 'factory', 'doors', 'readiness'] as const;

export type Phase = (typeof PHASES)[number];

export interface PhaseTrace {
  readonly phase: Phase;
  /** The parts that the phase made. */
  readonly provided: readonly string[];
  readonly ms: number;
}

export interface BootTrace {
  readonly phases: readonly PhaseTrace[];
  /** What was replaced by a caller: the clock, the ids. A production boot has none. */
  readonly seams: readonly string[];
  readonly ms: number;
}

/** Runs the phases one after another and notes what each made. */
export class Boot {
  readonly #phases: PhaseTrace[] = [];
  readonly #startedAt = performance.now();

  /** @throws the phase's own coded error, or `STARTUP_FAILED` naming it */
  async phase<Parts extends object>(phase: Phase, open: () => Parts | Promise<Parts>): Promise<Parts> {
    const startedAt = performance.now();
    try {
      const parts = await open();
      this.#phases.push({ phase, provided: Object.keys(parts), ms: performance.now() - startedAt });
      return parts;
    } catch (cause) {
      if (isEnginehouseError(cause)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EnginehouseError(
        'STARTUP_FAILED',
        `the ${phase} phase of startup failed: ${reason}`,
        { phase, reason },
        { cause },
      );
    }
  }

  trace(seams: readonly string[]): BootTrace {
    return { phases: Object.freeze([...this.#phases]), seams, ms: performance.now() - this.#startedAt };
  }
}
