import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnginehouseError, type ErrorCode, type ErrorDetails } from '../../base/errors.ts';

/** What a test calls: its caller is where the test said something. */
type Door = (...args: never[]) => unknown;

/** A line of a test. The text is made when somebody asks, and mostly nobody does. */
export class Origin {
  readonly #here = new Error('said here');

  /** The line that called `door`, wherever the kit itself is installed. */
  constructor(door: Door) {
    Error.captureStackTrace(this.#here, door);
  }

  /** `src/otters.test.ts:12:8` */
  get line(): string {
    const frame = this.frames.trimStart().split('\n', 1)[0] ?? '';
    const place = /\(?((?:file:|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(frame)?.[1];
    if (place === undefined) return frame.replace(/^at /, '') || 'an unknown line';
    const path = place.startsWith('file:') ? fileURLToPath(place) : place;
    const near = relative(process.cwd(), path);
    return near.startsWith('..') ? path : near;
  }

  /** The lines of the stack from there on. */
  get frames(): string {
    const { stack = '' } = this.#here;
    const start = stack.indexOf('\n    at ');
    return start === -1 ? '' : stack.slice(start);
  }

  /** An error that a runner shows at this line. */
  error<C extends ErrorCode>(code: C, message: string, details: ErrorDetails[C], cause?: unknown): EnginehouseError<C> {
    const error = new EnginehouseError(code, message, details, cause === undefined ? {} : { cause });
    error.stack = `${error.name}: ${message}${this.frames}`;
    return error;
  }
}
