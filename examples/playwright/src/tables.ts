import type { DatabaseTransaction, Migrations } from 'enginehouse';

/** Every user has a set of these. */
export interface BagTables {
  packed: { id: string; thing: string };
}

export type BagTransaction = DatabaseTransaction<BagTables>;

export const migrations: Migrations = {
  '001_packed': 'CREATE TABLE packed (id TEXT PRIMARY KEY, thing TEXT NOT NULL)',
};
