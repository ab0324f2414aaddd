import { expect, test } from 'vitest';

import { deriveFrom, rolesFor } from './layout.ts';
import { databaseOf, shownUrl, urlAs } from './target.ts';

test('a URL gets another login, and keeps everything else', () => {
  const url = 'postgres://me:old@db.example:6432/agents?sslmode=verify-full';

  expect(urlAs(url, 'agents_system', 'p@ss/word')).toBe(
    'postgres://agents_system:p%40ss%2Fword@db.example:6432/agents?sslmode=verify-full',
  );
});

test.each([
  ['postgres://me:hidden@host/db', 'postgres://me@host/db'],
  ['postgres://host/db?user=me&password=hidden', 'postgres://host/db?user=me'],
  ['not a URL with hidden', 'the database'],
])('%s is shown as %s', (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});

test('a database is named by the path of its URL', () => {
  expect(databaseOf('postgresql://host/my%20agents')).toBe('my agents');
});

test.each(['', 'agents', 'mysql://host/agents', 'postgres://host', 'postgres://host/'])(
  '%j names no database',
  (url) => {
    expect(() => databaseOf(url)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', details: expect.objectContaining({ option: 'store.url' }) }),
    );
  },
);

test('the roles of a long name are not cut by PostgreSQL, and not in the middle of a letter', () => {
  const { owner, system, agent } = rolesFor('ä'.repeat(40));

  for (const role of [owner, system, agent]) expect(Buffer.byteLength(role)).toBeLessThanOrEqual(63);
  expect(owner).toBe(`${'ä'.repeat(25)}_owner`);
  expect(rolesFor(`x${'ä'.repeat(40)}`).agent).toBe(`x${'ä'.repeat(24)}_agent`);
});

test('what is made of one secret is three different things, and the same each time', () => {
  const { systemPassword, agentPassword, principalKey } = deriveFrom('secret');

  expect(new Set([systemPassword, agentPassword, principalKey.toString('base64url')]).size).toBe(3);
  expect(deriveFrom('secret')).toEqual({ systemPassword, agentPassword, principalKey });
  expect(deriveFrom('another').systemPassword).not.toBe(systemPassword);
});
