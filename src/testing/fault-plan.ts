import { EnginehouseError } from '../base/errors.ts';
import type { Seed } from './seed.ts';

/** One fault of a plan: what goes wrong, and at which point of a scenario. */
export interface PlannedFault<Kind> {
  readonly kind: Kind;
  /** From 1. */
  readonly at: number;
}

export interface FaultPlanOptions<Kind> {
  /** What may go wrong; each is as likely as another. Anything that the caller can act on: a name, a function. */
  readonly faults: readonly Kind[];
  /** How many faults, at most one at a point. */
  readonly count: number;
  /** How many points there are: the durable points of a run without faults, or its frames. */
  readonly points: number;
}

/**
 * Draws what goes wrong where, in the order of the points. It is data: whoever made the kinds runs them, and the same
 * seed gives the same plan.
 *
 * @throws `CONFIG_INVALID` when there is no kind of fault, or there are fewer points than faults
 * @example
 * const plan = faultPlan(seed, { faults: ['append', 'accept', 'take'] as const, count: 3, points: 12 });
 * for (const { kind, at } of plan) chaos.store.fail(kind, { nth: at });
 */
export function faultPlan<Kind>(seed: Seed, options: FaultPlanOptions<Kind>): readonly PlannedFault<Kind>[] {
  const { faults, count, points } = options;
  if (!Number.isInteger(count) || count < 0 || count > points) {
    const message = `a fault plan takes a whole number of faults from 0 up to its ${points} points, got ${count}`;
    throw new EnginehouseError('CONFIG_INVALID', message, { option: 'count', received: count });
  }
  const draws = seed.fork('fault plan');
  const places = draws.shuffle(Array.from({ length: points }, (_, index) => index + 1)).slice(0, count);
  return places.toSorted((a, b) => a - b).map((at) => ({ kind: draws.pick(faults), at }));
}
