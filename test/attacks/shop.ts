import type { Migrations } from '../../src/event/migrations.ts';

/** The tables of the application that is attacked: plain migrations. */
export const SHOP: Migrations = {
  '001_stock': `
    CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0), note TEXT);
    CREATE TABLE orders (
      id INTEGER PRIMARY KEY,
      sku TEXT NOT NULL REFERENCES stock (sku) ON DELETE CASCADE,
      amount INTEGER NOT NULL UNIQUE
    );
    CREATE VIEW names AS SELECT sku, note FROM stock;`,
  '002_audit': {
    sqlite: `
      CREATE TABLE audit (line TEXT);
      CREATE TRIGGER noted AFTER INSERT ON orders BEGIN INSERT INTO audit (line) VALUES (new.sku || ' ' || new.id); END;`,
    postgres: `
      CREATE TABLE audit (line TEXT);
      CREATE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO audit (line) VALUES (new.sku || ' ' || new.id); RETURN new; END $$;
      CREATE TRIGGER noted AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_order();
      CREATE SEQUENCE tickets;
      CREATE FUNCTION all_notes() RETURNS SETOF text LANGUAGE sql AS 'SELECT sku || note FROM stock';`,
  },
};

/** What a migration may not make, made by hand as the owner role: functions that run as it. */
export const BY_HAND = `
  CREATE FUNCTION owners_notes() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = enginehouse_data, pg_temp
    AS 'SELECT sku || note FROM stock';
  CREATE FUNCTION unguarded_notes() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = enginehouse_data, pg_temp SET row_security = off
    AS 'BEGIN RETURN QUERY SELECT sku || note FROM stock; END';`;
