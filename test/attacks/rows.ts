/** Plain statements on the application's tables: what a forgotten or a hostile `where` does. */

import { CANARY, changes, exceeds, reads, type Attack, type Where } from './attack.ts';

const EVERYWHERE: readonly Where[] = ['agent login', 'door', 'sqlite'];
/** Where there is a column of owners. */
const SHARED: readonly Where[] = ['agent login', 'door'];
/** What the door refuses at once, and the database survives. */
const LOGIN: readonly Where[] = ['agent login', 'door'];

const ADA = `'["default","ada"]'`;

export const READS: readonly Attack[] = [
  reads({ name: 'selects without where', where: EVERYWHERE, sql: ['SELECT * FROM stock'] }),
  reads({
    name: 'selects with a where that is always true',
    where: EVERYWHERE,
    sql: ["SELECT * FROM stock WHERE sku = '' OR 1 = 1"],
  }),
  reads({
    name: 'selects the rows of a named owner',
    where: SHARED,
    sql: [`SELECT * FROM stock WHERE enginehouse_owner = ${ADA}`],
  }),
  reads({
    name: 'selects the rows of every other owner',
    where: SHARED,
    sql: ['SELECT * FROM stock s WHERE s.enginehouse_owner IS NOT NULL'],
  }),
  reads({
    name: 'unites a table with itself',
    where: EVERYWHERE,
    sql: ['SELECT sku FROM stock UNION ALL SELECT note FROM stock'],
  }),
  reads({
    name: 'joins tables without a condition',
    where: EVERYWHERE,
    sql: ['SELECT * FROM stock CROSS JOIN orders'],
  }),
  reads({
    name: 'reads in a subquery of a with',
    where: EVERYWHERE,
    sql: ['WITH all_of_it AS (SELECT * FROM stock) SELECT (SELECT max(sku) FROM all_of_it) AS most'],
  }),
  reads({
    name: 'reads beside a recursion',
    where: EVERYWHERE,
    sql: ["WITH RECURSIVE n (sku) AS (SELECT '' UNION SELECT s.sku FROM stock s, n) SELECT * FROM n"],
  }),
  reads({ name: 'aggregates all keys into one text', where: SHARED, sql: ["SELECT string_agg(sku, ',') FROM stock"] }),
  reads({ name: 'reads through a view of the owner role', where: EVERYWHERE, sql: ['SELECT * FROM names'] }),
  reads({
    name: 'reads whole rows as text',
    where: SHARED,
    sql: ['SELECT stock::text, row_to_json(stock) FROM stock'],
  }),
  reads({
    name: 'reads by the place of a row',
    where: SHARED,
    sql: [
      "SELECT * FROM stock WHERE ctid = ANY (ARRAY(SELECT format('(0,%s)', i)::tid FROM generate_series(1, 50) i))",
    ],
  }),
  reads({
    name: 'reads by system columns',
    where: SHARED,
    sql: ["SELECT ctid, xmin, tableoid::regclass, sku FROM stock WHERE xmin::text <> '0'"],
  }),
  reads({ name: 'samples a table', where: SHARED, sql: ['SELECT * FROM stock TABLESAMPLE SYSTEM (100)'] }),
  reads({ name: 'locks what it selects', where: SHARED, sql: ['SELECT * FROM stock FOR UPDATE'] }),
  reads({ name: 'says table, not select', where: SHARED, sql: ['TABLE stock'] }),
  reads({ name: 'reads only the parent', where: SHARED, sql: ['SELECT * FROM ONLY enginehouse_data.stock'] }),
  reads({
    name: 'looks at rows before the policy does, with a function of its own cost',
    where: SHARED,
    sql: ["SELECT * FROM stock WHERE regexp_like(sku, '.')"],
  }),
  reads({
    name: 'reads what it inserts from',
    where: SHARED,
    sql: ['INSERT INTO audit (line) SELECT sku || note FROM stock RETURNING *'],
  }),
  reads({
    name: 'returns what it updates',
    where: EVERYWHERE,
    sql: ['UPDATE stock SET count = count + 0 RETURNING *'],
  }),
  reads({
    name: 'returns what it deletes',
    where: EVERYWHERE,
    sql: ['DELETE FROM orders WHERE id < 1000 RETURNING sku'],
  }),
  reads({
    name: 'reads with a cursor',
    where: LOGIN,
    sql: ['DECLARE c CURSOR FOR SELECT * FROM stock', 'FETCH ALL FROM c'],
  }),
  reads({
    name: 'reads with a prepared statement',
    where: LOGIN,
    sql: ['PREPARE p AS SELECT * FROM stock', 'EXECUTE p'],
  }),
  reads({
    name: 'reads in a block of plpgsql',
    where: LOGIN,
    sql: ["DO $$ BEGIN RAISE EXCEPTION '%', (SELECT string_agg(sku, ',') FROM stock); END $$"],
  }),
  reads({
    name: 'reads with query_to_xml',
    where: LOGIN,
    sql: ["SELECT query_to_xml('SELECT * FROM stock', true, false, '')::text AS x"],
  }),
  reads({
    name: 'reads with table_to_xml',
    where: LOGIN,
    sql: ["SELECT table_to_xml('stock', true, false, '')::text AS x"],
  }),
  reads({
    name: 'reads with schema_to_xml',
    where: LOGIN,
    sql: ["SELECT schema_to_xml('enginehouse_data', true, false, '')::text AS x"],
  }),
  reads({
    name: 'reads with database_to_xml',
    where: LOGIN,
    sql: ["SELECT database_to_xml(true, false, '')::text AS x"],
  }),
  reads({
    name: 'reads with ts_stat',
    where: LOGIN,
    sql: ["SELECT * FROM ts_stat('SELECT to_tsvector(''simple'', sku) FROM stock')"],
  }),
  reads({
    name: 'reads through xpath',
    where: LOGIN,
    sql: ["SELECT xpath('//sku/text()', query_to_xml('SELECT sku FROM stock', true, false, ''))::text AS x"],
  }),
  reads({ name: 'calls a function of the application', where: SHARED, sql: ['SELECT * FROM all_notes()'] }),
  reads({ name: 'calls a function that runs as the owner role', where: SHARED, sql: ['SELECT * FROM owners_notes()'] }),
];

