/**
 * Runtimes that a test booted without a fixture, and that nobody closes for it.
 * Each is kept with the line that booted it until it is closed, or until a part
 * of the kit adopts it.
 *
 * On `globalThis`, because a runner may load this module more than once in a process.
 */

import { leftOpen } from './audit/leftovers.ts';
import { framesOf, originOf, placeOf } from './audit/origin.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';

interface HandMade {
  readonly runtime: EnginehouseRuntime;
  close(): Promise<void>;
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.hand-made');

const place = globalThis as { [KEY]?: Map<HandMade, Error> };
const made = (place[KEY] ??= new Map<HandMade, Error>());

/** Whoever booted it is to close it. `booted` was made where that began. */
export function handMade(home: HandMade, booted: Error): void {
  made.set(home, booted);
}

/** The kit closes it, or it is closed. */
export function adopt(home: HandMade): void {
  made.delete(home);
}

/** Where a runtime was booted by hand, for the middle of a message. */
export function bootedAt(runtime: EnginehouseRuntime | undefined): string | undefined {
  const [, booted] = [...made].find(([home]) => home.runtime === runtime) ?? [];
  const [nearest] = framesOf(originOf(booted?.stack));
  return nearest === undefined ? undefined : placeOf(nearest);
}

/** Closes what tests booted by hand and left; to be called while no test runs. @throws `TEST_LEFT_OPEN` */
export async function closeHandMade(): Promise<void> {
  const left = [...made];
  if (left.length === 0) return;
  made.clear();
  await Promise.allSettled(left.map(([home]) => home.close()));
  throw leftOpen(
    left.map(([{ runtime }, booted]) => ({
      kind: 'runtime',
      name: runtime.address?.url ?? 'that does not listen',
      owner: undefined,
      origin: originOf(booted.stack),
    })),
  );
}
