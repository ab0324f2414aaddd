/**
 * What a usage ledger is to the analyst: one row per request, with a time, the
 * tokens that went in and came out, and the model where the ledger says it.
 */

import { EnginehouseError } from '../base/errors.ts';

export interface LedgerRow {
  /** From 1, as an editor counts; the header is a line too. */
  readonly line: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Empty when the ledger does not say. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A row that is left out, and why. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
  /** What stood there, cut. */
  readonly value: string;
}

/** The names under which the ledger keeps each thing. Several when rows of a JSONL differ; none for a model that it does not name. */
export interface LedgerColumns {
  readonly time: readonly string[];
  readonly inputTokens: readonly string[];
  readonly outputTokens: readonly string[];
  readonly model: readonly string[];
}

export type LedgerFormat = 'csv' | 'jsonl';

/** Some rows of a ledger, as they were read. */
export interface LedgerBatch {
  readonly format: LedgerFormat;
  /** All that were met up to here. */
  readonly columns: LedgerColumns;
  readonly rows: readonly LedgerRow[];
  readonly badRows: readonly BadRow[];
  /** Bytes of the file read up to here. */
  readonly bytes: number;
}

/** Characters of a bad value that are kept. */
const SHOWN = 100;

export function badRow(line: number, reason: string, value: string): BadRow {
  return { line, reason: reason.toWellFormed(), value: value.slice(0, SHOWN).toWellFormed() };
}

/** A file that cannot be read as a ledger at all. */
export function notALedger(file: string, reason: string): EnginehouseError<'LEDGER_INVALID'> {
  return new EnginehouseError(
    'LEDGER_INVALID',
    `${file} is not a usage ledger: ${reason}. Needed are CSV with a header or JSONL, with a time (for instance timestamp), ` +
      'input tokens (for instance input_tokens, prompt_tokens or ContextTokens) and output tokens (for instance output_tokens, ' +
      'completion_tokens or GeneratedTokens) per request',
    { file, reason },
  );
}
