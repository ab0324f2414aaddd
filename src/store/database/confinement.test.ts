import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { DataHouse, STOCK } from '../../../test/support/data-house.ts';

const SCHEMA = {
  ...STOCK,
  '002': `
    CREATE TABLE wide (id INTEGER PRIMARY KEY AUTOINCREMENT, sku TEXT REFERENCES stock);
    CREATE VIEW names AS SELECT sku FROM stock;
    CREATE VIRTUAL TABLE page USING fts5 (text);`,
};

const limits = { databaseResultBytes: 65_536 };
let house: DataHouse;

beforeAll(async () => {
  house = await DataHouse.open({ migrations: SCHEMA, limits });
  await house.session('ada').transaction((db) => db.insertInto('stock').values({ sku: 'otter-1', count: 3 }).execute());
});

afterAll(() => house.databases.close());

test.for<[attack: string, action: string | RegExp]>([
  // other files
  ["ATTACH '/tmp/other.sqlite' AS other", /^ATTACH/],
  ["attach database ':memory:' as m", /^ATTACH/],
  ["ATTACH ('/tmp/' || 'other.sqlite') AS other", /^ATTACH/],
  ["EXPLAIN ATTACH '/tmp/other.sqlite' AS other", /^ATTACH/],
  ['DETACH main', /^DETACH/],
  // the transaction
  ['COMMIT', 'COMMIT'],
  ['END TRANSACTION', 'COMMIT'],
  ['ROLLBACK', 'ROLLBACK'],
  ['BEGIN', 'BEGIN'],
  ['/* x */ -- y\n COMMIT', 'COMMIT'],
  ['EXPLAIN COMMIT', 'COMMIT'],
  ['SAVEPOINT mine', 'SAVEPOINT'],
  ['RELEASE enginehouse_statement', 'SAVEPOINT'],
  ['ROLLBACK TO enginehouse_statement', 'SAVEPOINT'],
  // more than one statement
  ['SELECT 1; SELECT 2', 'a second statement in one text'],
  ['SELECT 1; DROP TABLE stock', 'a second statement in one text'],
  ['SELECT 1;/* ; */COMMIT', 'a second statement in one text'],
  ['SELECT 1;--\nCOMMIT', 'a second statement in one text'],
  ['SELECT 1; SELECT \u{1f9a6}; COMMIT', 'a second statement in one text'],
  ['SELECT 1\0; DROP TABLE stock', 'a NUL character in SQL'],
  // how the database works
  ['PRAGMA journal_mode = DELETE', 'PRAGMA journal_mode'],
  ['PRAGMA synchronous = OFF', 'PRAGMA synchronous'],
  ['PRAGMA query_only = OFF', 'PRAGMA query_only'],
  ['PRAGMA writable_schema = ON', 'PRAGMA writable_schema'],
  ['PRAGMA trusted_schema = ON', 'PRAGMA trusted_schema'],
  ['PRAGMA foreign_keys = OFF', 'PRAGMA foreign_keys'],
  ['PRAGMA max_page_count = 4294967294', 'PRAGMA max_page_count'],
  ['PRAGMA main.user_version = 7', 'PRAGMA user_version'],
  ["PRAGMA temp_store_directory = '/tmp'", 'PRAGMA temp_store_directory'],
  ['PRAGMA database_list', 'PRAGMA database_list'],
  ['SELECT file FROM pragma_database_list', 'PRAGMA database_list'],
  ['SELECT * FROM pragma_journal_mode', 'PRAGMA journal_mode'],
  ['WITH x AS (SELECT * FROM pragma_database_list) SELECT * FROM x', 'PRAGMA database_list'],
  ['PRAGMA wal_checkpoint(TRUNCATE)', 'PRAGMA wal_checkpoint'],
  ['PRAGMA integrity_check', 'PRAGMA integrity_check'],
  // code
  ["SELECT load_extension('/tmp/evil.so')", 'the function load_extension'],
  ["SELECT LOAD_EXTENSION('/tmp/evil.so', 'main')", 'the function load_extension'],
  ["WITH x(y) AS (SELECT load_extension('/tmp/evil.so')) SELECT y FROM x", 'the function load_extension'],
  ["SELECT fts3_tokenizer('simple')", 'the function fts3_tokenizer'],
  ["SELECT fts3_tokenizer('mine', x'4141414141414141')", 'the function fts3_tokenizer'],
  ["SELECT sqlite_log(1, 'x')", 'the function sqlite_log'],
  // tables
  ['CREATE TABLE mine (a)', /^(INSERT sqlite_master|CREATE TABLE)/],
  ['CREATE TABLE mine AS SELECT * FROM stock', /^(INSERT sqlite_master|CREATE TABLE)/],
  ['CREATE TEMP TABLE mine (a)', /^(INSERT sqlite_temp_master|CREATE TEMP TABLE)/],
  ['CREATE TEMP VIEW mine AS SELECT 1', /^(INSERT sqlite_temp_master|CREATE TEMP VIEW)/],
  [
    'CREATE TEMP TRIGGER mine AFTER INSERT ON stock BEGIN SELECT 1; END',
    /^(INSERT sqlite_temp_master|CREATE TEMP TRIGGER)/,
  ],
  ['CREATE VIRTUAL TABLE mine USING fts5(a)', /^(INSERT sqlite_master|CREATE VTABLE)/],
  ['CREATE INDEX mine ON stock (count)', /^(INSERT sqlite_master|CREATE INDEX)/],
  ['DROP TABLE stock', /^(DELETE sqlite_master|DROP TABLE)/],
  ['DROP VIEW names', /^(DELETE sqlite_master|DROP VIEW)/],
  ['ALTER TABLE stock ADD COLUMN mine', 'ALTER TABLE stock'],
  ['ALTER TABLE stock RENAME TO mine', 'ALTER TABLE stock'],
  ['ANALYZE', /^ANALYZE|sqlite_/],
  ['REINDEX', /^REINDEX/],
  ["INSERT INTO sqlite_schema VALUES ('table', 'a', 'a', 1, 'x')", /^INSERT sqlite_master/],
  ['DELETE FROM sqlite_sequence', 'DELETE sqlite_sequence'],
  // the record of migrations
  ['SELECT * FROM enginehouse_migrations', 'READ enginehouse_migrations'],
  ['SELECT count(*) FROM "EngineHouse_Migrations"', /^READ enginehouse_migrations$/i],
  ['DELETE FROM enginehouse_migrations', 'DELETE enginehouse_migrations'],
  ["INSERT INTO enginehouse_migrations VALUES ('003', '')", 'INSERT enginehouse_migrations'],
])('%s is denied', async ([attack, action]) => {
  const session = house.session('ada');

  const denied = session.transaction((db) => sql.raw(attack).execute(db));

  await expect(denied).rejects.toMatchObject({
    code: 'DATABASE_DENIED',
    details: { action: typeof action === 'string' ? action : expect.stringMatching(action) },
  });
  const rows = await session.transaction((db) => db.selectFrom('stock').selectAll().execute());
  expect(rows).toEqual([{ sku: 'otter-1', count: 3 }]);
});

