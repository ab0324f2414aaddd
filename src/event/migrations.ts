import type { Kysely } from 'kysely';

/**
 * The application's tables, as steps that run once each, in the order of their
 * names. A step is SQL text or a function of Kysely; one that has run is never
 * changed, a new one is added.
 *
 * @example
 * const migrations = {
 *   '001_stock': 'CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL)',
 * };
 */
export type Migrations = Readonly<Record<string, Migration>>;

/** One text or function for every database, or one for each where their SQL differs. */
export type Migration = MigrationScript | { readonly sqlite: MigrationScript; readonly postgres: MigrationScript };

export type MigrationScript = string | ((db: Kysely<never>) => Promise<void>);

/** What each user's tables hold at first: runs once per user, before the user's first transaction. */
export type Seed = Migration;
