import { EnginehouseError } from '../base/errors.ts';
import { LIMITS, type LimitName, type LimitOptions, type Limits } from './limits.ts';

/** @throws `CONFIG_INVALID` naming the first limit that is unknown, fixed or out of range. */
export function resolveLimits(options: LimitOptions = {}): Limits {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(LIMITS, name)) throw refused(name, 'is not a limit; docs/limits.md lists them all', name);
  }
  const names = Object.keys(LIMITS) as LimitName[];
  return Object.freeze(Object.fromEntries(names.map((name) => [name, decide(name, options)]))) as Limits;
}

function decide(name: LimitName, options: LimitOptions): number {
  const limit: (typeof LIMITS)[LimitName] = LIMITS[name];
  const received = (options as Partial<Limits>)[name];
  if (received === undefined) return limit.default;
  if ('fixed' in limit) throw refused(name, 'is fixed', received);
  if (Number.isSafeInteger(received) && received >= limit.least) return received;
  throw refused(name, `must be a whole number from ${limit.least} up, got ${String(received)}`, received);
}

function refused(name: string, reason: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', `limits.${name} ${reason}`, { option: `limits.${name}`, received });
}
