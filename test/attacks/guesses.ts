/** Questions whose answer would tell whether a row of another is there: errors, conflicts, plans, statistics, locks. */

import { exceeds, guesses, KEY_OF_ADA, reads, type Attack, type Where } from './attack.ts';

const EVERYWHERE: readonly Where[] = ['agent login', 'door', 'sqlite'];
const SHARED: readonly Where[] = ['agent login', 'door'];
/** PostgreSQL has no right that keeps a login from it; the door refuses it. */
const DOOR: readonly Where[] = ['door'];

const insert = (key: string): string => `INSERT INTO stock (sku, count) VALUES ('${key}', 1)`;

export const GUESSES: readonly Attack[] = [
  guesses({
    name: 'inserts the key of another, which would be a conflict',
    where: EVERYWHERE,
    sql: (key) => [insert(key)],
  }),
  guesses({
    name: 'inserts the key of another and returns what came of it',
    where: EVERYWHERE,
    sql: (key) => [`${insert(key)} ON CONFLICT DO NOTHING RETURNING sku`],
  }),
  guesses({
    name: 'updates on the conflict with the key of another',
    where: EVERYWHERE,
    sql: (key) => [`${insert(key)} ON CONFLICT (sku) DO UPDATE SET count = 5 RETURNING count`],
    proof: (key) => [`${insert(key)} ON CONFLICT DO NOTHING RETURNING sku`],
  }),
  guesses({
    name: 'inserts the unique value of another',
    where: EVERYWHERE,
    sql: (key) => [
      insert('x'),
      `INSERT INTO orders (id, sku, amount) VALUES (77, 'x', ${key === KEY_OF_ADA ? 43 : 44})`,
    ],
  }),
  guesses({
    name: 'refers to the row of another with a foreign key',
    where: EVERYWHERE,
    sql: (key) => [`INSERT INTO orders (id, sku, amount) VALUES (77, '${key}', 77)`],
  }),
  guesses({
    name: 'divides by zero before the policy looks',
    where: SHARED,
    sql: (key) => [
      `SELECT sku FROM stock WHERE 1 / (CASE WHEN sku = '${key}' THEN 0 ELSE 1 END) = 1 AND sku <> 'bear-1'`,
    ],
  }),
  guesses({
    name: 'casts a value of another to a number, and reads it in the error',
    where: SHARED,
    sql: (key) => [`SELECT 1 FROM stock WHERE sku = '${key}' AND note::integer = 1`],
  }),
  guesses({
    name: 'breaks the check of a table with the row of another',
    where: EVERYWHERE,
    sql: (key) => [`UPDATE stock SET count = -1 WHERE sku = '${key}'`],
  }),
  guesses({
    name: 'waits where a row of another is',
    where: SHARED,
    sql: (key) => [`SELECT 1 FROM stock WHERE sku = '${key}' AND pg_sleep(0) IS NOT NULL`],
  }),
  guesses({
    name: 'skips what is locked',
    where: SHARED,
    sql: (key) => [`SELECT count FROM stock WHERE sku = '${key}' FOR UPDATE SKIP LOCKED`],
  }),
  exceeds({
    // Without a column of its target, MERGE meets the rows of others, and fails if there are any.
    name: 'merges without naming a column, which fails where others have rows',
    where: DOOR,
    sql: ['MERGE INTO stock USING (SELECT 1) one ON true WHEN MATCHED THEN UPDATE SET count = 0'],
  }),
  exceeds({
    name: 'merges behind a with',
    where: DOOR,
    sql: ['WITH one AS (SELECT 1) MERGE INTO stock USING one ON true WHEN MATCHED THEN DELETE'],
    proof: ['WITH one AS (SELECT 1) MERGE INTO orders USING one ON true WHEN MATCHED THEN DELETE'],
  }),
  guesses({
    name: 'runs the statement to see how many rows were removed by a filter',
    where: DOOR,
    sql: (key) => [`EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM stock WHERE sku = '${key}'`],
  }),
  reads({
    name: 'reads the most common values',
    where: SHARED,
    sql: ["SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'stock'"],
    proof: ['SELECT * FROM stock'],
  }),
];

const one = (sql: string): readonly string[] => [sql];

/** What tells of all rows, or of what others do. A superuser may see it. */
export const STATISTICS: readonly Attack[] = [
  exceeds({ name: 'reads the statistics table', where: SHARED, sql: one('SELECT stavalues1 FROM pg_statistic') }),
  exceeds({
    name: 'counts rows with the statistics of tables',
    where: SHARED,
    sql: one("SELECT n_live_tup, n_tup_ins FROM pg_stat_user_tables WHERE relname = 'stock'"),
  }),
  exceeds({
    name: 'counts rows of its own transaction and others',
    where: SHARED,
    sql: one("SELECT pg_stat_get_live_tuples('stock'::regclass)"),
  }),
  exceeds({ name: 'measures the size of a table', where: SHARED, sql: one("SELECT pg_relation_size('stock')") }),
  exceeds({
    name: 'measures the size of a table with its indexes',
    where: SHARED,
    sql: one("SELECT pg_total_relation_size('stock')"),
  }),
  exceeds({
    name: 'asks for the newest version of a row by its place',
    where: SHARED,
    sql: one("SELECT currtid2('stock', '(0,1)')"),
  }),
  exceeds({
    name: 'reads the statements of other sessions',
    where: SHARED,
    sql: one('SELECT query FROM pg_stat_activity'),
  }),
  exceeds({
    name: 'reads the statements of other sessions by the function',
    where: SHARED,
    sql: one('SELECT pg_stat_get_backend_activity(1)'),
  }),
  exceeds({ name: 'reads who holds which lock', where: SHARED, sql: one('SELECT * FROM pg_locks') }),
  exceeds({ name: 'reads the values of plans', where: DOOR, sql: one('EXPLAIN SELECT * FROM stock') }),
  exceeds({ name: 'reads a sequence', where: SHARED, sql: one('SELECT last_value FROM tickets') }),
  exceeds({ name: 'sets a sequence back', where: SHARED, sql: one("SELECT setval('tickets', 1)") }),
];

/** What only a superuser can close: the door cannot tell it from a plain look at the shape of the tables. */
export const CATALOG: readonly Attack[] = [
  exceeds({
    name: 'reads the number of rows from the catalog',
    where: SHARED,
    sql: one("SELECT reltuples FROM pg_class WHERE relname = 'stock'"),
  }),
];
