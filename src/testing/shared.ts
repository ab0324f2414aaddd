/**
 * What outlives one test: opened when first asked for, kept for the process,
 * closed at the kit's end.
 *
 *   H1. One per key and process, whichever copy of this module asks: it is kept
 *       on `globalThis` under a symbol, because a runner may load a module twice
 *       and makes a worker-scoped fixture once for each chain of `extend`.
 *   H2. An opening that failed is attempted once; everyone who needs it gets the
 *       same cause.
 *   H3. Closing is last opened first, each within its deadline, all of it tried.
 *   H4. What was shared, and how many asked for it, can be told.
 */

import { Scope } from '../base/scope.ts';
import { TEARDOWN_STEP_MS } from './test-options.ts';

/** How to have a shared thing. */
export interface Sharing<T> {
  /** What it is, for a person: it names the step when its closing fails. */
  readonly name: string;
  /** Two that ask with the same key share. @default the name */
  readonly key?: string | undefined;
  readonly open: () => T | Promise<T>;
  readonly close: (value: T) => void | Promise<void>;
  /** Milliseconds that closing may take. @default 2_000 */
  readonly closeTimeoutMs?: number | undefined;
}

interface Entry {
  readonly name: string;
  readonly value: Promise<unknown>;
  uses: number;
}

interface Place {
  readonly entries: Map<string, Entry>;
  scope: Scope;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.shared');

const place = ((globalThis as { [KEY]?: Place })[KEY] ??= { entries: new Map(), scope: newScope() });

/**
 * A thing that tests of this process share: opened by who asks first, closed when the process has run its last test.
 *
 * @throws what `open` threw, to everyone who asks
 * @example
 * const queue = await shared({ name: 'queue', open: () => startQueue(), close: (queue) => queue.stop() });
 */
export function shared<T>(sharing: Sharing<T>): Promise<T> {
  const { name, key = name, open, close, closeTimeoutMs } = sharing;
  let entry = place.entries.get(key);
  if (entry === undefined) {
    const value = Promise.resolve().then(open);
    entry = { name, value, uses: 0 };
    place.entries.set(key, entry);
    const release = async (): Promise<void> => {
      const opened = await value.then(
        (of) => ({ of }),
        () => undefined,
      );
      if (opened !== undefined) await close(opened.of);
    };
    place.scope.defer(name, release, closeTimeoutMs ?? TEARDOWN_STEP_MS);
  }
  entry.uses += 1;
  // The key says what it is: who asks with the same one asks for the same type.
  return entry.value as Promise<T>;
}

/** What is shared now: `3 × runtime #a1f default`. */
export function sharedNow(): readonly { readonly name: string; readonly uses: number }[] {
  return [...place.entries.values()].map(({ name, uses }) => ({ name, uses }));
}

/** The values whose keys begin so, as far as they are open or opening. */
export function sharedValues(prefix: string): readonly Promise<unknown>[] {
  return [...place.entries].flatMap(([key, { value }]) => (key.startsWith(prefix) ? [value] : []));
}

/** Closes all that is shared. @throws what closing one threw; several as an `AggregateError` */
export async function closeShared(): Promise<void> {
  const { scope } = place;
  place.entries.clear();
  place.scope = newScope();
  await scope.close();
}

function newScope(): Scope {
  return new Scope('what tests share', { releaseTimeoutMs: TEARDOWN_STEP_MS });
}
