/**
 * Values as an application sees them on SQLite, where PostgreSQL has them too:
 * whole numbers as numbers (bigints past 2^53), fractions as numbers, booleans
 * as 1 and 0, bytes as `Uint8Array`, everything else as PostgreSQL's text.
 */

import { types, type CustomTypesConfig } from 'pg';

import type { StatementResult, Value } from '../../database/worker-protocol.ts';
import { OWNER_COLUMN } from '../layout.ts';

const { BOOL, BYTEA, FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC, OID } = types.builtins;

const bytes: (raw: string) => Buffer = types.getTypeParser(BYTEA);

const PARSERS = new Map<number, (raw: string) => Value>([
  [BOOL, (raw) => (raw === 't' ? 1 : 0)],
  [BYTEA, (raw) => new Uint8Array(bytes(raw))],
  [FLOAT4, Number],
  [FLOAT8, Number],
  [INT2, Number],
  [INT4, Number],
  [OID, Number],
  [INT8, toWhole],
  [NUMERIC, toNumeric],
]);

/** For `pg`: how a value's text is read. */
export const valueTypes: CustomTypesConfig = {
  getTypeParser: (type: number) => PARSERS.get(type) ?? asText,
};

/** A result without the column that says whose a row is. */
export function readResult(result: {
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string }[];
  readonly rows: Value[][];
}): StatementResult {
  const { command, rowCount, fields, rows } = result;
  const names = fields.map(({ name }) => name);
  const changes = fields.length === 0 && CHANGING.has(command) ? BigInt(rowCount ?? 0) : undefined;
  const hidden = names.indexOf(OWNER_COLUMN);
  if (hidden === -1) return { columns: names, rows, changes, insertId: undefined };
  const shown = names.flatMap((name, at) => (name === OWNER_COLUMN ? [] : [at]));
  const pick = <T>(from: readonly T[]): T[] => from.filter((_, at) => names[at] !== OWNER_COLUMN);
  return { columns: shown.map((at) => names[at] ?? ''), rows: rows.map(pick), changes, insertId: undefined };
}

const CHANGING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

function asText(raw: string): string {
  return raw;
}

function toWhole(raw: string): number | bigint {
  const number = Number(raw);
  return Number.isSafeInteger(number) ? number : BigInt(raw);
}

function toNumeric(raw: string): number | bigint {
  return /^-?\d+$/.test(raw) ? toWhole(raw) : Number(raw);
}
