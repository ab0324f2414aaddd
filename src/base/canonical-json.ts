import { isRecord } from './is-record.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * The same text for the same JSON value, whatever the order of its keys, without
 * white space. Keys that are whole numbers come first, by value, since JavaScript
 * keeps them so; the rest by UTF-16 code units. Digests, and the CRC that proves
 * what a client shows, are taken over it. Written here, not taken from a
 * library, because a browser loads it as it is, without a bundler.
 *
 * @throws TypeError when the value is not JSON: a function, a cycle, a bigint, `undefined` at the top.
 */
export function canonicalJson(value: unknown): string {
  // Most of what comes here is sorted already, and the engine's own path is several times faster without a replacer.
  const text = isSorted(value, MAX_DEPTH) ? JSON.stringify(value) : sortedText(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

function sortedText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner));
  } catch (error) {
    if (error instanceof RangeError) throw new TypeError('nested too deeply, or within itself', { cause: error });
    throw error;
  }
}

/** Deeper than this the slow path decides; it is the one that notices a cycle. */
const MAX_DEPTH = 32;

function isSorted(value: unknown, depth: number): boolean {
  // A function may be a toJSON, whose value nobody has seen.
  if (typeof value !== 'object' || value === null) return typeof value !== 'function';
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((inner) => isSorted(inner, depth - 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  let before = '';
  for (const key in value) {
    if (key < before || !isSorted((value as Record<string, unknown>)[key], depth - 1)) return false;
    before = key;
  }
  return true;
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  // From entries, not by assignment: a key named "__proto__" must stay a key.
  return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** Whether a JSON text nests lists and objects deeper than `levels`. Not recursive: what is deep would overflow the stack of whoever walks it. */
export function nestsDeeper(text: string, levels: number): boolean {
  // Every level takes two characters.
  if (text.length <= 2 * levels) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}

/** The place of the quote that ends the string which begins at `from`: the next one without a backslash of its own. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text[before] === '\\') before -= 1;
    if ((at - before) % 2 === 1) return at;
  }
  return text.length;
}
