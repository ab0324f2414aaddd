import fc from 'fast-check';
import { expect, test } from 'vitest';

import { canonicalJson, nestsDeeper } from './canonical-json.ts';

test('keys are sorted by UTF-16 code units, at every depth', () => {
  expect(canonicalJson({ b: [{ z: 1, a: 2 }], a: { é: 1, e: 2, Z: 3 } })).toBe(
    '{"a":{"Z":3,"e":2,"é":1},"b":[{"a":2,"z":1}]}',
  );
});

test('keys that are whole numbers come first, by value', () => {
  expect(canonicalJson({ a: 'letter', 10: 'ten', '-': 'dash', 9: 'nine', '01': 'text' })).toBe(
    '{"9":"nine","10":"ten","-":"dash","01":"text","a":"letter"}',
  );
});

test('a key named __proto__ is a key like another', () => {
  const value: unknown = JSON.parse('{"z":1,"__proto__":{"b":1,"a":2}}');

  expect(canonicalJson(value)).toBe('{"__proto__":{"a":2,"b":1},"z":1}');
});

test('a value has one text, whatever the order of its keys', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.infiniteStream(fc.nat()), (value, dice) => {
      expect(canonicalJson(shuffled(value, dice))).toBe(canonicalJson(value));
    }),
  );
});

test('the text is JSON for the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test.each([
  ['undefined', undefined],
  ['a function', () => undefined],
  ['a symbol', Symbol('s')],
  ['a bigint', 1n],
  ['a cycle', cycle()],
])('%s is refused', (_what, value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError);
});

function cycle(): unknown {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}

function shuffled(value: unknown, dice: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((inner) => shuffled(inner, dice));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => ({
    entry: [key, shuffled(inner, dice)] as const,
    at: Number(dice.next().value),
  }));
  return Object.fromEntries(entries.toSorted((left, right) => left.at - right.at).map(({ entry }) => entry));
}

test('the depth of a text is that of its value, whatever its strings hold', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  const tricky = fc.jsonValue({ maxDepth: 5, stringUnit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a') });
  fc.assert(
    fc.property(tricky, (value) => {
      const text = canonicalJson(value);
      const depth = depthOf(value);

      expect(nestsDeeper(text, depth)).toBe(false);
      expect(depth === 0 || nestsDeeper(text, depth - 1)).toBe(true);
    }),
  );
});

test('what a value says it is in JSON is sorted too', () => {
  const amount = { toJSON: () => ({ value: 1, currency: 'EUR' }) };

  expect(canonicalJson({ a: 1, paid: amount })).toBe('{"a":1,"paid":{"currency":"EUR","value":1}}');
  expect(canonicalJson(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
});
