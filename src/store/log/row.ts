/**
 * A row as a database gives it, and its columns as the types they were declared
 * with. A column of another type is a damaged store or a fault of ours; either
 * way it is said here and not carried on.
 */
export type Row = Readonly<Record<string, unknown>>;

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw unexpected(column, 'a text', value);
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

export function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw unexpected(column, 'a number', value);
}

export function optionalNumber(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : number(row, column);
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw unexpected(column, 'bytes', value);
}

function unexpected(column: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`column ${column} must be ${wanted}, got ${value === null ? 'null' : typeof value}`);
}
