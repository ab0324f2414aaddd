import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';

import { DEFAULT_TENANT, tenantId, userId, type Owner } from '../../context/ids.ts';
import { ownerText } from './layout.ts';
import { hmacBlocks, signPrincipal } from './principal.ts';

const KEY = Buffer.alloc(32, 7);
const ADA: Owner = { tenantId: DEFAULT_TENANT, userId: userId('ada') };
const BOB: Owner = { tenantId: tenantId('"quoted", [odd]'), userId: userId('bob') };

test('a principal is the code, when it expires, and a line for each owner', () => {
  const [code, ...said] = signPrincipal(KEY, 1_500, ADA, BOB).split('\n');

  expect(said).toEqual(['2', '["default","ada"]', '["\\"quoted\\", [odd]","bob"]']);
  expect(code).toBe(createHmac('sha256', KEY).update(said.join('\n')).digest('hex'));
});

test('an owner who is named twice is one line', () => {
  expect(signPrincipal(KEY, 0, ADA, BOB, ADA).split('\n')).toHaveLength(4);
});

test('with the two blocks the database computes the same code, without the key', () => {
  const { inner, outer } = hmacBlocks(KEY);
  const sha256 = (...parts: readonly Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  const said = Buffer.from('2\n["default","ada"]');

  expect(sha256(outer, sha256(inner, said)).toString('hex')).toBe(signPrincipal(KEY, 2_000, ADA).split('\n')[0]);
});

test.each([
  [
    { tenantId: 'a', userId: 'b","c' },
    { tenantId: 'a","b', userId: 'c' },
  ],
  [
    { tenantId: 'a', userId: 'bc' },
    { tenantId: 'ab', userId: 'c' },
  ],
])('no two owners are one text: %j and %j', (one, two) => {
  const [left, right] = [one, two].map((ids) =>
    ownerText({ tenantId: tenantId(ids.tenantId), userId: userId(ids.userId) }),
  );

  expect(left).not.toBe(right);
});
