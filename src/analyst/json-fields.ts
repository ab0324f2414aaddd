import type { Json } from '../base/canonical-json.ts';

export type JsonObject = { readonly [key: string]: Json };

/** Levels of objects that are looked into; a usage record has two or three. */
const MAX_DEPTH = 4;

/** The values of a JSON object and of the objects in it, by name, with dots between levels. */
export function fieldsOf(record: JsonObject): Map<string, Json> {
  const fields = new Map<string, Json>();
  collect(record, '', fields);
  return fields;
}

function collect(record: JsonObject, path: string, fields: Map<string, Json>): void {
  const deepest = path.split('.').length >= MAX_DEPTH;
  for (const [key, value] of Object.entries(record)) {
    const name = path + key;
    if (!isJsonObject(value)) fields.set(name, value);
    else if (!deepest) collect(value, `${name}.`, fields);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
