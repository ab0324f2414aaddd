import type { DatabaseTransaction, Migrations } from '../../../../src/index.ts';

/** Every reader has a set of these. */
export interface LibraryTables {
  books: { title: string };
}

export type LibraryTransaction = DatabaseTransaction<LibraryTables>;

export const migrations: Migrations = { '001_books': 'CREATE TABLE books (title TEXT PRIMARY KEY)' };
