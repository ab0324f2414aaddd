/** Where each user's tables are a file: ways to another's, and things left in a worker. */

import { exceeds, leaves, type Attack, type House, type Where } from './attack.ts';

const SQLITE: readonly Where[] = ['sqlite'];
const look = 'SELECT * FROM hers.stock';
const file = ({ fileOfAda = '' }: House): string => fileOfAda;

export const FILES: readonly Attack[] = [
  exceeds({
    name: 'attaches the file of another',
    where: SQLITE,
    sql: (house) => [`ATTACH '${file(house)}' AS hers`, look],
  }),
  exceeds({
    name: 'attaches the file of another as a URI',
    where: SQLITE,
    sql: (house) => [`ATTACH 'file://${file(house)}?mode=ro' AS hers`, look],
    proof: (house) => [`ATTACH '${file(house)}' AS hers`, look],
  }),
  exceeds({
    name: 'attaches the file of another by an expression',
    where: SQLITE,
    sql: (house) => [`ATTACH ('${file(house).slice(0, -3)}' || '${file(house).slice(-3)}') AS hers`, look],
  }),
  exceeds({
    name: 'attaches behind a comment',
    where: SQLITE,
    sql: (house) => [`/* SELECT */ -- 1\n ATTACH '${file(house)}' AS hers`, look],
  }),
  exceeds({
    name: 'copies its file over that of another',
    where: SQLITE,
    sql: (house) => [`VACUUM INTO '${file(house)}'`],
    proof: (house) => [`VACUUM INTO '${file(house)}-copy'`],
  }),
  exceeds({
    name: 'asks where the files are',
    where: SQLITE,
    sql: ['PRAGMA database_list'],
  }),
  exceeds({
    name: 'asks where the files are with a function',
    where: SQLITE,
    sql: ['SELECT file FROM pragma_database_list'],
  }),
  exceeds({ name: 'opens the schema for writing', where: SQLITE, sql: ['PRAGMA writable_schema = ON'] }),
  exceeds({ name: 'turns references off', where: SQLITE, sql: ['PRAGMA foreign_keys = OFF'] }),
  exceeds({
    name: 'ends its transaction',
    where: SQLITE,
    sql: ['COMMIT'],
    proof: ['BEGIN', 'COMMIT'],
  }),
  exceeds({
    name: 'does not end',
    where: SQLITE,
    sql: ['WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'],
    proof: ['WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT count(*) FROM n'],
  }),
  exceeds({
    name: 'returns rows that do not end',
    where: SQLITE,
    sql: ['WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, hex(zeroblob(1000)) FROM n'],
    proof: ['SELECT 1, hex(zeroblob(1000))'],
  }),
  leaves({
    name: 'leaves a temporary table that hides the real one',
    where: SQLITE,
    sql: ['CREATE TEMP TABLE stock (sku text, count integer)'],
    trace: "SELECT name FROM sqlite_temp_schema WHERE name = 'stock'",
  }),
  leaves({
    name: 'leaves a temporary view that hides the real table',
    where: SQLITE,
    sql: ["CREATE TEMP VIEW stock AS SELECT 'bear' AS sku, 1 AS count"],
    trace: "SELECT name FROM sqlite_temp_schema WHERE name = 'stock'",
  }),
  leaves({
    name: 'makes whoever comes next read only',
    where: SQLITE,
    sql: ['PRAGMA query_only = ON'],
    trace: 'SELECT query_only FROM pragma_query_only WHERE query_only = 1',
  }),
];
