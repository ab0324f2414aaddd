import { expect, test } from 'vitest';

import { resolveTestStore, type TestStore, withTenant } from './test-options.ts';

test('the store is the option’s, else the variable’s, else SQLite', () => {
  expect(resolveTestStore('sqlite', { ENGINEHOUSE_TEST_STORE: 'postgres' })).toEqual({ kind: 'sqlite' });
  expect(resolveTestStore(undefined, { ENGINEHOUSE_TEST_STORE: 'postgres' })).toEqual({
    kind: 'postgres',
    isolation: 'clone',
  });
  expect(resolveTestStore(undefined, { ENGINEHOUSE_TEST_STORE: '' })).toEqual({ kind: 'sqlite' });
  expect(resolveTestStore(undefined, {})).toEqual({ kind: 'sqlite' });
});

test.for<[TestStore | undefined, string, string]>([
  ['postgres', '', 'clone'],
  [{ kind: 'postgres' }, '', 'clone'],
  [{ kind: 'postgres', isolation: 'tenant' }, '', 'tenant'],
  [undefined, 'postgres:recycle', 'recycle'],
])('the isolation of %j, with the variable %j, is %s', ([store, variable, isolation]) => {
  expect(resolveTestStore(store, { ENGINEHOUSE_TEST_STORE: variable })).toEqual({ kind: 'postgres', isolation });
});

test.for(['mysql', 'postgres:rollback', 'sqlite:clone', 'postgres:'])('the store %j is refused by name', (variable) => {
  expect(() => resolveTestStore(undefined, { ENGINEHOUSE_TEST_STORE: variable })).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`got ${variable}`) }),
  );
});

test('a test that shares its database has a tenant, of its own unless it names one', () => {
  const store: TestStore = { kind: 'postgres', isolation: 'tenant' };
  const tenants = [withTenant({ store }), withTenant({ store })].map(({ seams }) => seams?.tenant);

  expect(new Set(tenants).size).toBe(2);
  expect(tenants).not.toContain(undefined);
  expect(withTenant({ store: 'postgres' }).seams).toBeUndefined();
});