export const CHANGES: readonly Attack[] = [
  changes({ name: 'updates without where', where: EVERYWHERE, sql: ['UPDATE stock SET count = 0'] }),
  changes({
    name: 'updates by the key of another',
    where: EVERYWHERE,
    sql: [`UPDATE stock SET count = 0 WHERE sku LIKE '${CANARY}%'`],
  }),
  changes({
    name: 'updates the rows of a named owner',
    where: SHARED,
    sql: [`UPDATE stock SET count = 0 WHERE enginehouse_owner = ${ADA}`],
  }),
  changes({
    name: 'updates from a join',
    where: SHARED,
    sql: ['UPDATE stock SET count = 0 FROM orders WHERE orders.sku = stock.sku OR true'],
  }),
  changes({
    name: 'updates by the place of a row',
    where: SHARED,
    sql: ["UPDATE stock SET count = 0 WHERE ctid = ANY (ARRAY['(0,1)','(0,2)','(0,3)','(0,4)','(0,5)']::tid[])"],
  }),
  changes({ name: 'deletes without where', where: EVERYWHERE, sql: ['DELETE FROM stock WHERE count < 1000'] }),
  changes({
    name: 'deletes with using',
    where: SHARED,
    sql: ['DELETE FROM stock USING orders WHERE orders.id < 1000'],
  }),
  changes({
    name: 'updates in a with',
    where: SHARED,
    sql: ['WITH x AS (UPDATE stock SET count = 0 RETURNING 1) SELECT count(*) FROM x'],
  }),
  changes({
    name: 'overwrites the key of another on conflict',
    where: EVERYWHERE,
    sql: [
      `INSERT INTO stock (sku, count) VALUES ('${CANARY}-otter', 0) ON CONFLICT DO NOTHING`,
      `DELETE FROM stock WHERE sku = '${CANARY}-otter'`,
    ],
  }),
];

/** Rows that would be another's. A superuser may write them. */
export const GIFTS: readonly Attack[] = [
  exceeds({
    name: 'gives a row of its own to another',
    where: SHARED,
    sql: [`UPDATE stock SET enginehouse_owner = ${ADA}`],
    proof: [
      `UPDATE stock SET enginehouse_owner = '["default","zoe"]' WHERE sku = 'canary-swan' AND enginehouse_owner = ${ADA}`,
    ],
  }),
  exceeds({
    name: 'inserts a row of another',
    where: SHARED,
    sql: [`INSERT INTO stock (enginehouse_owner, sku, count) VALUES (${ADA}, 'new', 1)`],
  }),
  exceeds({
    name: 'inserts a row of an owner that nobody is',
    where: SHARED,
    sql: ["INSERT INTO stock (enginehouse_owner, sku, count) VALUES ('nobody', 'new', 1)"],
  }),
  exceeds({
    name: 'hides a row of another among its own',
    where: SHARED,
    sql: [`INSERT INTO stock (enginehouse_owner, sku, count) VALUES ('["default","bob"]', 'n1', 1), (${ADA}, 'n2', 1)`],
  }),
  exceeds({
    name: 'upserts a row of another',
    where: SHARED,
    sql: [
      `INSERT INTO stock (enginehouse_owner, sku, count) VALUES (${ADA}, 'canary-otter', 0) ON CONFLICT (enginehouse_owner, sku) DO UPDATE SET count = 0`,
    ],
  }),
  exceeds({
    name: 'merges a row of another in',
    where: SHARED,
    sql: [
      `MERGE INTO stock USING (SELECT 1) one ON false WHEN NOT MATCHED THEN INSERT (enginehouse_owner, sku, count) VALUES (${ADA}, 'new', 1)`,
    ],
  }),
  exceeds({
    name: 'reads with a function that turns row security off',
    where: SHARED,
    sql: ['SELECT * FROM unguarded_notes()'],
    proof: ['ALTER TABLE stock NO FORCE ROW LEVEL SECURITY', 'SELECT * FROM unguarded_notes()'],
  }),
];
