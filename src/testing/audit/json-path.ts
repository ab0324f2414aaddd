import { isRecord } from '../../base/is-record.ts';

/** Deeper than any frame nests. */
const MAX_DEPTH = 100;

/** Where `part` first stands in the JSON `text`, as `$.a[0].b`; `undefined` when it is no JSON, or not in it. */
export function jsonPathTo(text: string, part: string): string | undefined {
  try {
    return pathIn(JSON.parse(text), part, '$');
  } catch {
    return undefined;
  }
}

function pathIn(value: unknown, part: string, path: string, depth = 0): string | undefined {
  if (typeof value === 'string') return value.includes(part) ? path : undefined;
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) {
      const found = pathIn(each, part, `${path}[${index}]`, depth + 1);
      if (found !== undefined) return found;
    }
  } else if (isRecord(value)) {
    for (const [key, each] of Object.entries(value)) {
      if (key.includes(part)) return `${path}, in a key`;
      const found = pathIn(each, part, `${path}.${key}`, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
