import fc from 'fast-check';

import type { AgentEvent } from '../../src/context/event.ts';
import type { Pattern } from '../../src/testing/timeline/pattern-node.ts';
import { t } from '../../src/testing/timeline/pattern.ts';
import { accepted, begins, completed, ends, written, type Written } from './written-log.ts';

/** A pattern of tool calls, small enough to try every way. */
export type Small =
  | { readonly kind: 'tool'; readonly name: string; readonly n: number | undefined }
  | { readonly kind: 'seq' | 'par'; readonly parts: readonly Small[] }
  | { readonly kind: 'maybe'; readonly part: Small };

interface Call {
  readonly name: string;
  readonly n: number;
  /** Places among the beginnings and ends of all calls. */
  readonly from: number;
  readonly to: number;
}

type Tool = Extract<Small, { kind: 'tool' }>;

/** Leaves, and which must have ended before which begins. */
interface Order {
  readonly leaves: readonly Tool[];
  readonly before: readonly (readonly [earlier: number, later: number])[];
}

const leaf: fc.Arbitrary<Small> = fc.record({
  kind: fc.constant('tool'),
  name: fc.constantFrom('a', 'b'),
  n: fc.constantFrom(undefined, 0, 1),
});

const small: fc.Arbitrary<Small> = fc.letrec<{ small: Small }>((tie) => ({
  small: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({ kind: fc.constantFrom('seq', 'par'), parts: fc.array(tie('small'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('maybe'), part: tie('small') }),
  ),
})).small;

/** A pattern and a log that may be what it says: its own calls, in an order that may be another one. */
export function patternAndLog(): fc.Arbitrary<{
  readonly small: Small;
  readonly pattern: Pattern;
  readonly calls: readonly Call[];
  readonly events: readonly AgentEvent[];
}> {
  return small
    .filter((each) => toolsIn(each).length <= 5)
    .chain((each) =>
      fc
        .record({ small: fc.constant(each), drop: fc.nat(7), ns: fc.array(fc.nat(1), { minLength: 5, maxLength: 5 }) })
        .chain(({ drop, ns }) => {
          const tools = toolsIn(each).filter((_tool, index) => index !== drop);
          const moves = tools.flatMap((_tool, index) => [index, index]);
          const order = fc.oneof(fc.constant(moves), fc.shuffledSubarray(moves, { minLength: moves.length }));
          return order.map((shuffled) => play(each, tools, { moves: shuffled, ns }));
        }),
    );
}

function play(
  small: Small,
  tools: readonly Tool[],
  { moves, ns }: { readonly moves: readonly number[]; readonly ns: readonly number[] },
) {
  const calls: Call[] = [];
  const events: Written[] = [];
  tools.forEach(({ name, n = ns[0] ?? 0 }, index) => {
    calls.push({
      name,
      n: ns[index] === 1 ? n : (n + (index % 2)) % 2,
      from: moves.indexOf(index),
      to: moves.lastIndexOf(index),
    });
  });
  moves.forEach((index, place) => {
    const call = calls[index];
    if (call === undefined) return;
    const id = `${call.name}#${index}`;
    events.push(call.from === place ? begins(id, { n: call.n }) : ends(id));
  });
  return { small, pattern: patternFor(small), calls, events: written(accepted, ...events, completed) };
}

function patternFor(each: Small): Pattern {
  switch (each.kind) {
    case 'tool':
      return t.tool(each.name, each.n === undefined ? {} : { input: { n: each.n } });
    case 'seq':
      return t.seq(...each.parts.map(patternFor));
    case 'par':
      return t.par(...each.parts.map(patternFor));
    case 'maybe':
      return t.maybe(patternFor(each.part));
  }
}

function toolsIn(each: Small): readonly Tool[] {
  if (each.kind === 'tool') return [each];
  return each.kind === 'maybe' ? toolsIn(each.part) : each.parts.flatMap(toolsIn);
}

/** Whether the calls are what the pattern says, by trying every way to give the calls to its leaves. */
export function isMatchByBruteForce(each: Small, calls: readonly Call[]): boolean {
  return ordersOf(each).some(
    ({ leaves, before }) =>
      leaves.length === calls.length &&
      permutations(calls).some(
        (given) =>
          leaves.every(({ name, n }, index) => {
            const call = given[index];
            return call?.name === name && (n === undefined || n === call.n);
          }) && before.every(([earlier, later]) => (given[earlier]?.to ?? 0) < (given[later]?.from ?? 0)),
      ),
  );
}

/** Every order that the pattern allows: one for each choice of what may be left out. */
function ordersOf(each: Small): readonly Order[] {
  if (each.kind === 'tool') return [{ leaves: [each], before: [] }];
  if (each.kind === 'maybe') return [{ leaves: [], before: [] }, ...ordersOf(each.part)];
  return each.parts.reduce<readonly Order[]>(
    (orders, part) => orders.flatMap((left) => ordersOf(part).map((right) => joined(left, right, each.kind === 'seq'))),
    [{ leaves: [], before: [] }],
  );
}

function joined(left: Order, right: Order, isSeq: boolean): Order {
  const offset = left.leaves.length;
  const moved = right.before.map(([earlier, later]): readonly [number, number] => [earlier + offset, later + offset]);
  const across = left.leaves.flatMap((_one, earlier) =>
    right.leaves.map((_other, later): readonly [number, number] => [earlier, later + offset]),
  );
  return { leaves: [...left.leaves, ...right.leaves], before: [...left.before, ...moved, ...(isSeq ? across : [])] };
}

function permutations<T>(all: readonly T[]): readonly (readonly T[])[] {
  if (all.length === 0) return [[]];
  return all.flatMap((one, index) => permutations(all.toSpliced(index, 1)).map((rest) => [one, ...rest]));
}
