import { Refused } from './refused.ts';
import type { StatementResult, Value } from './worker-protocol.ts';

// Each value counts at least this much, so that rows of nothing have an end too.
const LEAST_BYTES = 8;

/**
 * Takes rows as long as they stay within `limitBytes`. An INTEGER is a number
 * where a number can hold it, else a bigint.
 *
 * @throws `Refused` with `DATABASE_RESULT_TOO_LARGE`
 */
export function readRows(source: Iterable<unknown>, columns: readonly string[], limitBytes: number): StatementResult {
  const rows: Value[][] = [];
  let left = limitBytes;
  for (const row of source) {
    if (!isRow(row)) throw new TypeError('a row is an array of values');
    for (const [at, value] of row.entries()) {
      left -= sizeOf(value);
      if (left < 0) throw new Refused({ code: 'DATABASE_RESULT_TOO_LARGE', limitBytes });
      if (typeof value === 'bigint') row[at] = toNumber(value);
    }
    rows.push(row);
  }
  return { columns, rows, changes: undefined, insertId: undefined };
}

function isRow(row: unknown): row is Value[] {
  return Array.isArray(row);
}

/** What a value counts. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return LEAST_BYTES + Buffer.byteLength(value);
  return LEAST_BYTES + (value instanceof Uint8Array ? value.byteLength : 0);
}

function toNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
