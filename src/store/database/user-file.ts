/**
 * One user's database, open in a worker.
 *
 *   U1. Statements run in a transaction that the house began, and never outside
 *       one, also after SQLite itself rolled it back.
 *   U2. One text is one statement; what follows it is refused, not skipped.
 *   U3. A result is counted while it is read and given up past its limit; what
 *       the statement wrote until then is undone.
 */

import { constants, DatabaseSync, type StatementSync } from 'node:sqlite';

import { RECORD_TABLE, refusal, WRITING, type Action } from './confinement.ts';
import { createFile } from './create-file.ts';
import { readRows } from './read-rows.ts';
import { Refused } from './refused.ts';
import { isBlank } from './single-statement.ts';
import type { Applied, FileLimits, Mode, StatementResult, Value } from './worker-protocol.ts';

interface Prepared {
  readonly statement: StatementSync;
  /** Empty for a statement that returns no rows. */
  readonly columns: readonly string[];
  readonly writes: boolean;
}

const PAGE_BYTES = 4_096;
const KEPT_WAL_BYTES = 16_777_216;
// A schema and its rows need room even where results are kept tiny.
const LEAST_VALUE_BYTES = 1_048_576;
// A load repeats one statement; what a transaction repeats beyond this is compiled again.
const KEPT_STATEMENTS = 16;

export class UserFile implements Disposable {
  readonly #db: DatabaseSync;
  readonly #limits: FileLimits;
  readonly #prepared = new Map<string, Prepared>();
  /** `undefined` while the house itself is at work. */
  #mode: Mode | undefined;
  #refused: string | undefined;
  #writes = false;

  constructor(file: string, limits: FileLimits) {
    this.#limits = limits;
    createFile(file);
    this.#db = new DatabaseSync(file, {
      allowExtension: false,
      defensive: true,
      enableDoubleQuotedStringLiterals: false,
      enableForeignKeyConstraints: true,
      limits: { attach: 0, length: Math.max(limits.resultBytes, LEAST_VALUE_BYTES) },
      // Milliseconds: another worker may be putting the file in order after one was ended.
      timeout: 5_000,
    });
    try {
      this.#db.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA trusted_schema = OFF;
        PRAGMA journal_size_limit = ${KEPT_WAL_BYTES};
        PRAGMA max_page_count = ${Math.floor(limits.fileBytes / PAGE_BYTES)};
      `);
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#db.setAuthorizer((code, first, second) => this.#authorize({ code, first, second }));
  }

  /** The migrations that have run; none in a new file. */
  applied(): readonly Applied[] {
    const [table] = this.#db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').all(RECORD_TABLE);
    if (table === undefined) return [];
    const rows = this.#db.prepare(`SELECT name, checksum FROM ${RECORD_TABLE}`).all();
    return rows.map(({ name, checksum }) => ({ name: String(name), checksum: String(checksum) }));
  }

  begin(mode: Mode): void {
    if (mode === 'read') this.#db.exec('PRAGMA query_only = ON; BEGIN');
    // A migration may rebuild a table that others refer to; commit() checks that all references hold.
    else if (mode === 'migrate') this.#db.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE');
    else this.#db.exec('BEGIN IMMEDIATE');
    this.#mode = mode;
  }

  statement(sql: string, parameters: readonly Value[]): StatementResult {
    return this.#confined(() => {
      const prepared = this.#prepare(sql);
      const bound = parameters.map(toBound);
      if (prepared.columns.length > 0) {
        const read = () => readRows(prepared.statement.iterate(...bound), prepared.columns, this.#limits.resultBytes);
        return prepared.writes ? this.#undoable(read) : read();
      }
      const { changes, lastInsertRowid } = prepared.statement.run(...bound);
      return { columns: [], rows: [], changes: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    });
  }

  script(sql: string): void {
    refuseNul(sql);
    this.#confined(() => this.#db.exec(sql));
  }

  commit(applied: Applied | undefined): void {
    this.#assertTransaction();
    this.#mode = undefined;
    try {
      if (applied !== undefined) this.#record(applied);
      this.#db.exec('COMMIT');
    } finally {
      this.rollback();
    }
  }

  /** Ends what is left of a transaction and makes the connection ready for the next. Harmless without one. */
  rollback(): void {
    this.#mode = undefined;
    this.#prepared.clear();
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#db.exec('PRAGMA query_only = OFF; PRAGMA foreign_keys = ON');
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #record({ name, checksum }: Applied): void {
    const [broken] = this.#db.prepare('PRAGMA foreign_key_check').all();
    if (broken !== undefined) {
      throw new Error(
        `a row of ${String(broken['table'])} refers to a row of ${String(broken['parent'])} that is not there`,
      );
    }
    this.#db.exec(
      `CREATE TABLE IF NOT EXISTS ${RECORD_TABLE} (name TEXT PRIMARY KEY, checksum TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    );
    this.#db.prepare(`INSERT INTO ${RECORD_TABLE} (name, checksum) VALUES (?, ?)`).run(name, checksum);
  }

  /** Runs `work` for the user: in the transaction, and naming what was refused. */
  #confined<T>(work: () => T): T {
    this.#assertTransaction();
    this.#refused = undefined;
    try {
      return work();
    } catch (error) {
      if (this.#refused === undefined) throw error;
      throw new Refused({ code: 'DATABASE_DENIED', action: this.#refused });
    }
  }

  /** Undoes what `work` wrote when it throws, and only that. */
  #undoable<T>(work: () => T): T {
    const mode = this.#mode;
    this.#asHouse(mode, 'SAVEPOINT enginehouse_statement');
    try {
      const result = work();
      this.#asHouse(mode, 'RELEASE enginehouse_statement');
      return result;
    } catch (error) {
      if (this.#db.isTransaction)
        this.#asHouse(mode, 'ROLLBACK TO enginehouse_statement; RELEASE enginehouse_statement');
      throw error;
    }
  }

  #asHouse(mode: Mode | undefined, sql: string): void {
    this.#mode = undefined;
    try {
      this.#db.exec(sql);
    } finally {
      this.#mode = mode;
    }
  }

  #prepare(sql: string): Prepared {
    const kept = this.#prepared.get(sql);
    if (kept !== undefined) return kept;
    refuseNul(sql);
    this.#writes = false;
    const statement = this.#db.prepare(sql);
    if (!isBlank(sql.slice(statement.sourceSQL.length))) {
      throw new Refused({ code: 'DATABASE_DENIED', action: 'a second statement in one text' });
    }
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    const prepared = { statement, columns: statement.columns().map(({ name }) => name), writes: this.#writes };
    if (this.#prepared.size >= KEPT_STATEMENTS) this.#prepared.clear();
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  #authorize(action: Action): number {
    if (this.#mode === undefined) return constants.SQLITE_OK;
    this.#writes ||= WRITING.has(action.code);
    const refused = refusal(this.#mode, action);
    if (refused === undefined) return constants.SQLITE_OK;
    this.#refused ??= refused;
    return constants.SQLITE_DENY;
  }

  #assertTransaction(): void {
    if (this.#mode !== undefined && this.#db.isTransaction) return;
    throw new Error('the database rolled the transaction back after an earlier statement');
  }
}

// SQLite reads up to it and would leave the rest unseen.
function refuseNul(sql: string): void {
  if (sql.includes('\0')) throw new Refused({ code: 'DATABASE_DENIED', action: 'a NUL character in SQL' });
}

// Node binds every number as REAL; a whole one is meant as INTEGER.
function toBound(value: Value): Value {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
