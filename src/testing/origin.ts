import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnginehouseError, type ErrorCode, type ErrorDetails } from '../base/errors.ts';
import { framesOf, isInside } from './audit/origin.ts';

/** What a test calls: who calls it is where the test said something. */
type Door = (...args: never[]) => unknown;

/** A line of a test. The text is made when somebody asks, and mostly nobody does. */
export class Origin {
  readonly #here = new Error('said here');

  /** The line that called `door`. */
  constructor(door: Door) {
    Error.captureStackTrace(this.#here, door);
  }

  /** `src/otters.test.ts:12:8` */
  get line(): string {
    const [frame = 'an unknown line'] = this.#frames;
    const place = /([^\s()]+:\d+:\d+)\)?$/.exec(frame)?.[1];
    if (place === undefined) return frame;
    const path = place.startsWith('file:') ? fileURLToPath(place) : place;
    const near = relative(process.cwd(), path);
    return near.startsWith('..') ? path : near;
  }

  /** An error that a runner shows at this line. */
  error<C extends ErrorCode>(code: C, message: string, details: ErrorDetails[C], cause?: unknown): EnginehouseError<C> {
    const error = new EnginehouseError(code, message, details, cause === undefined ? {} : { cause });
    error.stack = [`${error.name}: ${message}`, ...this.#frames.map((frame) => `    ${frame}`)].join('\n');
    return error;
  }

  /** From the test's own line on: a fixture may hand out what it guards by other functions of the kit. */
  get #frames(): readonly string[] {
    const frames = framesOf(this.#here.stack);
    const own = frames.findIndex((frame) => !isInside(frame));
    return frames.slice(Math.max(0, own));
  }
}
