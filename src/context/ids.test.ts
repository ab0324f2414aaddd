import fc from 'fast-check';
import { expect, test } from 'vitest';

import { isId, ownerKey, runId, tenantId, threadId, userId } from './ids.ts';

test.each([
  'demo',
  'test',
  '1',
  'null',
  'undefined',
  'admin',
  'a',
  'ada@example.com',
  'Ω → 漢字 🦦',
  "'; DROP TABLE runs; --",
  '../../etc/passwd',
  ' ',
  'x'.repeat(128),
])('%j is an id like another', (text) => {
  expect([userId(text), tenantId(text), threadId(text), runId(text)]).toEqual([text, text, text, text]);
});

test.each([
  ['an empty text', ''],
  ['129 characters', 'x'.repeat(129)],
  ['a line feed', 'ada\nadmin'],
  ['a null', 'ada\u0000'],
  ['a delete', 'ada\u007f'],
  ['a C1 control', 'ada\u0085'],
  ['a lone high surrogate', 'ada\ud83d'],
  ['a lone low surrogate', '\udda6ada'],
  ['surrogates in the wrong order', '\udda6\ud83d'],
  ['a number', 7],
  ['null', null],
  ['undefined', undefined],
  ['an object that says it is a text', { toString: () => 'ada', length: 3 }],
  ['a list', ['ada']],
])('%s is no id, and the error names the field', (_what, value) => {
  expect(() => userId(value)).toThrowError(
    expect.objectContaining({ code: 'ID_INVALID', details: expect.objectContaining({ field: 'userId' }) }),
  );
});

test('whatever is an id comes through JSON and UTF-8 as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 140 }).filter(isId), (text) => {
      expect(JSON.parse(Buffer.from(JSON.stringify(text)).toString())).toBe(text);
      expect(Buffer.from(text).toString()).toBe(text);
    }),
  );
});

test('two owners never share a key', () => {
  const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter(isId);
  fc.assert(
    fc.property(id, id, id, id, (tenant, user, otherTenant, otherUser) => {
      const same = tenant === otherTenant && user === otherUser;
      const [left, right] = [
        { tenantId: tenantId(tenant), userId: userId(user) },
        { tenantId: tenantId(otherTenant), userId: userId(otherUser) },
      ];
      expect(ownerKey(left) === ownerKey(right)).toBe(same);
    }),
  );
});
