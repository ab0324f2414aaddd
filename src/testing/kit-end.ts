/**
 * What the kit closes at its end, beside runtimes: parts that few tests need say
 * so when they are first used, so that the others do not load them.
 *
 * On `globalThis`, because a runner may load this module more than once in a process.
 */

const KEY: unique symbol = Symbol.for('enginehouse.testing.end');

const place = globalThis as { [KEY]?: Set<() => Promise<void>> };
const closers = (place[KEY] ??= new Set());

/** Calls `close` once, when the kit is closed. */
export function atKitEnd(close: () => Promise<void>): void {
  closers.add(close);
}

/** Closes what asked for it; all of it is tried. Gives what went wrong. */
export async function endKit(): Promise<readonly unknown[]> {
  const closing = [...closers];
  closers.clear();
  const outcomes = await Promise.allSettled(closing.map((close) => close()));
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
}
