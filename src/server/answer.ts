/**
 * Every failure over HTTP is the one JSON form of an error, with its status.
 *
 *   A1. What is the server's own fault (500, and 507 for a full disk) is logged
 *       once, with its cause, and told by code, cure and ref: its words may name
 *       files and queries, and those stay here.
 *   A2. Everything else is told whole; it says what the caller can change.
 */

import { inspect } from 'node:util';

import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

import { asEnginehouseError, EnginehouseError, isEnginehouseError, type ErrorJson } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Principal } from '../context/principal.ts';

/** `incoming` and `outgoing` are there when a Node server carries the request. */
export interface DoorEnv {
  readonly Bindings: Partial<HttpBindings>;
  readonly Variables: { principal: Principal };
}

export type DoorApp = Hono<DoorEnv>;
export type DoorContext = Context<DoorEnv>;

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorJson;
}

/** What a caller is told of a failure. Logs it. */
export function answerOf(thrown: unknown, log: Log, where: Readonly<Record<string, unknown>>): ErrorAnswer {
  const error = asEnginehouseError(thrown, 'INTERNAL');
  const { code, status, ref } = error;
  const ours = status === 500 || status === 507;
  if (ours) log('error', `a request failed: ${error.message}`, { ...where, code, ref, error: inspect(error) });
  else log('debug', `a request was refused: ${error.message}`, { ...where, code, ref });
  return { status, headers: headersOf(error), body: ours ? withoutWords(error) : error.toJSON() };
}

export function sendError(c: DoorContext, thrown: unknown, log: Log): Response {
  const { status, headers, body } = answerOf(thrown, log, { method: c.req.method, path: c.req.path });
  // A parse boundary: the table of codes holds statuses that have a body, and a test says so.
  return c.json(body, status as ContentfulStatusCode, { ...headers });
}

function withoutWords(error: EnginehouseError): ErrorJson {
  return { ...error.toJSON(), message: 'the server failed; its log has the reason under this ref', details: {} };
}

function headersOf(error: EnginehouseError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryAfterMs !== undefined) headers['Retry-After'] = String(Math.ceil(error.retryAfterMs / 1_000));
  if (isEnginehouseError(error, 'UNAUTHENTICATED')) headers['WWW-Authenticate'] = 'Bearer';
  if (isEnginehouseError(error, 'METHOD_NOT_ALLOWED')) headers['Allow'] = error.details.allowed.join(', ');
  if (isEnginehouseError(error, 'RANGE_INVALID')) headers['Content-Range'] = `bytes */${error.details.bytes}`;
  // The rest of such a body is not worth reading; the client learns that the connection ends.
  if (isEnginehouseError(error, 'TOO_LARGE')) headers['Connection'] = 'close';
  return headers;
}

/** @throws `NOT_FOUND`: unknown, or somebody else's; the two are not told apart. */
export function notFound(what: string, id: string): EnginehouseError {
  return new EnginehouseError('NOT_FOUND', `${what} ${id} does not exist`, { what, id });
}

const DRAINING_RETRY_MS = 2_000;

export function draining(): EnginehouseError {
  return new EnginehouseError('DRAINING', 'the server is closing', {}, { retryAfterMs: DRAINING_RETRY_MS });
}
