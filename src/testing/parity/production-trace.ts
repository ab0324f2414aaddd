import { bootProduction } from './boot-production.ts';
import type { ComparedBoot } from './compare-boots.ts';
import { productionEntry, type ParityOptions, type ProductionEntry } from './production-entry.ts';
import { keptTrace } from './trace-store.ts';

/** On `globalThis`, because a runner may load this module more than once in a process. */
const KEY: unique symbol = Symbol.for('enginehouse.testing.production-traces');

const place = globalThis as { [KEY]?: Map<string, Promise<ComparedBoot>> };
const traces = (place[KEY] ??= new Map());

/**
 * The boot trace that the project's production entry writes: run once per process at most, and once per day and change
 * of it in a project with node_modules.
 *
 * @throws `PRODUCTION_NOT_STARTED` with its last words, `CONFIG_INVALID`
 */
export function productionTrace(options: ParityOptions = {}): Promise<ComparedBoot> {
  return traceOf(productionEntry(options));
}

/** @internal */
export function traceOf(entry: ProductionEntry): Promise<ComparedBoot> {
  const key = JSON.stringify(entry);
  const known = traces.get(key);
  if (known !== undefined) return known;
  const trace = keptTrace(entry, () => bootProduction(entry));
  traces.set(key, trace);
  return trace;
}
