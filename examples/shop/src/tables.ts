import type { DatabaseTransaction, Migrations } from 'enginehouse';

/** The shop's own tables. Every user has a set of their own. */
export interface ShopTables {
  stock: { sku: string; count: number };
  orders: { id: string; sku: string; count: number };
}

export type ShopTransaction = DatabaseTransaction<ShopTables>;

export const migrations: Migrations = {
  '001_stock': 'CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0))',
  '002_orders': `
    CREATE TABLE orders (id TEXT PRIMARY KEY, sku TEXT NOT NULL REFERENCES stock (sku), count INTEGER NOT NULL);
  `,
};

/** What is in every customer's stock at first. */
export const seed = "INSERT INTO stock (sku, count) VALUES ('otter-1', 5), ('badger-2', 1)";
