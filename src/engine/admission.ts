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

/**
 * The slot of one engine. Its runs share it: the first waits in line, those that
 * start while it is held go in at once, the last to leave gives it back.
 */
export class EngineSlot {
  readonly #tickets = new Set<Ticket>();
  #holders = 0;

  async enter(ticket: Ticket, signal: AbortSignal, moved: (position: number) => void): Promise<Disposable> {
    if (this.#holders > 0) ticket[Symbol.dispose]();
    else {
      await ticket.enter(signal, moved);
      this.#tickets.add(ticket);
    }
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

  #giveBack(): void {
    for (const ticket of this.#tickets) ticket[Symbol.dispose]();
    this.#tickets.clear();
  }
}
