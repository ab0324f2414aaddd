/**
 * One error that shows everything. A runner prints the first error of several,
 * or the last, or "An error was suppressed during disposal" and neither; what no
 * runner leaves out is the message of the error that was thrown.
 */

import { inspect } from 'node:util';

import { EnginehouseError } from '../../base/errors.ts';
import { framesOf, usefulPlace } from './origin.ts';

/** Errors that are told in full; the others are counted. */
const TOLD = 30;

interface Told {
  readonly error: unknown;
  /** The number of the error that it is the cause of. */
  readonly causeOf: number | undefined;
}

/**
 * The error itself when it stands alone, with its code. Otherwise one plain error whose message tells all that are in it
 * (of an AggregateError, a SuppressedError and chains of causes), each numbered, in full, with its code, its cure and
 * where it came from; its stack is that of the first, so that a runner points there.
 */
export function printable(error: unknown): Error {
  const all = flattened(error);
  const [first] = all;
  if (first === undefined || all.length === 1) return asError(first === undefined ? error : first.error);
  const told = all.slice(0, TOLD).map(({ error: each, causeOf }, index) => paragraph(each, index + 1, causeOf));
  const more = all.length - told.length;
  return plain(
    [headOf(error, all.length), ...told, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n\n'),
    first.error,
  );
}

/** The same for a runner that prints the message of an error and nothing else of it: with its code and its cure. */
export function printed(error: unknown): Error {
  const one = printable(error);
  return one instanceof EnginehouseError ? plain(`${titleOf(one)}\n   cure: ${one.cure}`, one) : one;
}

function plain(message: string, from: unknown): Error {
  const error = new Error(message);
  const frames = from instanceof Error ? framesOf(from.stack) : [];
  error.stack = [`Error: ${message}`, ...frames.map((frame) => `    ${frame}`)].join('\n');
  return error;
}

/** Every error in an error, in the order in which they happened, a cause behind what it caused. */
export function errorsIn(error: unknown): readonly unknown[] {
  return flattened(error).map((each) => each.error);
}

function flattened(root: unknown): readonly Told[] {
  const told: Told[] = [];
  const seen = new Set<unknown>();
  const tell = (error: unknown, causeOf: number | undefined): void => {
    if (seen.has(error)) return;
    if (typeof error === 'object' && error !== null) seen.add(error);
    const parts = partsOf(error);
    for (const part of parts ?? []) tell(part, undefined);
    const number = parts === undefined ? told.push({ error, causeOf }) : undefined;
    if (error instanceof Error && error.cause !== undefined) tell(error.cause, number);
  };
  tell(root, undefined);
  return told;
}

/** What a wrapper holds, the older first; `undefined` for what is no wrapper. */
function partsOf(error: unknown): readonly unknown[] | undefined {
  if (error instanceof AggregateError) return error.errors.length === 0 ? undefined : error.errors;
  // What was suppressed came first: the body's failure, before that of a disposal.
  if (error instanceof SuppressedError) return [error.suppressed, error.error];
  return undefined;
}

function headOf(error: unknown, count: number): string {
  const said = error instanceof AggregateError && error.message !== '' ? `${error.message}: ` : '';
  return `${said}${count} errors`;
}

function paragraph(error: unknown, number: number, causeOf: number | undefined): string {
  const lines = [`${number}) ${causeOf === undefined ? '' : `the cause of ${causeOf}: `}${titleOf(error)}`];
  if (error instanceof EnginehouseError) lines.push(`cure: ${error.cure}`);
  const place = error instanceof Error ? usefulPlace(error.stack) : undefined;
  if (place !== undefined) lines.push(`from: ${place}`);
  return lines.map((line, index) => (index === 0 ? line : `   ${line}`)).join('\n');
}

function titleOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${inspect(error)}`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const name = error instanceof EnginehouseError ? error.code : [error.name, code].filter(Boolean).join(' ');
  return `${name}: ${error.message.replaceAll('\n', '\n   ')}`;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${inspect(thrown)}`, { cause: thrown });
}
