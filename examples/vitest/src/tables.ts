import type { DatabaseTransaction, Migrations } from 'enginehouse';

/** Every user has a set of these. */
export interface DeskTables {
  notes: { id: string; text: string };
}

export type DeskTransaction = DatabaseTransaction<DeskTables>;

export const migrations: Migrations = {
  '001_notes': 'CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL)',
};
