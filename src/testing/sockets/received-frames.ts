/** A text frame that a test user received. */
export interface ReceivedFrame {
  readonly text: string;
  /** When, by the clock of the test. */
  readonly at: number;
  /** On which of the user's sockets: 1 is the first that the user opened. */
  readonly socket: number;
}

export interface FrameLimits {
  readonly frames: number;
  /** Characters of all kept frames together. */
  readonly characters: number;
}

export const FRAME_LIMITS: FrameLimits = { frames: 50_000, characters: 32 * 1024 * 1024 };

/** The record of a user's frames, in the order they came. When it is full it keeps the first ones, and counts. */
export class ReceivedFrames {
  readonly #limits: FrameLimits;
  readonly #kept: ReceivedFrame[] = [];
  #count = 0;
  #characters = 0;

  constructor(limits: FrameLimits = FRAME_LIMITS) {
    this.#limits = limits;
  }

  /** Those that were kept. */
  get kept(): readonly ReceivedFrame[] {
    return this.#kept;
  }

  /** How many came. */
  get count(): number {
    return this.#count;
  }

  get truncated(): boolean {
    return this.#kept.length < this.#count;
  }

  add(frame: ReceivedFrame): void {
    this.#count += 1;
    // Without a gap: once one was left out, none is kept.
    if (this.#kept.length < this.#count - 1) return;
    const characters = this.#characters + frame.text.length;
    if (this.#count > this.#limits.frames || characters > this.#limits.characters) return;
    this.#characters = characters;
    this.#kept.push(frame);
  }
}
