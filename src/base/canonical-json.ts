export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * The same text for the same JSON value, whatever the order of its keys: keys
 * sorted by UTF-16 code units, no white space. Digests, and the CRC that proves
 * what a client shows, are taken over it. Written here, not taken from a
 * library, because a browser loads it as it is, without a bundler.
 *
 * @throws TypeError when the value is not JSON: a function, a cycle, a bigint, `undefined` at the top.
 */
export function canonicalJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => (isPlain(inner) ? sorted(inner) : inner));
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  const keys = Object.keys(value);
  if (inOrder(keys)) return value;
  // From entries, not by assignment: a key named "__proto__" must stay a key.
  return Object.fromEntries(keys.toSorted(byCodeUnit).map((key) => [key, value[key]]));
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : 1;
}

function inOrder(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] ?? '') > (keys[at] ?? '')) return false;
  return true;
}