test.for<[attack: string, reason: string]>([
  ['SELECT "otter-1" FROM stock', 'no such column: "otter-1" - should this be a string literal in single-quotes?'],
  ['VACUUM', 'cannot VACUUM from within a transaction'],
  ["VACUUM INTO '/tmp/copy.sqlite'", 'cannot VACUUM from within a transaction'],
  ["UPDATE sqlite_schema SET sql = 'x'", 'table sqlite_master may not be modified'],
  ["SELECT readfile('/etc/passwd')", 'no such function: readfile'],
  ["SELECT writefile('/tmp/x', 'x')", 'no such function: writefile'],
  ["INSERT INTO page_data VALUES (1, x'00')", 'table page_data may not be modified'],
  ["SELECT edit('x')", 'no such function: edit'],
  ['SELECT zeroblob(1000000000)', 'string or blob too big'],
  ['SELECT randomblob(2000000)', 'string or blob too big'],
  ["SELECT printf('%1000000000s', 'x')", 'string or blob too big'],
  ["SELECT replace(hex(zeroblob(400000)), '0', 'xxxxxxxx')", 'string or blob too big'],
  ['', 'The SQL query contains no statements.'],
  ['-- nothing', 'The SQL query contains no statements.'],
])('%s fails: %s', async ([attack, reason]) => {
  const failed = house.session('ada').transaction((db) => sql.raw(attack).execute(db));

  await expect(failed).rejects.toMatchObject({ code: 'DATABASE_FAILED', details: { sql: attack, reason } });
});

