import { EnginehouseError } from '../../base/errors.ts';
import { FrameFaults, notStruck, type Fault } from './frame-faults.ts';
import type { OpenSocket } from './open-socket.ts';
import type { Direction, Wire } from './wire.ts';

export interface AfterFrame {
  /** Strikes right after so many frames that the user receives from now on, on all sockets together. @default at once */
  readonly afterFrame?: number | undefined;
  /** Real milliseconds that those frames may take to come. @default 5_000 */
  readonly timeoutMs?: number | undefined;
}

export interface SlowOptions {
  /** Of each connection, and of each direction. */
  readonly bytesPerSecond: number;
  /** @default 'both' */
  readonly direction?: Direction | 'both' | undefined;
}

const FRAMES_MS = 5_000;
const BOTH: readonly Direction[] = ['receiving', 'sending'];

/**
 * What can happen to one user's connections. They are real sockets, and so are
 * the faults; nobody else's connection is touched. A fault that waits for a frame
 * can be awaited or left alone.
 *
 * @example
 * const cut = chaos.socket(alice).cut({ afterFrame: 3 });
 * const run = client.start('researcher', { topic: 'otters' });
 * await cut;
 * expect((await run.result).status).toBe('completed');
 */
export class SocketFaults {
  readonly #owner: string;
  readonly #live: () => readonly OpenSocket[];
  readonly #frameFaults: FrameFaults;
  #slow: { readonly bytesPerSecond: number; readonly directions: readonly Direction[] } | undefined;
  #refusing = false;

  /** `live` are those whose end here is open, or opens. @internal */
  constructor(owner: string, live: () => readonly OpenSocket[]) {
    this.#owner = owner;
    this.#live = live;
    this.#frameFaults = new FrameFaults(owner);
  }

  /**
   * Drops every connection by a TCP reset. Resolves when it happened.
   *
   * @throws `FAULT_NOT_STRUCK` when nothing is open or too few frames came, `CONFIG_INVALID`
   */
  cut(options: AfterFrame = {}): Promise<void> {
    // Filled when it strikes: which connections there are then, nobody knows before.
    const closed: Promise<void>[] = [];
    const strike = (): void => {
      for (const socket of this.#live()) {
        socket.wire.cut();
        closed.push(socket.closed);
      }
    };
    return this.#strike({ name: 'cut', strike }, options, closed);
  }

  /**
   * Every connection stays open at both ends, and nothing passes any more in either direction; neither end is told.
   * A connection that is opened later works. Resolves when it happened.
   *
   * @throws `FAULT_NOT_STRUCK` when nothing is open or too few frames came, `CONFIG_INVALID`
   */
  halfOpen(options: AfterFrame = {}): Promise<void> {
    const strike = (): void => this.#live().forEach(({ wire }) => wire.die());
    return this.#strike({ name: 'halfOpen', strike }, options);
  }

  /**
   * Every connection, also those that follow, carries no more than this, by the clock of the test. Nothing is lost;
   * the server sees a client that reads slowly. Said again, it replaces what was said before.
   *
   * @throws `CONFIG_INVALID`
   */
  slow({ bytesPerSecond, direction = 'both' }: SlowOptions): void {
    if (!(bytesPerSecond >= 1 && Number.isFinite(bytesPerSecond))) {
      throw invalid('bytesPerSecond', `must be a number from 1 up, got ${bytesPerSecond}`, bytesPerSecond);
    }
    this.#slow = { bytesPerSecond, directions: direction === 'both' ? BOTH : [direction] };
    for (const { wire } of this.#live()) this.begin(wire);
  }

  /** Connections and requests that the user begins from now on are refused. */
  refuse(): void {
    this.#refusing = true;
  }

  /**
   * Ends `slow` and `refuse`, and drops what is half open: what was lost on it does not come. Faults that still wait
   * for a frame are taken back. Resolves when it happened.
   */
  async heal(): Promise<void> {
    this.#refusing = false;
    this.#slow = undefined;
    this.disarm('before it was healed');
    const live = this.#live();
    const dead = live.filter(({ wire }) => wire.dead);
    for (const { wire } of live) {
      if (wire.dead) wire.cut();
      else wire.free();
    }
    await Promise.all(dead.map(({ closed }) => closed));
  }

  /** Whether nothing new can be opened. @internal */
  get refusing(): boolean {
    return this.#refusing;
  }

  /** One error for each that still waits for its frame. @internal */
  get unstruck(): readonly EnginehouseError[] {
    return this.#frameFaults.unstruck;
  }

  /** A connection begins as slow as the others are. @internal */
  begin(wire: Wire): void {
    if (this.#slow !== undefined) wire.slow(this.#slow.bytesPerSecond, this.#slow.directions);
  }

  /** One frame more was received. Gives what must be done right after it. @internal */
  frame(): (() => void) | undefined {
    return this.#frameFaults.frame();
  }

  /** What still waits for a frame never strikes; `why` ends the sentence. @internal */
  disarm(why: string): void {
    this.#frameFaults.disarm(why);
  }

  #strike(fault: Fault, options: AfterFrame, ends: readonly Promise<void>[] = []): Promise<void> {
    const happened = this.#when(fault, options).then(async () => void (await Promise.all(ends)));
    // A test may go on at once; what has not struck at its end is in `unstruck`.
    happened.catch(() => undefined);
    return happened;
  }

  async #when(fault: Fault, { afterFrame, timeoutMs = FRAMES_MS }: AfterFrame): Promise<void> {
    if (afterFrame === undefined) return this.#now(fault);
    if (!(Number.isSafeInteger(afterFrame) && afterFrame >= 1)) {
      throw invalid('afterFrame', `must be a whole number from 1 up, got ${afterFrame}`, afterFrame);
    }
    await this.#frameFaults.arm({ ...fault, afterFrame, timeoutMs });
  }

  #now({ name, strike }: Fault): void {
    if (this.#live().length > 0) return strike();
    const fault = `${name} of ${this.#owner}`;
    const cure = 'Wait until the user is connected, or ask for it after a frame.';
    throw notStruck({ fault, frames: 0, why: 'because nothing is open', cure });
  }
}

function invalid(option: string, reason: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `${option} ${reason}`, { option, received });
}
