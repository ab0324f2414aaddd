/**
 * The one error class of the house.
 *
 * Every failure that crosses a door carries a code from `error-table.ts`, a
 * sentence that names the value, a cure, and whether trying again can help. Its
 * JSON form is the same on HTTP, on sockets and inside `agent_failed`.
 *
 * Details are plain data: no engine, no socket, no live object. The original
 * failure is kept in `cause` and never leaves the process.
 */

import type { Json } from './canonical-json.ts';
import { FACTS, type ErrorCode, type ErrorDetails, type Retry } from './error-table.ts';

export type { ErrorCode, ErrorDetails, Retry } from './error-table.ts';

/** Characters of a message that are told: an error travels inside events, and those are small. */
const MESSAGE_MAX_LENGTH = 2_000;
const DETAILS_MAX_LENGTH = 8_192;

/** The one JSON form of an error, on HTTP, on sockets and in `agent_failed`. */
export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details: Json;
  readonly cure: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number | undefined;
  /** Finds this very failure in the server's log. */
  readonly ref: string;
}

export interface EnginehouseErrorOptions extends ErrorOptions {
  /** Replaces the table's cure where the caller knows a better one. */
  readonly cure?: string;
  /** Milliseconds to wait before trying again. Only with a code whose `retry` is `after`. */
  readonly retryAfterMs?: number | undefined;
  /** Keeps the ref of an error that comes from another process. @default a fresh one */
  readonly ref?: string;
}

/** A failure with a code, its facts and a cure. Narrow it with `isEnginehouseError(error, code)`. */
export class EnginehouseError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'EnginehouseError';
  readonly code: C;
  readonly details: ErrorDetails[C];
  readonly cure: string;
  readonly retryAfterMs: number | undefined;
  readonly ref: string;

  constructor(code: C, message: string, details: ErrorDetails[C], options: EnginehouseErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.details = details;
    this.cure = options.cure ?? FACTS[code].cure;
    this.retryAfterMs = options.retryAfterMs;
    this.ref = options.ref ?? crypto.randomUUID().slice(0, 8);
  }

  /** The HTTP status this failure is answered with. */
  get status(): number {
    return FACTS[this.code].status;
  }

  /** Whether the same request can succeed later: `no`, `now`, or `after` a wait. */
  get retry(): Retry {
    return FACTS[this.code].retry;
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      message: this.message.slice(0, MESSAGE_MAX_LENGTH),
      details: detailsJson(this.details),
      cure: this.cure.slice(0, MESSAGE_MAX_LENGTH),
      retry: this.retry,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      ref: this.ref,
    };
  }
}

/** The factory is absent or half made. Kept under this name because existing tests look for it. */
export class ExecutionEngineFactoryError<
  C extends 'FACTORY_NOT_CONFIGURED' | 'FACTORY_PART_MISSING' | 'FACTORY_ALREADY_CONFIGURED' | 'FACTORY_CLOSED' =
    'FACTORY_NOT_CONFIGURED',
> extends EnginehouseError<C> {
  override readonly name = 'ExecutionEngineFactoryError';
}

/** True when `error` is ours and, if `code` is given, carries that code. */
export function isEnginehouseError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is EnginehouseError<C> {
  return error instanceof EnginehouseError && (code === undefined || error.code === code);
}

/** The error that another process, or an earlier attempt, put into JSON. An unknown code becomes `INTERNAL`. */
export function reviveError(json: ErrorJson): EnginehouseError {
  const code = Object.hasOwn(FACTS, json.code) ? (json.code as ErrorCode) : 'INTERNAL';
  // A parse boundary: whoever wrote the code wrote its details with it.
  const details = json.details as unknown as ErrorDetails[ErrorCode];
  return new EnginehouseError(code, json.message, details, {
    cure: json.cure,
    retryAfterMs: json.retryAfterMs,
    ref: json.ref,
  });
}

/**
 * Gives any thrown value the one JSON form. What is not ours becomes `fallback`
 * with the original message in its details, and the original as its cause.
 */
export function asEnginehouseError(
  thrown: unknown,
  fallback: 'INTERNAL' | 'AGENT_THREW' | 'TOOL_FAILED',
): EnginehouseError {
  if (thrown instanceof EnginehouseError) return thrown;
  const reason = said(thrown);
  return new EnginehouseError(fallback, reason, { reason }, { cause: thrown });
}

/** What was thrown, in words. An agent may throw anything, also what cannot be made a string. */
function said(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? String(thrown.message) : String(thrown);
    return text === '' ? 'an error without a message' : text.slice(0, MESSAGE_MAX_LENGTH);
  } catch {
    return 'something that cannot be shown';
  }
}

/** Details are plain data by the table's types, but who throws may come without types. */
function detailsJson(details: unknown): Json {
  try {
    const text = JSON.stringify(details) ?? '';
    return text.length > DETAILS_MAX_LENGTH ? { omitted: `${text.length} characters` } : (JSON.parse(text) as Json);
  } catch {
    return { omitted: 'not JSON' };
  }
}
