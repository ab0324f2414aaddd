import { expect, test } from 'vitest';

import { reachingName } from './reaching-names.ts';

test.for([
  ['SELECT * FROM pg_stat_activity', 'the name pg_stat_activity'],
  ['SELECT pg_catalog."pg_terminate_backend" (1)', 'the name pg_terminate_backend'],
  ['SELECT PG_Try_Advisory_Lock(1)', 'the name pg_try_advisory_lock'],
  ["SELECT '\\' || lo_create(0) || '\\'", 'the name lo_create'],
  ["SELECT query_to_xml('SELECT 1', true, false, '')", 'the name query_to_xml'],
  ['SELECT/**/ts_stat/**/($$SELECT 1$$)', 'the name ts_stat'],
  ['SELECT U&"pg\\005fcancel_backend"(1)', 'an identifier with escapes, U&"…"'],
  ['WITH x AS (SELECT 1) MERGE INTO stock USING x ON true WHEN MATCHED THEN DELETE', 'MERGE'],
  ['MERGE/* */INTO stock USING x ON true WHEN MATCHED THEN DELETE', 'MERGE'],
  ['merge -- x\n into stock USING x ON true WHEN MATCHED THEN DELETE', 'MERGE'],
] as const)('%s is refused for %s', ([sql, what]) => {
  expect(reachingName(sql)).toBe(what);
});

test.for([
  'SELECT sku AS "pg" FROM stock',
  'SELECT log(10), lower(sku), lo FROM stock',
  'SELECT statistics, locks, merge FROM stock',
  "SELECT 'merge' AS word, 'u & me' AS us",
  'SELECT attname FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class c ON c.oid = attrelid',
  'SELECT pg_typeof(1), pg_sleep(0)',
])('%s is plain', (sql) => {
  expect(reachingName(sql)).toBeUndefined();
});
