/** Takes in what a request says: its JSON body, its query, its raw content, each with a limit. */

import { z } from 'zod';

import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
import type { Limits } from '../context/limits.ts';
import type { DoorContext } from './answer.ts';

interface InputDeps {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'requestBytes' | 'slowClientMs'>;
}

/**
 * The body's pieces as they come.
 *
 * @throws `DISCONNECTED` when the client leaves, or sends nothing for `limits.slowClientMs`.
 */
export async function* contentOf(request: Request, { clock, limits }: InputDeps): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await withDeadline(
        'the next piece of the body',
        limits.slowClientMs,
        clock,
        reader.read(),
      );
      if (done) return;
      yield value;
    }
  } catch (error) {
    const reason = isEnginehouseError(error, 'DEADLINE') ? error.message : 'the client left before its body was whole';
    throw new EnginehouseError('DISCONNECTED', reason, { reason }, { cause: error });
  }
}

/**
 * The JSON body, checked. An empty body is `undefined` to the schema.
 *
 * @throws `TOO_LARGE` before more than `limits.requestBytes` are read, `REQUEST_INVALID`, `DISCONNECTED`
 */
export async function readJson<T>(c: DoorContext, schema: z.ZodType<T>, deps: InputDeps): Promise<T> {
  const text = await readText(c, deps);
  return check('body', schema, text === '' ? undefined : parse(c, text));
}

/** The query, checked: unknown names are errors too. @throws `REQUEST_INVALID` */
export function readQuery<T>(c: DoorContext, schema: z.ZodType<T>): T {
  return check('query', schema, c.req.query());
}

/** A whole number as a query writes it. */
export const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);

/** How many rows a query wants: at least 1, at most and by default `most`. @throws `REQUEST_INVALID` */
export function pageLimit(received: number | undefined, most: number): number {
  const limit = received ?? most;
  if (limit >= 1 && limit <= most) return limit;
  throw requestInvalid('query', [`limit: must be from 1 to ${most}, got ${limit}`]);
}

/** @throws `REQUEST_INVALID` naming `what` and each issue. */
export function check<T>(what: string, schema: z.ZodType<T>, received: unknown): T {
  const parsed = schema.safeParse(received);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 20).map(({ path, message }) => {
    return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
  });
  throw requestInvalid(what, issues);
}

export function requestInvalid(what: string, issues: readonly string[]): EnginehouseError {
  return new EnginehouseError('REQUEST_INVALID', `the ${what} is malformed: ${issues.join('; ')}`, { what, issues });
}

async function readText(c: DoorContext, deps: InputDeps): Promise<string> {
  const limitBytes = deps.limits.requestBytes;
  refuseLarge('the body', Number(c.req.header('content-length') ?? 0), limitBytes);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of contentOf(c.req.raw, deps)) {
    bytes += piece.length;
    refuseLarge('the body', bytes, limitBytes);
    pieces.push(piece);
  }
  return decode(Buffer.concat(pieces));
}

/** @throws `TOO_LARGE` */
export function refuseLarge(what: string, bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  throw new EnginehouseError('TOO_LARGE', `${what} is larger than ${limitBytes} bytes`, { what, limitBytes });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw requestInvalid('body', ['it is not UTF-8']);
  }
}

function parse(c: DoorContext, text: string): unknown {
  // A form of another site can send text, but not this type: it would have to ask first.
  const type = c.req.header('content-type') ?? 'none';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw requestInvalid('content-type', [`must be application/json, got ${type.slice(0, 100)}`]);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw requestInvalid('body', [`it is not JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
