/**
 * A ledger from a stream of bytes to rows, a batch at a time, so that a ledger
 * of any length takes the memory of one batch.
 */

import { readLines, type Line } from './ledger-lines.ts';
import { openLedgerReader, type LedgerReader } from './ledger-reader.ts';
import { notALedger, type BadRow, type LedgerBatch, type LedgerRow } from './ledger-row.ts';

/**
 * Yields the rows of a ledger in the order of its lines.
 *
 * @throws `LEDGER_INVALID` when the file is empty, binary, has no columns of a ledger, or has no good row at all.
 */
export async function* readLedger(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<LedgerBatch> {
  const summary = new Summary();
  let reader: LedgerReader | undefined;
  let bytes = 0;
  for await (const block of readLines(refuseBinary(source, file))) {
    bytes = block.bytes;
    let { lines } = block;
    if (reader === undefined) {
      const start = lines.findIndex(({ text }) => text.trim() !== '');
      const first: Line | undefined = lines[start];
      if (first === undefined) continue;
      reader = openLedgerReader(first, file);
      lines = lines.slice(reader.format === 'csv' ? start + 1 : start);
    }
    yield summary.batch(reader, reader.push(lines), bytes);
  }
  if (reader === undefined) throw notALedger(file, 'it is empty');
  yield summary.batch(reader, reader.end(), bytes);
  if (summary.rows === 0) throw notALedger(file, summary.reason());
}

/** What is needed at the end to say why there is no row. */
class Summary {
  rows = 0;
  #badRows = 0;
  #firstBad: BadRow | undefined;

  batch(reader: LedgerReader, read: readonly (LedgerRow | BadRow)[], bytes: number): LedgerBatch {
    const rows: LedgerRow[] = [];
    const badRows: BadRow[] = [];
    for (const row of read) {
      if ('reason' in row) badRows.push(row);
      else rows.push(row);
    }
    this.rows += rows.length;
    this.#badRows += badRows.length;
    this.#firstBad ??= badRows[0];
    return { format: reader.format, columns: reader.columns, rows, badRows, bytes };
  }

  reason(): string {
    if (this.#firstBad === undefined) return 'it has a header and no rows';
    const { line, reason, value } = this.#firstBad;
    return `none of its ${this.#badRows} rows can be read; line ${line}: ${reason}, found ${JSON.stringify(value)}`;
  }
}

/** First bytes of files that people take for a ledger, and what to do. */
const SIGNATURES: readonly { readonly bytes: readonly number[]; readonly is: string }[] = [
  { bytes: [0x50, 0x4b, 0x03, 0x04], is: 'a zip archive or an Excel workbook; export the sheet as CSV' },
  { bytes: [0x1f, 0x8b], is: 'compressed with gzip; unpack it first' },
  { bytes: [0xff, 0xfe], is: 'UTF-16 text; save it as UTF-8' },
  { bytes: [0xfe, 0xff], is: 'UTF-16 text; save it as UTF-8' },
  { bytes: [0x50, 0x41, 0x52, 0x31], is: 'a Parquet file; export it as CSV' },
];

async function* refuseBinary(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of source) {
    if (first && chunk.byteLength > 0) {
      first = false;
      const known = SIGNATURES.find(({ bytes }) => bytes.every((byte, at) => chunk[at] === byte));
      if (known !== undefined) throw notALedger(file, `it is ${known.is}`);
      if (chunk.subarray(0, 65_536).includes(0)) throw notALedger(file, 'it is a binary file');
    }
    yield chunk;
  }
}
