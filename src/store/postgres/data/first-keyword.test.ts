import { expect, test } from 'vitest';

import { firstKeyword } from './first-keyword.ts';

test.for([
  ['select 1', 'SELECT'],
  ['  \t\r\n( (Values (1)))', 'VALUES'],
  ['-- a comment\nSELECT 1', 'SELECT'],
  ["--\rALTER ROLE CURRENT_USER --\nWITH PASSWORD 'mine'", 'ALTER'],
  ['--\r\nEXPLAIN --\nSELECT 1', 'EXPLAIN'],
  ['/* /* SELECT */ SELECT */ LISTEN news', 'LISTEN'],
  ['/*/**/*/COMMIT', 'COMMIT'],
  ['/* not closed SELECT 1', ''],
  ['-- nothing', ''],
  [';SELECT 1', ''],
  ['"SELECT" 1', ''],
  ['', ''],
] as const)('%j begins with %j, as PostgreSQL reads it', ([sql, keyword]) => {
  expect(firstKeyword(sql)).toBe(keyword);
});
