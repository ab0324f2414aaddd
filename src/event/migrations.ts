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
export type Migrations = Readonly<Record<string, string | ((db: Kysely<never>) => Promise<void>)>>;
