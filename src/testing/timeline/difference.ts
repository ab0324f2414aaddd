import { isRecord } from '../../base/is-record.ts';

/** A value that decides by itself, such as `expect.any(Number)`. */
interface Asymmetric {
  asymmetricMatch(actual: unknown): boolean;
  toString(): string;
}

/**
 * Where `actual` is not what was expected of it, in words; `undefined` when it is. Of an object only the named keys are
 * looked at, of a list everything; a RegExp asks for a text that it finds, a function for a value that it says yes to.
 */
export function difference(expected: unknown, actual: unknown, path = ''): string | undefined {
  if (Array.isArray(expected) && Array.isArray(actual)) return listDifference(expected, actual, path);
  if (isRecord(expected) && !isAsymmetric(expected) && !(expected instanceof RegExp) && isRecord(actual)) {
    for (const [key, value] of Object.entries(expected)) {
      const found = difference(value, actual[key], path === '' ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return agrees(expected, actual) ? undefined : `${path || 'it'} is ${asText(actual)}, not ${asText(expected)}`;
}

/** An expectation as it stands in a pattern's text. */
export function asText(value: unknown): string {
  if (value instanceof RegExp) return String(value);
  if (typeof value === 'function') return value.name === '' ? '(a function)' : `(function ${value.name})`;
  if (isAsymmetric(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(asText).join(', ')}]`;
  if (isRecord(value))
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${asText(inner)}`)
      .join(', ')} }`;
  return JSON.stringify(value) ?? String(value);
}

/** Whether two expectations with the same text are the same one: not when it holds code. */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'function' || isAsymmetric(value)) return false;
  if (value instanceof RegExp) return true;
  return typeof value !== 'object' || value === null || Object.values(value).every(isPlain);
}

function agrees(expected: unknown, actual: unknown): boolean {
  if (expected instanceof RegExp) return typeof actual === 'string' && actual.search(expected) !== -1;
  if (typeof expected === 'function') return expected(actual) === true;
  if (isAsymmetric(expected)) return expected.asymmetricMatch(actual);
  return Object.is(expected, actual);
}

function listDifference(expected: readonly unknown[], actual: readonly unknown[], path: string): string | undefined {
  if (expected.length !== actual.length)
    return `${path || 'it'} has ${actual.length} entries, not ${expected.length}: ${asText(actual)}`;
  for (const [index, value] of expected.entries()) {
    const found = difference(value, actual[index], `${path}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isAsymmetric(value: unknown): value is Asymmetric {
  return isRecord(value) && typeof value['asymmetricMatch'] === 'function';
}
