/**
 * Who may run now.
 *
 *   A1. At most `runsPerUser` runs of one user and `runsTotal` in all hold a slot.
 *   A2. One user's runs go in order of their places. Between users whose turn it
 *       is, the one that was served longest ago goes first, so that nobody's
 *       hundred runs keep another's one waiting.
 *       A run that was accepted before a restart keeps its turn: those behind it
 *       wait until it has come, or is gone.
 *   A3. A user's line is bounded by `queuePerUser`.
 *   A4. The house's own runs, which only readiness makes, wait for nobody: a busy
 *       house is ready all the same.
 *   A5. A ticket gives back what it holds, place or slot, once.
 *   A6. Once closed it lets nobody in: who waits is sent away, and who comes.
 */

import { EnginehouseError } from '../base/errors.ts';
import { ownerKey, type Owner } from '../context/ids.ts';
import type { Limits } from '../context/limits.ts';
import type { Admission, Ticket } from '../engine/admission.ts';

interface Line {
  readonly owner: Owner;
  readonly waiting: Waiter[];
  /** Places whose runs were accepted before a restart and have not come to wait yet. */
  readonly expected: Set<number>;
  /** Tickets that hold a place or a slot; a line without any is forgotten. */
  tickets: number;
  running: number;
}

interface Waiter {
  readonly place: number;
  readonly admit: () => void;
  readonly refuse: (reason: Error) => void;
  readonly moved: (position: number) => void;
  position: number;
}

interface Coming {
  readonly place: number;
  readonly signal: AbortSignal;
  readonly moved: (position: number) => void;
}

/** A4 */
const FREE: Ticket = { enter: async () => undefined, [Symbol.dispose]: () => undefined };

export class Slots implements Admission {
  readonly #limits: Pick<Limits, 'runsPerUser' | 'runsTotal' | 'queuePerUser'>;
  /** In the order of A2: a line moves to the end when one of its runs is admitted. */
  readonly #lines = new Map<string, Line>();
  readonly #house: string;
  #running = 0;
  #places = 0;
  #closed: Error | undefined;

  constructor(limits: Pick<Limits, 'runsPerUser' | 'runsTotal' | 'queuePerUser'>, house: Owner) {
    this.#limits = limits;
    this.#house = ownerKey(house);
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#lines.values().reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  reserve(owner: Owner, known = false): Ticket {
    const key = ownerKey(owner);
    if (key === this.#house) return FREE;
    const line = this.#lines.get(key) ?? { owner, waiting: [], expected: new Set<number>(), tickets: 0, running: 0 };
    const { queuePerUser } = this.#limits;
    if (!known && line.tickets - line.running >= queuePerUser + this.#roomFor(line)) {
      const message = `${owner.userId} has ${queuePerUser} runs waiting already`;
      throw new EnginehouseError(
        'QUEUE_FULL',
        message,
        { userId: owner.userId, limit: queuePerUser },
        { retryAfterMs: 1_000 },
      );
    }
    line.tickets += 1;
    const place = (this.#places += 1);
    if (known) line.expected.add(place);
    // Only now: who is refused leaves nothing behind. One that is there keeps its turn.
    this.#lines.set(key, line);
    return this.#ticket(line, place);
  }

  /** A6. `reason` is what they are told. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { waiting } of this.#lines.values()) for (const { refuse } of waiting.splice(0)) refuse(reason);
  }

  /** How many more of this line could hold a slot now. */
  #roomFor({ running }: Line): number {
    const { runsPerUser, runsTotal } = this.#limits;
    return Math.max(0, Math.min(runsPerUser - running, runsTotal - this.#running));
  }

  #ticket(line: Line, place: number): Ticket {
    let state: 'reserved' | 'running' | 'given back' = 'reserved';
    return {
      enter: async (signal, moved) => {
        await this.#enter(line, { place, signal, moved });
        state = 'running';
      },
      [Symbol.dispose]: () => {
        if (state === 'given back') return;
        if (state === 'running') this.#leave(line);
        state = 'given back';
        line.tickets -= 1;
        if (line.expected.delete(place)) this.#admit();
        if (line.tickets === 0) this.#lines.delete(ownerKey(line.owner));
      },
    };
  }

  #enter(line: Line, { place, signal, moved }: Coming): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        line.waiting.splice(line.waiting.indexOf(waiter), 1);
        this.#tellMoved(line);
        reject(signal.reason);
      };
      const admit = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const refuse = (reason: Error): void => {
        signal.removeEventListener('abort', leave);
        reject(reason);
      };
      const waiter: Waiter = { place, admit, refuse, moved, position: 0 };
      signal.addEventListener('abort', leave, { once: true });
      line.expected.delete(place);
      line.waiting.splice(line.waiting.filter((other) => other.place < place).length, 0, waiter);
      this.#admit();
      this.#tellMoved(line);
    });
  }

  /** A1 and A2. */
  #admit(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const waiter = next.waiting.shift();
      next.running += 1;
      this.#running += 1;
      const key = ownerKey(next.owner);
      this.#lines.delete(key);
      this.#lines.set(key, next);
      waiter?.admit();
      this.#tellMoved(next);
    }
  }

  #next(): Line | undefined {
    if (this.#running >= this.#limits.runsTotal) return undefined;
    return this.#lines.values().find((line) => line.running < this.#limits.runsPerUser && isNext(line));
  }

  #leave(line: Line): void {
    line.running -= 1;
    this.#running -= 1;
    this.#admit();
  }

  #tellMoved({ waiting }: Line): void {
    waiting.forEach((waiter, index) => {
      if (waiter.position === index + 1) return;
      waiter.position = index + 1;
      waiter.moved(waiter.position);
    });
  }
}

/** Whether the first who waits is the next whose turn it is. */
function isNext({ waiting: [first], expected }: Line): boolean {
  return first !== undefined && expected.values().every((place) => place > first.place);
}
