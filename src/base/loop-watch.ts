/**
 * Notices that something held the event loop for too long, and who was at work.
 *
 *   W1. It tells after the fact, since JavaScript cannot be interrupted.
 *   W2. Time during which the process did not run (a laptop asleep, a stopped
 *       process) does not count: only what used the processor does.
 *   W3. It names whoever had control last and did not give it back; when nobody
 *       had, everyone at work, because code that waits for things of its own
 *       comes back unseen. One who has ended is not named.
 *   W4. It costs a run next to nothing: it ticks a few times a second while
 *       somebody is at work, and stops a tick after.
 *
 * It measures the machine's time, also in a test that drives its own clock.
 */

import { systemClock, type Clock, type Disarm } from './clock.ts';

/** The machine's time, in milliseconds. */
export interface MachineTime {
  /** Since some moment; never set back. */
  now(): number;
  /** What the process used of its processors. */
  worked(): number;
  readonly after: Clock['after'];
}

const machineTime: MachineTime = {
  now: () => performance.now(),
  worked: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
  after: systemClock.after,
};

export class LoopWatch<Worker extends object> {
  readonly #limitMs: number;
  readonly #blocked: (suspects: readonly Worker[], blockedMs: number) => void;
  readonly #time: MachineTime;
  readonly #working = new Set<Worker>();
  #current: Worker | undefined;
  #tickAt = 0;
  #tickWorked = 0;
  #told = false;
  #disarm: Disarm | undefined;

  /** `blocked` is told of everyone who may have done it: one, when that is known. */
  constructor(
    limitMs: number,
    blocked: (suspects: readonly Worker[], blockedMs: number) => void,
    time: MachineTime = machineTime,
  ) {
    this.#limitMs = limitMs;
    this.#blocked = blocked;
    this.#time = time;
  }

  /** `worker`'s code begins now. */
  enter(worker: Worker): void {
    if (this.#disarm === undefined) this.#tick();
    this.#working.add(worker);
    this.#current = worker;
  }

  /** `worker` asked for something and waits for it. */
  pause(worker: Worker): void {
    if (this.#current === worker) this.#current = undefined;
  }

  /** `worker` goes on. Does nothing when it has ended: what it left under way is not its code. */
  resume(worker: Worker): void {
    if (this.#working.has(worker)) this.#current = worker;
  }

  /** `worker`'s code has ended. Checks at once, because it may have held the loop until now. */
  leave(worker: Worker): void {
    this.#current ??= worker;
    this.#check(0);
    this.#working.delete(worker);
    if (this.#current === worker) this.#current = undefined;
  }

  /** Safe to call twice. */
  stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }

  #tick(): void {
    const everyMs = Math.max(10, Math.floor(this.#limitMs / 4));
    if (this.#disarm !== undefined) {
      this.#check(everyMs);
      if (this.#working.size === 0) return this.stop();
    }
    this.#tickAt = this.#time.now();
    this.#tickWorked = this.#time.worked();
    this.#told = false;
    this.#disarm = this.#time.after(everyMs, () => this.#tick());
  }

  #check(expectedMs: number): void {
    const blockedMs = Math.round(this.#time.now() - this.#tickAt - expectedMs);
    if (this.#told || blockedMs < this.#limitMs) return;
    if (this.#time.worked() - this.#tickWorked < this.#limitMs / 2) return;
    this.#told = true;
    this.#blocked(this.#current === undefined ? [...this.#working] : [this.#current], blockedMs);
  }
}
