import { expect, test } from 'vitest';

import { referencesIn } from './references.ts';

test.for<[sql: string, named: readonly string[]]>([
  ['a TEXT REFERENCES stock', ['stock']],
  ['a TEXT references Stock(sku)', ['stock']],
  ['REFERENCES "Stock" ON DELETE CASCADE', ['Stock']],
  ['REFERENCES "St""ock"', ['St"ock']],
  ['REFERENCES shop.stock', ['shop.stock']],
  ['REFERENCES /* a /* nested */ comment */ "Shop" . -- line\n stock', ['Shop.stock']],
  ['a REFERENCES one, b REFERENCES two', ['one', 'two']],
  ['REFERENCES größe', ['größe']],
  ['GRANT REFERENCES ON stock TO ada', ['on']],
  ['REFERENCES', []],
  ['preferences stock, references_2 stock', []],
  ["'REFERENCES stock'", []],
  ["'it''s REFERENCES stock'", []],
  ["E'it\\'s REFERENCES stock' REFERENCES real", ['real']],
  ["'a\\' REFERENCES real", ['real']],
  ['"REFERENCES stock"', []],
  ['-- REFERENCES stock\nREFERENCES real', ['real']],
  ['/* REFERENCES /* stock */ REFERENCES stock */ REFERENCES real', ['real']],
  ['$$ REFERENCES stock $$ REFERENCES real', ['real']],
  ['$body$ $$ REFERENCES stock $$ $body$ REFERENCES real', ['real']],
  ['a$b$ REFERENCES real', ['real']],
  ['$1 REFERENCES real', ['real']],
  ['$$ never closed REFERENCES stock', []],
  ["'never closed REFERENCES stock", ['stock']],
])('%s names %j', ([sql, named]) => {
  const found = referencesIn(sql).map(({ schema, table }) => (schema === undefined ? table : `${schema}.${table}`));

  expect(found).toEqual(named);
});

test('a reference says where its name stands', () => {
  const sql = 'a TEXT REFERENCES shop . "Stock" (sku)';

  const [reference] = referencesIn(sql);

  expect(sql.slice(reference?.from, reference?.to)).toBe('shop . "Stock"');
});
