/**
 * The two formats of a ledger behind one shape: lines in, rows and bad rows out.
 * A reader is made from the ledger's first line and refuses one that cannot be.
 */

import { CsvRecords, csvCells, type CsvRecord } from './csv-records.ts';
import { fieldsOf, isJsonObject, type JsonObject } from './json-fields.ts';
import { findColumns, missingRoles, ROLES, type FoundColumns, type Role } from './ledger-columns.ts';
import { MAX_LINE_CHARACTERS, type Line } from './ledger-lines.ts';
import {
  badRow,
  notALedger,
  type BadRow,
  type LedgerColumns,
  type LedgerFormat,
  type LedgerRow,
} from './ledger-row.ts';
import { MAX_TOKENS, parseModel, parseTime, parseTokens } from './ledger-values.ts';

export interface LedgerReader {
  readonly format: LedgerFormat;
  /** The columns met up to here. */
  readonly columns: LedgerColumns;
  push(lines: readonly Line[]): (LedgerRow | BadRow)[];
  /** What was held back, now that no line comes. */
  end(): (LedgerRow | BadRow)[];
}

const DELIMITERS = [',', ';', '\t', '|'];

/**
 * Reads the ledger whose first line that is not blank is `first`. A CSV's reader expects the lines after it, JSONL's also the first.
 *
 * @throws `LEDGER_INVALID` when it is a header without the columns that are needed, or the start of another kind of file.
 */
export function openLedgerReader(first: Line, file: string): LedgerReader {
  const text = first.text.trimStart();
  if (text.startsWith('{')) return new JsonlReader();
  if (text.startsWith('['))
    throw notALedger(file, 'it is a JSON array; write one object per line, without the brackets around them');
  if (first.cut) throw notALedger(file, `its first line is longer than ${MAX_LINE_CHARACTERS} characters`);
  return openCsv(first.text, file);
}

function openCsv(header: string, file: string): CsvReader {
  for (const delimiter of DELIMITERS) {
    const names = csvCells(header, delimiter);
    if (names === undefined) continue;
    const found = findColumns(names);
    if (missingRoles(found).length === 0) return new CsvReader(delimiter, names, found);
  }
  const names = csvCells(header, ',') ?? [header];
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 40)));
  throw notALedger(
    file,
    `the first line names the columns ${shown.join(', ')}, without ${missingRoles(findColumns(names)).join(', ')}`,
  );
}

class CsvReader implements LedgerReader {
  readonly format = 'csv';
  readonly columns: LedgerColumns;
  readonly #names: readonly string[];
  readonly #found: FoundColumns;
  readonly #records: CsvRecords;

  constructor(delimiter: string, names: readonly string[], found: FoundColumns) {
    this.#names = names;
    this.#found = found;
    this.#records = new CsvRecords(delimiter, names.length);
    const met = new MetColumns();
    met.add(names, found);
    this.columns = met.columns;
  }

  push(lines: readonly Line[]): (LedgerRow | BadRow)[] {
    return this.#records.push(lines).map((record) => this.#row(record));
  }

  end(): (LedgerRow | BadRow)[] {
    return this.#records.end().map((record) => this.#row(record));
  }

  #row(record: CsvRecord | BadRow): LedgerRow | BadRow {
    if ('reason' in record) return record;
    const { line, cells } = record;
    const width = this.#names.length;
    if (cells.length < width || cells.slice(width).some((cell) => cell !== '')) {
      return badRow(line, `the row has ${cells.length} columns, the header ${width}`, cells.join(','));
    }
    return toRow(line, (role) => {
      const at = this.#found[role];
      return at === undefined ? undefined : { name: this.#names[at] ?? '', value: cells[at] };
    });
  }
}

class JsonlReader implements LedgerReader {
  readonly format = 'jsonl';
  readonly #met = new MetColumns();
  readonly #shapes = new Map<string, FoundColumns>();

  get columns(): LedgerColumns {
    return this.#met.columns;
  }

  push(lines: readonly Line[]): (LedgerRow | BadRow)[] {
    return lines.filter(({ text }) => text.trim() !== '').map((line) => this.#row(line));
  }

  end(): (LedgerRow | BadRow)[] {
    return [];
  }

  #row({ number, text, cut }: Line): LedgerRow | BadRow {
    if (cut) return badRow(number, `the line is longer than ${MAX_LINE_CHARACTERS} characters`, text);
    const record = parseObject(text);
    if (record === undefined) return badRow(number, 'the line is not a JSON object', text);
    const fields = fieldsOf(record);
    const names = [...fields.keys()];
    const found = this.#find(names);
    const missing = missingRoles(found);
    if (missing.length > 0) return badRow(number, `the row has no ${missing.join(', no ')}`, text);
    const row = toRow(number, (role) => {
      const name = names[found[role] ?? -1];
      return name === undefined ? undefined : { name, value: fields.get(name) };
    });
    if (!('reason' in row)) this.#met.add(names, found);
    return row;
  }

  /** Rows of one shape are most of a ledger, so their columns are looked up once. */
  #find(names: readonly string[]): FoundColumns {
    const shape = names.join('\n');
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    const found = findColumns(names);
    if (this.#shapes.size < SHAPES && shape.length < SHAPE_CHARACTERS) this.#shapes.set(shape, found);
    return found;
  }
}

/** Shapes of rows whose columns are remembered, and how long the names of one may be. */
const SHAPES = 1_000;
const SHAPE_CHARACTERS = 2_000;

/** Spellings of one column that are listed. */
const SPELLINGS = 5;

/** The names of columns that were met, each once, in the order they were. */
class MetColumns {
  readonly #names: { readonly [R in Role]: Set<string> } = {
    time: new Set(),
    inputTokens: new Set(),
    outputTokens: new Set(),
    model: new Set(),
  };

  add(names: readonly string[], found: FoundColumns): void {
    for (const role of ROLES) {
      const name = names[found[role] ?? -1];
      if (name !== undefined && this.#names[role].size < SPELLINGS) this.#names[role].add(name.toWellFormed());
    }
  }

  get columns(): LedgerColumns {
    const { time, inputTokens, outputTokens, model } = this.#names;
    return { time: [...time], inputTokens: [...inputTokens], outputTokens: [...outputTokens], model: [...model] };
  }
}

interface Cell {
  readonly name: string;
  readonly value: unknown;
}

function toRow(line: number, cell: (role: Role) => Cell | undefined): LedgerRow | BadRow {
  const time = cell('time');
  const at = parseTime(time?.value);
  if (at === undefined) return bad(line, time, 'is not a time between 2000 and 2100');
  const input = cell('inputTokens');
  const inputTokens = parseTokens(input?.value);
  if (inputTokens === undefined) return bad(line, input, NOT_TOKENS);
  const output = cell('outputTokens');
  const outputTokens = parseTokens(output?.value);
  if (outputTokens === undefined) return bad(line, output, NOT_TOKENS);
  const named = cell('model');
  const model = parseModel(named?.value);
  if (model === undefined) return bad(line, named, "is not a model's name");
  return { line, at, model, inputTokens, outputTokens };
}

const NOT_TOKENS = `is not a whole number from 0 to ${MAX_TOKENS}`;

function bad(line: number, cell: Cell | undefined, reason: string): BadRow {
  const value = cell?.value ?? '';
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return badRow(line, shown === '' ? `${cell?.name ?? ''} is empty` : `${cell?.name ?? ''} ${reason}`, shown);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
