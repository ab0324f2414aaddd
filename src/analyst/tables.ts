/**
 * The analyst's tables. They stand beside the application's, so their names say
 * whose they are.
 *
 *   T1. A ledger is known by the SHA-256 of its bytes and the version of the
 *       reader: the same file is the same ledger, however often it is uploaded.
 *   T2. A row is known by its ledger and its line, so that writing it again
 *       changes nothing.
 *   T3. A ledger counts once `complete` is 1. Before, a load is under way or
 *       was cut off.
 */

import type { Generated, Transaction } from 'kysely';

import type { Migrations } from '../event/migrations.ts';

/** Raised when the same bytes would give other rows, so that rows of two readers never mix. */
export const READER_VERSION = 1;

/** Rows of one INSERT: 3,000 parameters, where SQLite allows 32,766. */
export const ROWS_PER_STATEMENT = 500;

export interface AnalystTables {
  readonly enginehouse_analyst_ledger: {
    readonly id: Generated<number>;
    readonly digest: string;
    readonly reader: number;
    readonly complete: number;
    readonly format: string;
    /** JSON of `LedgerColumns`. */
    readonly columns: string;
    readonly bytes: number;
    readonly bad_rows: number;
    /** JSON of the first bad rows. */
    readonly first_bad_rows: string;
  };
  readonly enginehouse_analyst_row: {
    readonly ledger: number;
    readonly line: number;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
    /** Empty when the ledger does not say. */
    readonly model: string;
    readonly input_tokens: number;
    readonly output_tokens: number;
  };
  /** What the rows of one hour and model add up to. */
  readonly enginehouse_analyst_hour: {
    readonly ledger: number;
    /** Hours since the Unix epoch. */
    readonly hour: number;
    readonly model: string;
    readonly requests: number;
    readonly input_tokens: number;
    readonly output_tokens: number;
  };
}

export type AnalystSession = Transaction<AnalystTables>;

// SQLite orders text by its bytes; so does PostgreSQL where it is told to.
const POSTGRES_TEXT = 'TEXT COLLATE "C" NOT NULL';

export const analystMigrations: Migrations = {
  enginehouse_analyst_001_ledger: {
    sqlite: `
    CREATE TABLE enginehouse_analyst_ledger (
      id INTEGER PRIMARY KEY,
      digest TEXT NOT NULL,
      reader INTEGER NOT NULL,
      complete INTEGER NOT NULL,
      format TEXT NOT NULL,
      columns TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      bad_rows INTEGER NOT NULL,
      first_bad_rows TEXT NOT NULL,
      UNIQUE (digest, reader)
    )`,
    postgres: `
    CREATE TABLE enginehouse_analyst_ledger (
      id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      digest ${POSTGRES_TEXT},
      reader INTEGER NOT NULL,
      complete INTEGER NOT NULL,
      format TEXT NOT NULL,
      columns TEXT NOT NULL,
      bytes BIGINT NOT NULL,
      bad_rows BIGINT NOT NULL,
      first_bad_rows TEXT NOT NULL,
      UNIQUE (digest, reader)
    )`,
  },
  enginehouse_analyst_002_row: {
    sqlite: `
    CREATE TABLE enginehouse_analyst_row (
      ledger INTEGER NOT NULL,
      line INTEGER NOT NULL,
      at INTEGER NOT NULL,
      model TEXT NOT NULL,
      input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      PRIMARY KEY (ledger, line)
    ) WITHOUT ROWID`,
    postgres: `
    CREATE TABLE enginehouse_analyst_row (
      ledger BIGINT NOT NULL,
      line BIGINT NOT NULL,
      at BIGINT NOT NULL,
      model ${POSTGRES_TEXT},
      input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      PRIMARY KEY (ledger, line)
    )`,
  },
  enginehouse_analyst_003_hour: {
    sqlite: `
    CREATE TABLE enginehouse_analyst_hour (
      ledger INTEGER NOT NULL,
      hour INTEGER NOT NULL,
      model TEXT NOT NULL,
      requests INTEGER NOT NULL,
      input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      PRIMARY KEY (ledger, hour, model)
    ) WITHOUT ROWID`,
    postgres: `
    CREATE TABLE enginehouse_analyst_hour (
      ledger BIGINT NOT NULL,
      hour BIGINT NOT NULL,
      model ${POSTGRES_TEXT},
      requests BIGINT NOT NULL,
      input_tokens BIGINT NOT NULL,
      output_tokens BIGINT NOT NULL,
      PRIMARY KEY (ledger, hour, model)
    )`,
  },
};
