import type { Migrations } from '../../../src/event/migrations.ts';
import type { DataHouse, DataHouseOptions } from '../../support/data-house.ts';

/** A database under test. */
export interface DatabaseKind {
  readonly name: string;
  open(options?: DataHouseOptions): Promise<DataHouse>;
  /** Where the same failure has other words. */
  readonly says: {
    readonly unknownTable: string;
    readonly brokenReference: unknown;
    readonly brokenCheck: string;
    /** Of a statement that selects its first parameter. */
    readonly parameter: string;
    readonly writeDenied: unknown;
  };
}

export const TABLES: Migrations = {
  '001': {
    sqlite: `
      CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0));
      CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, whole INTEGER, part REAL, bytes BLOB);
      CREATE TABLE sale (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES stock DEFERRABLE INITIALLY DEFERRED);`,
    postgres: `
      CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0));
      CREATE TABLE note (id BIGSERIAL PRIMARY KEY, body TEXT, whole BIGINT, part DOUBLE PRECISION, bytes BYTEA);
      CREATE TABLE sale (
        id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sku TEXT NOT NULL REFERENCES stock DEFERRABLE INITIALLY DEFERRED
      );`,
  },
  '002': 'CREATE VIEW names AS SELECT sku FROM stock',
};

export const otter = { sku: 'otter-1', count: 3 };

/** The stock of a user, as a read-only transaction sees it. */
export function stockOf(house: DataHouse, user: string): Promise<object[]> {
  return house
    .session(user)
    .transaction((db) => db.selectFrom('stock').selectAll().orderBy('sku').execute(), { readOnly: true });
}
