import { statementFailed } from './database-error.ts';
import type { Value } from './worker-protocol.ts';

/**
 * What may be given for a `?`: text, a number (a whole one is stored as
 * INTEGER), a bigint of 64 bits, bytes as a `Uint8Array`, `null`, and a boolean,
 * which SQLite keeps as 1 or 0.
 *
 * @throws `DATABASE_FAILED` naming the first that is something else
 */
export function toValues(sql: string, parameters: readonly unknown[]): readonly Value[] {
  return parameters.map((parameter, index) => {
    if (isValue(parameter)) return parameter;
    if (typeof parameter === 'boolean') return parameter ? 1 : 0;
    const reason = `parameter ${index + 1} is ${nameOf(parameter)}, not a string, number, bigint, Uint8Array, boolean or null`;
    throw statementFailed(
      sql,
      reason,
      'Convert the value first: a date to text or milliseconds, an object with JSON.stringify.',
    );
  });
}

function isValue(parameter: unknown): parameter is Value {
  if (parameter === null || parameter instanceof Uint8Array) return true;
  // NaN would silently become NULL.
  if (typeof parameter === 'number') return !Number.isNaN(parameter);
  return typeof parameter === 'string' || typeof parameter === 'bigint';
}

function nameOf(parameter: unknown): string {
  if (typeof parameter !== 'object' || parameter === null)
    return String(typeof parameter === 'number' ? parameter : typeof parameter);
  return `a ${parameter.constructor?.name ?? 'object'}`;
}
