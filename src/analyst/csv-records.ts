/**
 * Turns lines of CSV into records of cells. The CSV itself is read by
 * `csv-parse`; this is about what a broken line may cost.
 *
 *   V1. A line that is broken costs itself and no other line. A quote that is
 *       never closed would, to a plain parser, swallow the rest of the file.
 *   V2. A value in quotes may hold line breaks, within the limits below, if the
 *       record then has as many columns as the header.
 *
 * Most lines have no quotes, or closed ones: they are parsed many at a time,
 * and only if that does not give one record per line, one at a time.
 */

import { CsvError, parse, type Options } from 'csv-parse/sync';

import { MAX_LINE_CHARACTERS, type Line } from './ledger-lines.ts';
import { badRow, type BadRow } from './ledger-row.ts';

export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Of a record of several lines. */
const MAX_RECORD_LINES = 100;
const MAX_RECORD_CHARACTERS = 65_536;
const LINES_AT_ONCE = 500;

export class CsvRecords {
  readonly #options: Options;
  readonly #width: number;
  #held: readonly Line[] = [];

  /** `width` is the number of the header's columns. */
  constructor(delimiter: string, width: number) {
    this.#options = csvOptions(delimiter);
    this.#width = width;
  }

  /** The records that end in these lines; one that goes on is held for the next. */
  push(lines: readonly Line[]): (CsvRecord | BadRow)[] {
    return this.#read([...this.#held, ...lines], false);
  }

  /** What was held, now that no line comes. */
  end(): (CsvRecord | BadRow)[] {
    return this.#read(this.#held, true);
  }

  #read(lines: readonly Line[], last: boolean): (CsvRecord | BadRow)[] {
    const records: (CsvRecord | BadRow)[] = [];
    this.#held = [];
    for (let at = 0; at < lines.length;) {
      const some = lines.slice(at, at + LINES_AT_ONCE).filter(({ text }) => text.trim() !== '');
      const together = this.#together(some);
      if (together !== undefined) {
        records.push(...together);
        at += LINES_AT_ONCE;
        continue;
      }
      const end = Math.min(at + LINES_AT_ONCE, lines.length);
      while (at < end) {
        const { record, next } = this.#one(lines, at, last);
        if (next === at) {
          this.#held = lines.slice(at);
          return records;
        }
        if (record !== undefined) records.push(record);
        at = next;
      }
    }
    return records;
  }

  /** One record per line, or `undefined` when it is not so simple. */
  #together(lines: readonly Line[]): readonly CsvRecord[] | undefined {
    if (lines.some(({ cut }) => cut)) return undefined;
    const parsed = this.#parse(lines.map(({ text }) => text).join('\n'));
    if (parsed instanceof CsvError || parsed.length !== lines.length) return undefined;
    return lines.map(({ number }, at) => ({ line: number, cells: parsed[at] ?? [] }));
  }

  /** The record that starts at line `at`, and the line after it; the same line when more is needed to tell. */
  #one(
    lines: readonly Line[],
    at: number,
    last: boolean,
  ): { readonly record?: CsvRecord | BadRow; readonly next: number } {
    const start = lines[at];
    if (start === undefined || start.text.trim() === '') return { next: at + 1 };
    const alone = (reason: string) => ({ record: badRow(start.number, reason, start.text), next: at + 1 });
    if (start.cut) return alone(`the line is longer than ${MAX_LINE_CHARACTERS} characters`);

    let text = '';
    const end = Math.min(at + MAX_RECORD_LINES, lines.length);
    for (let line = at; line < end; line += 1) {
      const more = lines[line]?.text ?? '';
      text += line === at ? more : `\n${more}`;
      if (line > at && text.length > MAX_RECORD_CHARACTERS) return alone('a quote is not closed');
      // Only a line with a quote in it can close the value.
      if (line > at && !more.includes('"')) continue;
      const parsed = this.#parse(text);
      const [cells] = parsed instanceof CsvError ? [] : parsed;
      if (cells !== undefined && (line === at || cells.length === this.#width)) {
        return { record: { line: start.number, cells }, next: line + 1 };
      }
      if (parsed instanceof CsvError && parsed.code === 'CSV_QUOTE_NOT_CLOSED') continue;
      return alone(line === at ? 'a quote stands where none may be' : 'a quote is not closed');
    }
    return last || lines.length - at >= MAX_RECORD_LINES ? alone('a quote is not closed') : { next: at };
  }

  #parse(text: string): readonly string[][] | CsvError {
    return parseCsv(text, this.#options);
  }
}

/** The cells of one line, or `undefined` when it is no CSV. */
export function csvCells(line: string, delimiter: string): readonly string[] | undefined {
  const parsed = parseCsv(line, csvOptions(delimiter));
  return parsed instanceof CsvError ? undefined : parsed[0];
}

function parseCsv(text: string, options: Options): readonly string[][] | CsvError {
  try {
    return parse(text, options) as unknown as string[][];
  } catch (error) {
    if (error instanceof CsvError) return error;
    throw error;
  }
}

function csvOptions(delimiter: string): Options {
  return { delimiter, record_delimiter: '\n', relax_column_count: true, trim: true };
}
