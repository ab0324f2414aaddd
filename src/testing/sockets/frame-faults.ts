import { holdingClock, type Disarm } from '../../base/clock.ts';
import { EnginehouseError } from '../../base/errors.ts';

export interface Fault {
  /** For messages: `cut` or `halfOpen`. */
  readonly name: string;
  strike(): void;
}

export interface FrameFault extends Fault {
  /** Frames from now on, after which it strikes. */
  readonly afterFrame: number;
  /** Real milliseconds that the frames may take to come. */
  readonly timeoutMs: number;
}

interface Armed {
  readonly fault: FrameFault;
  frames: number;
  readonly askedFor: Error;
  readonly disarm: Disarm;
  readonly struck: PromiseWithResolvers<void>;
}

/** Faults that wait for a frame of one user. */
export class FrameFaults {
  readonly #owner: string;
  readonly #armed = new Set<Armed>();

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** One for each that has not struck yet, caused by where it was asked for. */
  get unstruck(): readonly EnginehouseError[] {
    return [...this.#armed].map((armed) => this.#notStruck(armed, 'before the end of the test'));
  }

  /** Resolves when it has struck. @throws `FAULT_NOT_STRUCK` saying how many frames came */
  arm(fault: FrameFault): Promise<void> {
    const struck = Promise.withResolvers<void>();
    const armed: Armed = {
      fault,
      frames: 0,
      askedFor: new Error(`${this.#what(fault)} was asked for here`),
      disarm: holdingClock.after(fault.timeoutMs, () => this.#giveUp(armed, `within ${fault.timeoutMs} ms`)),
      struck,
    };
    this.#armed.add(armed);
    return struck.promise;
  }

  /** One frame more. Gives what must be done right after it. */
  frame(): (() => void) | undefined {
    if (this.#armed.size === 0) return undefined;
    const due: Armed[] = [];
    for (const armed of this.#armed) {
      armed.frames += 1;
      if (armed.frames >= armed.fault.afterFrame) due.push(armed);
    }
    return due.length === 0 ? undefined : () => due.forEach((armed) => this.#strike(armed));
  }

  /** What has not struck yet never will; `why` ends the sentence. */
  disarm(why: string): void {
    for (const armed of this.#armed) this.#giveUp(armed, why);
  }

  #strike(armed: Armed): void {
    this.#armed.delete(armed);
    armed.disarm();
    armed.fault.strike();
    armed.struck.resolve();
  }

  #giveUp(armed: Armed, why: string): void {
    this.#armed.delete(armed);
    armed.disarm();
    armed.struck.reject(this.#notStruck(armed, why));
  }

  #notStruck({ fault, frames, askedFor }: Armed, why: string): EnginehouseError {
    return notStruck({ fault: this.#what(fault), frames, why, cure: MORE_FRAMES }, { cause: askedFor });
  }

  #what({ name, afterFrame }: FrameFault): string {
    return `${name} after frame ${afterFrame} of ${this.#owner}`;
  }
}

interface NotStruck {
  /** What was asked for, of whom. */
  readonly fault: string;
  /** How many came. */
  readonly frames: number;
  /** The end of the sentence. */
  readonly why: string;
  readonly cure: string;
}

export function notStruck({ fault, frames, why, cure }: NotStruck, options: ErrorOptions = {}): EnginehouseError {
  const details = { fault, strikes: 0, times: 1, calls: frames };
  return new EnginehouseError('FAULT_NOT_STRUCK', `${fault} did not happen ${why}: ${came(frames)}`, details, {
    ...options,
    cure,
  });
}

const MORE_FRAMES = 'Let the user receive that many frames after the fault was asked for, or ask for it after fewer.';

function came(frames: number): string {
  return frames === 1 ? '1 frame came' : `${frames} frames came`;
}
