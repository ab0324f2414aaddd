import { LinkedSignal } from '../base/linked-signal.ts';
import type { Owner } from '../context/ids.ts';

/** Who may run now. Declared here by the engine that waits; implemented in `factory/`. */
export interface Admission {
  /**
   * Takes a place in the owner's queue.
   *
   * @throws `QUEUE_FULL` unless `known`: a run that was accepted before is never refused.
   */
  reserve(owner: Owner, known?: boolean): Ticket;
}

/** A place in the queue, then a slot. Disposing it gives back whichever it is. */
export interface Ticket extends Disposable {
  /**
   * Waits for a slot. `moved` is told the place in the line, 1 being next, when
   * there is a wait and whenever it changes.
   *
   * @throws the signal's reason when it aborts first.
   */
  enter(signal: AbortSignal, moved: (position: number) => void): Promise<void>;
}

/** Why a run stops waiting for a slot of its own. */
const JOINED = Symbol('joined');

/**
 * The slot of one engine. Its runs share it: the first that gets one lets those
 * in that wait or come later, and the last to leave gives it back.
 */
export class EngineSlot {
  readonly #waiting = new Set<() => void>();
  #held: Ticket | undefined;
  #holders = 0;

  /** @throws the signal's reason when it aborts first. */
  async enter(ticket: Ticket, signal: AbortSignal, moved: (position: number) => void): Promise<Disposable> {
    while (this.#held === undefined) await this.#wait(ticket, signal, moved);
    if (this.#held !== ticket) ticket[Symbol.dispose]();
    this.#holders += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#holders -= 1;
        if (this.#holders === 0) this.#giveBack();
      },
    };
  }

  /** Waits for a slot, or until another run of the engine has one. */
  async #wait(ticket: Ticket, signal: AbortSignal, moved: (position: number) => void): Promise<void> {
    using link = new LinkedSignal([signal]);
    const join = (): void => link.abort(JOINED);
    this.#waiting.add(join);
    try {
      await ticket.enter(link.signal, moved);
      this.#held ??= ticket;
      for (const joins of this.#waiting) joins();
    } catch (error) {
      if (link.signal.reason !== JOINED) throw error;
    } finally {
      this.#waiting.delete(join);
    }
  }

  #giveBack(): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
