/**
 * Loads a ledger into the user's tables.
 *
 *   L1. Exactly once: a row is keyed by the file's digest and its line, and one
 *       that is there already is left alone. So a load may be cut off anywhere
 *       and run again, and two loads of one file may run side by side.
 *   L2. A ledger is complete in one commit, the last, together with what was
 *       counted on the way. One that is complete is not read again.
 *   L3. No statement and no transaction grows with the ledger.
 */

import type { ToolContext } from '../tool/tool.ts';
import { loadedLedgerSchema, type LoadedLedger } from './findings.ts';
import type { BadRow, LedgerBatch, LedgerRow } from './ledger-row.ts';
import { readLedger } from './read-ledger.ts';
import { READER_VERSION, ROWS_PER_STATEMENT, type AnalystSession } from './tables.ts';

/** One commit and one message of progress for so many rows. */
const ROWS_PER_TRANSACTION = 50_000;

/** Bad rows that are named; all are counted. */
const NAMED_BAD_ROWS = 20;

/** What a load needs of a tool's context. */
export type LoadContext = Pick<ToolContext, 'artifacts' | 'database' | 'signal' | 'progress'>;

/**
 * Reads the artifact into the user's tables and says what it found.
 *
 * @throws `NOT_FOUND` for an unknown or foreign artifact, `LEDGER_INVALID` when it is not a ledger.
 */
export async function loadLedger(artifact: string, context: LoadContext): Promise<LoadedLedger> {
  const { artifacts, database, signal, progress } = context;
  const { digest, title, bytes: totalBytes } = await artifacts.get(artifact);
  const known = await database.transaction((db: AnalystSession) => completeLedger(db, digest), {
    readOnly: true,
    signal,
  });
  if (known !== undefined) return known;

  const load = new Load(digest, context);
  for await (const batch of readLedger(artifacts.read(artifact), title)) {
    signal.throwIfAborted();
    load.add(batch);
    if (load.waiting < ROWS_PER_TRANSACTION) continue;
    await load.flush();
    await progress({ rows: load.rows, badRows: load.badRows, bytes: batch.bytes, totalBytes });
  }
  const loaded = await load.finish();
  await progress({ rows: load.rows, badRows: load.badRows, bytes: totalBytes, totalBytes });
  return loaded;
}

class Load {
  readonly #digest: string;
  readonly #context: LoadContext;
  readonly #firstBadRows: BadRow[] = [];
  #last: LedgerBatch | undefined;
  #waiting: LedgerRow[] = [];
  rows = 0;
  badRows = 0;

  constructor(digest: string, context: LoadContext) {
    this.#digest = digest;
    this.#context = context;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(batch: LedgerBatch): void {
    this.#last = batch;
    for (const row of batch.rows) this.#waiting.push(row);
    this.rows += batch.rows.length;
    this.badRows += batch.badRows.length;
    this.#firstBadRows.push(...batch.badRows.slice(0, NAMED_BAD_ROWS - this.#firstBadRows.length));
  }

  /** Commits the rows that wait. */
  async flush(): Promise<void> {
    const { database, signal } = this.#context;
    const rows = this.#waiting;
    this.#waiting = [];
    await database.transaction(async (db: AnalystSession) => insertRows(db, await ledgerId(db, this.#digest), rows), {
      signal,
    });
  }

  /** Commits what is left and marks the ledger complete. */
  async finish(): Promise<LoadedLedger> {
    await this.flush();
    const loaded = loadedLedgerSchema.parse({
      digest: this.#digest,
      format: this.#last?.format,
      columns: this.#last?.columns,
      bytes: this.#last?.bytes,
      badRows: { count: this.badRows, first: this.#firstBadRows },
    });
    const { database, signal } = this.#context;
    await database.transaction((db: AnalystSession) => markComplete(db, loaded), { signal });
    return loaded;
  }
}

async function insertRows(db: AnalystSession, ledger: number, rows: readonly LedgerRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
    const values = rows.slice(at, at + ROWS_PER_STATEMENT).map((row) => ({
      ledger,
      line: row.line,
      at: row.at,
      model: row.model,
      input_tokens: row.inputTokens,
      output_tokens: row.outputTokens,
    }));
    await db
      .insertInto('enginehouse_analyst_row')
      .values(values)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** The ledger's number in these tables; a new one when it has none. */
async function ledgerId(db: AnalystSession, digest: string): Promise<number> {
  await db
    .insertInto('enginehouse_analyst_ledger')
    .values({
      digest,
      reader: READER_VERSION,
      complete: 0,
      format: '',
      columns: '',
      bytes: 0,
      bad_rows: 0,
      first_bad_rows: '',
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { id } = await db
    .selectFrom('enginehouse_analyst_ledger')
    .select('id')
    .where('digest', '=', digest)
    .where('reader', '=', READER_VERSION)
    .executeTakeFirstOrThrow();
  return id;
}

async function markComplete(
  db: AnalystSession,
  { digest, format, columns, bytes, badRows }: LoadedLedger,
): Promise<void> {
  await db
    .updateTable('enginehouse_analyst_ledger')
    .set({
      complete: 1,
      format,
      columns: JSON.stringify(columns),
      bytes,
      bad_rows: badRows.count,
      first_bad_rows: JSON.stringify(badRows.first),
    })
    .where('digest', '=', digest)
    .where('reader', '=', READER_VERSION)
    .execute();
}

async function completeLedger(db: AnalystSession, digest: string): Promise<LoadedLedger | undefined> {
  const row = await db
    .selectFrom('enginehouse_analyst_ledger')
    .selectAll()
    .where('digest', '=', digest)
    .where('reader', '=', READER_VERSION)
    .where('complete', '=', 1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return loadedLedgerSchema.parse({
    digest,
    format: row.format,
    columns: JSON.parse(row.columns),
    bytes: row.bytes,
    badRows: { count: row.bad_rows, first: JSON.parse(row.first_bad_rows) },
  });
}
