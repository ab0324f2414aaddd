import { expect, test } from 'vitest';

import { templateHash } from './template-hash.ts';

const table = 'CREATE TABLE stock (sku text)';

test('the same migrations have the same hash, however their names are ordered', () => {
  const seed = undefined;
  const one = templateHash({ migrations: { '001': table, '002': 'ANALYZE stock' }, seed });

  expect(templateHash({ migrations: { '002': 'ANALYZE stock', '001': table }, seed })).toBe(one);
});

test('a change of a text, a name, a function or the seed is another hash', () => {
  const plans = [
    { migrations: undefined, seed: undefined },
    { migrations: { '001': table }, seed: undefined },
    { migrations: { '001': `${table} ` }, seed: undefined },
    { migrations: { '002': table }, seed: undefined },
    { migrations: { '001': async () => undefined }, seed: undefined },
    { migrations: { '001': async () => Promise.resolve() }, seed: undefined },
    { migrations: { '001': table }, seed: 'DELETE FROM stock' },
  ];

  expect(new Set(plans.map(templateHash)).size).toBe(plans.length);
});

test('of a migration with a text for each database, PostgreSQL’s counts', () => {
  const seed = undefined;
  const both = { sqlite: 'CREATE TABLE stock (sku TEXT) STRICT', postgres: table };

  expect(templateHash({ migrations: { '001': both }, seed })).toBe(
    templateHash({ migrations: { '001': table }, seed }),
  );
});
