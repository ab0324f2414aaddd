import type { Disarm } from '../base/clock.ts';

/** A timer of a test's clock, while it is armed. */
export class ArmedTimer {
  /** When it fires, in the clock's time. */
  readonly at: number;
  /** @internal */
  readonly fire: () => void;
  /** Whether it was armed for no time at all. @internal */
  readonly atOnce: boolean;
  /** Takes back the platform's timer, while the clock is real. @internal */
  disarm: Disarm | undefined;
  /** Kept as an error: its text is made only when somebody asks. */
  readonly #armed: Error | undefined;

  /** @internal */
  constructor(parts: Pick<ArmedTimer, 'at' | 'fire' | 'atOnce'>, armed: Error | undefined) {
    this.at = parts.at;
    this.fire = parts.fire;
    this.atOnce = parts.atOnce;
    this.#armed = armed;
  }

  /** Where it was armed, when origins are kept. */
  get origin(): string | undefined {
    return this.#armed?.stack;
  }
}
