/**
 * What is left of a pattern after a part of the log was read. A place of the log
 * is given to `take`, which says in which ways it can be taken, and what is left
 * then; `pass` says whether it may stand there without being taken.
 *
 *   R1. Nothing is read twice: what goes on alike has the same `key`.
 *   R2. A bound that the reading has gone past is none: when something was taken
 *       makes no difference any more.
 */

import type { PatternNode, Take } from './pattern-node.ts';

export interface Rest {
  /** R1, R2 */
  key(place: number): string;
  take(place: number): readonly Step[];
  /** What is left when the place is not taken; `undefined` where nothing else may stand. */
  pass(place: number): Rest | undefined;
  /** When nothing more is needed, the last place that was taken; `undefined` otherwise. */
  readonly until: number | undefined;
  /** What could be taken next, and why it is not at this place. */
  hopes(place: number): readonly Hope[];
}

/** One way to take a place: what is left, and all the places that are taken with it. */
export interface Step {
  readonly rest: Rest;
  readonly places: readonly number[];
}

export interface Hope {
  readonly text: string;
  readonly why: string | undefined;
}

/** What a rest needs of the pattern and the log that it is of. Leaves are known by numbers. */
export interface RestHome {
  begin(node: PatternNode, after: number): Rest;
  leafOf(node: PatternNode): { readonly number: number; readonly shape: string } | undefined;
  takes(leaf: number, place: number): readonly Take[];
  /** `isDue`: whether what must come first has ended at this place. */
  hope(leaf: number, place: number, isDue: boolean): Hope;
  /** Patterns that are the same have the same one. */
  keyOf(node: PatternNode): number;
}

/** R2 */
export function bound(after: number, place: number): string {
  return after > place ? String(after) : '';
}

/** The places of the ways in which a leaf takes a place. */
export function placesTaken(takes: readonly Take[]): readonly (readonly number[])[] {
  return takes.flatMap((take) => ('why' in take ? [] : [take.places]));
}
