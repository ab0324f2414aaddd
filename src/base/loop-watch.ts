/**
 * Notices that something held the event loop for too long, and who was at work.
 *
 * JavaScript cannot be interrupted, so this tells after the fact. Time during
 * which the process was not running at all (a laptop asleep, a stopped process)
 * does not count: only what used the processor does. It measures real time, also
 * in a test that drives its own clock.
 */

import { systemClock, type Disarm } from './clock.ts';

export class LoopWatch<Worker extends object> {
  readonly #limitMs: number;
  readonly #blocked: (worker: Worker, blockedMs: number) => void;
  readonly #working = new Set<Worker>();
  #current: Worker | undefined;
  #tickAt = 0;
  #tickCpuMs = 0;
  #disarm: Disarm | undefined;

  constructor(limitMs: number, blocked: (worker: Worker, blockedMs: number) => void) {
    this.#limitMs = limitMs;
    this.#blocked = blocked;
  }

  /** `worker`'s code gets control now. */
  enter(worker: Worker): void {
    if (this.#disarm === undefined) this.#tick();
    this.#working.add(worker);
    this.#current = worker;
  }

  /** `worker`'s code has ended. Checks at once, because it may have held the loop until now. */
  leave(worker: Worker): void {
    this.#check(0);
    this.#working.delete(worker);
    if (this.#current === worker) this.#current = undefined;
    if (this.#working.size === 0) this.stop();
  }

  /** Safe to call twice. */
  stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }

  #tick(): void {
    const everyMs = Math.max(10, Math.floor(this.#limitMs / 4));
    if (this.#disarm !== undefined) this.#check(everyMs);
    this.#tickAt = performance.now();
    this.#tickCpuMs = cpuMs();
    this.#disarm = systemClock.after(everyMs, () => this.#tick());
  }

  #check(expectedMs: number): void {
    const blockedMs = Math.round(performance.now() - this.#tickAt - expectedMs);
    const workedMs = cpuMs() - this.#tickCpuMs;
    const worker = this.#current;
    if (worker === undefined || blockedMs < this.#limitMs || workedMs < blockedMs / 2) return;
    this.#current = undefined;
    this.#blocked(worker, blockedMs);
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