test.for<[attack: string]>([
  ['SELECT zeroblob(65537)'],
  ['SELECT hex(zeroblob(40000))'],
  ['WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c'],
  ["WITH RECURSIVE c(x) AS (SELECT '' UNION ALL SELECT x FROM c) SELECT x FROM c"],
  ['WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT NULL FROM c'],
])('%s returns too much and is given up', async ([attack]) => {
  await house.session('ada').transaction(async (db) => {
    const tooMuch = sql.raw(attack).execute(db);

    await expect(tooMuch).rejects.toMatchObject({ code: 'DATABASE_RESULT_TOO_LARGE', details: { limitBytes: 65_536 } });
    expect((await sql`SELECT 1 AS one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });
});

test('a statement that wrote and then returned too much has written nothing', async () => {
  await using big = await DataHouse.open({ limits: { databaseResultBytes: 1_024 } });
  await big.session('ada').transaction(async (db) => {
    const numbers = sql`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 500) SELECT x, x FROM c`;
    const tooMuch = sql`INSERT INTO stock ${numbers} RETURNING *`.execute(db);

    await expect(tooMuch).rejects.toMatchObject({ code: 'DATABASE_RESULT_TOO_LARGE' });
    await db.insertInto('stock').values({ sku: 'kept', count: 1 }).execute();
  });

  const rows = await big.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute());
  expect(rows).toEqual([{ sku: 'kept', count: 1 }]);
});

test.for<[write: string, action: string]>([
  ["INSERT INTO stock VALUES ('a', 1)", 'INSERT stock'],
  ["REPLACE INTO stock VALUES ('otter-1', 1)", 'INSERT stock'],
  ['UPDATE stock SET count = 0', 'UPDATE stock'],
  ['DELETE FROM stock', 'DELETE stock'],
  ['WITH x AS (SELECT 1) DELETE FROM stock WHERE sku IN x', 'DELETE stock'],
  ["INSERT INTO stock VALUES ('a', 1) RETURNING sku", 'INSERT stock'],
  ["INSERT INTO page VALUES ('an otter')", 'INSERT page'],
  ["INSERT INTO page (page) VALUES ('optimize')", 'INSERT page'],
  ['EXPLAIN DELETE FROM stock', 'DELETE stock'],
  ['CREATE TABLE mine (a)', 'INSERT sqlite_master'],
  ['PRAGMA query_only = OFF', 'PRAGMA query_only'],
  ['COMMIT', 'COMMIT'],
])('a read-only transaction refuses %s', async ([write, action]) => {
  const session = house.session('ada');

  const denied = session.transaction((db) => sql.raw(write).execute(db), { readOnly: true });

  await expect(denied).rejects.toMatchObject({ code: 'DATABASE_DENIED', details: { action } });
  const rows = await session.transaction((db) => db.selectFrom('stock').selectAll().execute(), { readOnly: true });
  expect(rows).toEqual([{ sku: 'otter-1', count: 3 }]);
});

test.for([
  'SELECT name FROM sqlite_schema ORDER BY name',
  "SELECT name FROM pragma_table_info('stock')",
  'PRAGMA table_list',
  "PRAGMA index_list('stock')",
  "PRAGMA foreign_key_list('wide')",
  ' ; SELECT 1 -- and no more',
  "SELECT ';' AS a; ; /* the end */ -- really",
  'SELECT 1; /* not closed',
  'EXPLAIN QUERY PLAN SELECT * FROM stock',
  'SELECT json_group_array(sku) FROM names',
  "SELECT value FROM json_each('[1,2]')",
  'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5) SELECT percentile(x, 50) FROM c',
])('%s is plain reading and allowed', async (text) => {
  const { rows } = await house.session('ada').transaction((db) => sql.raw(text).execute(db), { readOnly: true });

  expect(rows.length).toBeGreaterThan(0);
});
