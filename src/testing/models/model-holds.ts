import { holdingClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { EnginehouseError, isEnginehouseError } from '../../base/errors.ts';
import { nextTurn } from '../../base/next-turn.ts';
import type { ModelCall } from './model-call.ts';
import type { Origin } from '../origin.ts';

/** Real milliseconds, whatever the clock of the test says. */
const REACHED_TIMEOUT_MS = 5_000;

export interface HoldOptions {
  /** Real milliseconds that `reached` waits. @default 5_000 */
  readonly timeoutMs?: number | undefined;
}

/** How far an answer has come. */
export interface Progress {
  /** Tokens of thoughts, words and inputs of calls. */
  readonly tokens: number;
  /** The tool whose call has just been given. */
  readonly called?: string;
  readonly at: 'before' | 'within' | 'after';
}

/** A point of an answer. */
export interface HoldPoint {
  readonly name: string;
  isAt(progress: Progress): boolean;
}

interface HoldParts extends HoldOptions {
  readonly model: string | undefined;
  readonly userId: string | undefined;
  readonly point: HoldPoint;
  readonly origin: Origin;
  /** What was asked so far, for the error. */
  readonly calls: () => readonly ModelCall[];
}

/** Stops the first answer that comes to a point, until it is released. Disposing releases it. */
export class ModelHold implements Disposable {
  readonly #parts: HoldParts;
  readonly #reached = Promise.withResolvers<ModelCall>();
  readonly #released = Promise.withResolvers<void>();
  #state: 'armed' | 'held' | 'released' = 'armed';

  /** @internal */
  constructor(parts: HoldParts) {
    this.#parts = parts;
    this.#reached.promise.catch(() => undefined);
  }

  /** Resolves when an answer is held and what came of it is read, with its call. @throws `DEADLINE` naming what it waited for; `CLOSED` */
  get reached(): Promise<ModelCall> {
    const { timeoutMs = REACHED_TIMEOUT_MS } = this.#parts;
    return withDeadline(this.#what, timeoutMs, holdingClock, this.#reached.promise).catch((error: unknown) => {
      throw isEnginehouseError(error, 'DEADLINE') ? this.#late(timeoutMs) : error;
    });
  }

  /** Lets the answer go on, or through when it has not come yet. */
  release(): void {
    if (this.#state === 'armed') this.#reached.reject(this.#over('was released before an answer came there'));
    this.#state = 'released';
    this.#released.resolve();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** @internal */
  stops(call: ModelCall, progress: Progress): boolean {
    const { model, userId, point } = this.#parts;
    if (this.#state !== 'armed' || (model !== undefined && model !== call.model)) return false;
    return (userId === undefined || userId === call.userId) && point.isAt(progress);
  }

  /** @internal */
  hold(call: ModelCall): Promise<void> {
    this.#state = 'held';
    // What came before is on its way through the streams of the SDK: it is read first.
    void nextTurn().then(() => this.#reached.resolve(call));
    return this.#released.promise;
  }

  /** @internal */
  notReached(): EnginehouseError<'FAULT_NOT_STRUCK'> | undefined {
    if (this.#state !== 'armed') return undefined;
    const message = `${this.#what} was not reached (asked for at ${this.#parts.origin.line})`;
    return this.#parts.origin.error('FAULT_NOT_STRUCK', message, { fault: this.#what, strikes: 0, times: 1 });
  }

  get armed(): boolean {
    return this.#state === 'armed';
  }

  get #what(): string {
    const { model = 'any model', point } = this.#parts;
    return `the hold of ${model} ${point.name}`;
  }

  #late(timeoutMs: number): EnginehouseError<'DEADLINE'> {
    const calls = this.#parts
      .calls()
      .filter(({ model }) => this.#parts.model === undefined || this.#parts.model === model);
    const asked =
      calls.length === 0
        ? 'nobody asked it'
        : `it was asked ${calls.length} times, the last time by ${calls.at(-1)?.title ?? ''}`;
    const message = `${this.#what} was not reached within ${timeoutMs} ms: ${asked}`;
    return this.#parts.origin.error('DEADLINE', message, { what: this.#what, timeoutMs });
  }

  #over(how: string): EnginehouseError<'CLOSED'> {
    return new EnginehouseError('CLOSED', `${this.#what} ${how}`, { what: this.#what });
  }
}

interface PlacesParts {
  readonly model: string | undefined;
  readonly origin: Origin;
  readonly hold: (point: HoldPoint) => ModelHold;
}

/** Where an answer can be held. Without one of them nothing is. */
export class HoldPlaces {
  readonly #parts: PlacesParts;
  #used = false;

  /** @internal */
  constructor(parts: PlacesParts) {
    this.#parts = parts;
  }

  /** @internal */
  unused(): EnginehouseError<'FAULT_NOT_STRUCK'> | undefined {
    if (this.#used) return undefined;
    const { model = 'any model', origin } = this.#parts;
    const fault = `the hold of ${model}`;
    const message = `${fault} names no place, such as .before.answer() (asked for at ${origin.line})`;
    return origin.error('FAULT_NOT_STRUCK', message, { fault, strikes: 0, times: 1 });
  }

  #hold(point: HoldPoint): ModelHold {
    this.#used = true;
    return this.#parts.hold(point);
  }

  readonly before = {
    /** Before anything of the answer comes, its headers neither. */
    answer: (): ModelHold => this.#hold({ name: 'before its answer', isAt: ({ at }) => at === 'before' }),
  };

  readonly after = {
    /** After so many tokens of one answer: words of thoughts and text, pieces of a call's input. */
    tokens: (count: number): ModelHold => {
      if (!Number.isInteger(count) || count < 1) {
        const message = `a hold is after tokens(count), a whole number from 1 up, got ${String(count)}`;
        throw new EnginehouseError('CONFIG_INVALID', message, { option: 'tokens', received: count });
      }
      return this.#hold({ name: `after ${count} tokens`, isAt: ({ tokens }) => tokens >= count });
    },
    /** After a call of this tool was given. */
    call: (tool: string): ModelHold =>
      this.#hold({ name: `after its call of ${tool}`, isAt: ({ called }) => called === tool }),
    /** After all of the answer but its end. */
    answer: (): ModelHold => this.#hold({ name: 'after its answer', isAt: ({ at }) => at === 'after' }),
  };
}

/** The holds of one test. */
export class ModelHolds {
  readonly #all: ModelHold[] = [];
  readonly #armed = new Set<ModelHold>();
  readonly #places: HoldPlaces[] = [];

  places(parts: Omit<PlacesParts, 'hold'>, make: (point: HoldPoint) => ModelHold): HoldPlaces {
    const places = new HoldPlaces({ ...parts, hold: (point) => this.#add(make(point)) });
    this.#places.push(places);
    return places;
  }

  #add(hold: ModelHold): ModelHold {
    this.#all.push(hold);
    this.#armed.add(hold);
    return hold;
  }

  /** What to wait for at this point; `undefined` when nothing is held there. */
  at(call: ModelCall, progress: Progress): Promise<void> | undefined {
    for (const hold of this.#armed) {
      if (!hold.armed) this.#armed.delete(hold);
      if (hold.stops(call, progress)) return hold.hold(call);
    }
    return undefined;
  }

  unreached(): readonly EnginehouseError<'FAULT_NOT_STRUCK'>[] {
    const places = this.#places.flatMap((each) => each.unused() ?? []);
    return [...places, ...this.#all.flatMap((hold) => hold.notReached() ?? [])];
  }

  release(): void {
    for (const hold of this.#all) hold.release();
  }
}
