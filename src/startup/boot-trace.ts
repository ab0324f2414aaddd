/**
 * What a boot did: its phases in order, which parts each read and which it made,
 * and what a caller had replaced. The test kit compares the trace of a test's
 * boot with one that a production entry wrote.
 *
 *   T1. A phase is handed its parts, and what it reads of them is noted as it
 *       reads it: nobody keeps a list by hand.
 *   T2. A part that is `undefined` was not made.
 *   T3. A trace file is whole or not there.
 */

import { rename, rm, writeFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';

import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';

/** The phases of a boot, in order. */
export const PHASES = ['configuration', 'store', 'bridge', 'tools', 'agents', 'factory', 'doors', 'readiness'] as const;

export type Phase = (typeof PHASES)[number];

export interface PhaseTrace {
  readonly phase: Phase;
  /** The parts that the phase read, in the order in which it first did. */
  readonly consumed: readonly string[];
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

/** Runs the phases one after another and notes what each read and made. */
export class Boot {
  readonly #phases: PhaseTrace[] = [];
  readonly #startedAt = performance.now();

  /** @throws the phase's own coded error, or `STARTUP_FAILED` naming it */
  async phase<Given extends object, Made extends object>(
    phase: Phase,
    given: Given,
    open: (parts: Given) => Made | Promise<Made>,
  ): Promise<Made> {
    const startedAt = performance.now();
    const read = new Set<string>();
    try {
      const made = await open(noting(given, read));
      this.#phases.push({ phase, consumed: [...read], provided: namesIn(made), ms: performance.now() - startedAt });
      return made;
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

  /** `seams` are what the caller gave to replace parts; those that are `undefined` replace nothing. */
  trace(seams: object): BootTrace {
    return { phases: Object.freeze([...this.#phases]), seams: namesIn(seams), ms: performance.now() - this.#startedAt };
  }
}

/** T3. @throws `CONFIG_INVALID` when the file cannot be written */
export async function writeBootTrace(file: string, trace: BootTrace): Promise<void> {
  const whole = `${file}.${process.pid}.part`;
  try {
    await writeFile(whole, `${JSON.stringify(trace)}\n`);
    await rename(whole, file);
  } catch (cause) {
    await rm(whole, { force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `ENGINEHOUSE_BOOT_TRACE names a file that cannot be written: ${reason}`;
    throw new EnginehouseError(
      'CONFIG_INVALID',
      message,
      { option: 'ENGINEHOUSE_BOOT_TRACE', received: file },
      { cause },
    );
  }
}

/** T1. The parts themselves, through a view that remembers the names that were read. */
function noting<Given extends object>(given: Given, read: Set<string>): Given {
  return new Proxy(given, {
    get: (parts, name, view) => {
      if (typeof name === 'string') read.add(name);
      return Reflect.get(parts, name, view) as unknown;
    },
  });
}

/** T2 */
function namesIn(parts: object): string[] {
  return Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [name]));
}
