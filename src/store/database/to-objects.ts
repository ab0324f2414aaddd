import type { Value } from './worker-protocol.ts';

/** Rows as objects, one property per column; of two columns with one name the later counts. */
export function toObjects<Row>(columns: readonly string[], rows: readonly (readonly Value[])[]): Row[] {
  // Kysely's caller says what a row looks like; the database made it so.
  return rows.map((row) => toObject(columns, row) as Row);
}

function toObject(columns: readonly string[], row: readonly Value[]): object {
  const object: Record<string, Value | undefined> = {};
  for (const [at, column] of columns.entries()) {
    // Assigned, this one name would set the prototype.
    if (column === '__proto__') Object.defineProperty(object, column, { value: row[at], enumerable: true });
    else object[column] = row[at];
  }
  return object;
}
