import { Bag, type Slot } from './bag.ts';
import type { PatternNode } from './pattern-node.ts';
import { bound, placesTaken, type Hope, type Rest, type RestHome, type Step } from './rest.ts';

export type ListNode = Extract<PatternNode, { readonly parts: unknown }>;

interface SeqPlace {
  readonly node: ListNode;
  /** The part after the one that is under way. */
  readonly next: number;
  readonly now: Rest;
}

/** Parts one after the other: the one that is under way, and those that have not begun. */
export class SeqRest implements Rest {
  readonly #home: RestHome;
  readonly #at: SeqPlace;

  constructor(home: RestHome, at: SeqPlace) {
    this.#home = home;
    this.#at = at;
  }

  get until(): number | undefined {
    const { until } = this.#at.now;
    if (until === undefined) return undefined;
    return this.#following(until)?.until ?? (this.#isLast ? until : undefined);
  }

  key(place: number): string {
    const { node, next, now } = this.#at;
    return `(${now.key(place)}>${this.#home.keyOf(node)}:${next})`;
  }

  take(place: number): readonly Step[] {
    const { now } = this.#at;
    const steps = now.take(place).map(({ rest, places }) => ({ rest: this.#with(rest), places }));
    // What is under way may have ended already.
    return now.until === undefined ? steps : [...steps, ...(this.#following(now.until)?.take(place) ?? [])];
  }

  pass(place: number): Rest | undefined {
    const rest = this.#at.now.pass(place);
    if (rest === this.#at.now) return this;
    return rest && this.#with(rest);
  }

  hopes(place: number): readonly Hope[] {
    const { now } = this.#at;
    const later = now.until === undefined ? [] : (this.#following(now.until)?.hopes(place) ?? []);
    return [...now.hopes(place), ...later];
  }

  get #isLast(): boolean {
    return this.#at.next >= this.#at.node.parts.length;
  }

  #with(now: Rest): Rest {
    return new SeqRest(this.#home, { ...this.#at, now });
  }

  #following(after: number): Rest | undefined {
    const { node, next } = this.#at;
    const part = node.parts[next];
    return part && new SeqRest(this.#home, { node, next: next + 1, now: this.#home.begin(part, after) });
  }
}

interface ParPlace {
  readonly after: number;
  /** Single leaves, by the shape of what they take. */
  readonly bags: readonly Bag[];
  readonly others: readonly Rest[];
  /** The last place that a bag took. */
  readonly taken: number;
}

/** Parts without an order. */
export class ParRest implements Rest {
  readonly #home: RestHome;
  readonly #node: ListNode;
  readonly #at: ParPlace;

  private constructor(home: RestHome, node: ListNode, at: ParPlace) {
    this.#home = home;
    this.#node = node;
    this.#at = at;
  }

  static begin(home: RestHome, node: ListNode, after: number): Rest {
    const { slots, others } = sorted(home, node.parts);
    const fits = (leaf: number, place: number): boolean => placesTaken(home.takes(leaf, place)).length > 0;
    const bags = [...slots.values()].map((shape) => Bag.of(shape, fits));
    return new ParRest(home, node, {
      after,
      bags,
      others: others.map((part) => home.begin(part, after)),
      taken: after,
    });
  }

  get until(): number | undefined {
    const { bags, others, taken } = this.#at;
    let last = taken;
    for (const { until } of others) {
      if (until === undefined) return undefined;
      last = Math.max(last, until);
    }
    return bags.every((bag) => bag.isSatisfied) ? last : undefined;
  }

  key(place: number): string {
    const { after, bags, others, taken } = this.#at;
    const keys = others.map((rest) => rest.key(place)).toSorted();
    const bounds = `${bound(after, place)},${bound(taken, place)}`;
    return `[${this.#home.keyOf(this.#node)} ${bounds} ${bags.map((bag) => bag.places.join(' ')).join('/')} ${keys.join('|')}]`;
  }

  take(place: number): readonly Step[] {
    const { after, bags } = this.#at;
    const fromBags = place <= after ? [] : bags.flatMap((bag) => this.#takeInto(bag, place));
    return [...fromBags, ...this.#takeByOthers(place)];
  }

  pass(place: number): Rest | undefined {
    const others: Rest[] = [];
    for (const rest of this.#at.others) {
      const passed = rest.pass(place);
      if (passed === undefined) return undefined;
      others.push(passed);
    }
    return this.#with({ others });
  }

  hopes(place: number): readonly Hope[] {
    const { after, bags, others } = this.#at;
    const leaves = bags.flatMap((bag) => bag.open.map((leaf) => this.#home.hope(leaf, place, place > after)));
    return [...leaves, ...others.flatMap((rest) => rest.hopes(place))];
  }

  #takeInto(bag: Bag, place: number): readonly Step[] {
    const places = bag.leaves.flatMap((leaf) => placesTaken(this.#home.takes(leaf, place))).at(0);
    const fuller = places && bag.with(place);
    if (places === undefined || fuller === undefined) return [];
    const bags = this.#at.bags.map((one) => (one === bag ? fuller : one));
    const taken = Math.max(this.#at.taken, places.at(-1) ?? place);
    return [{ rest: this.#with({ bags, taken }), places }];
  }

  /** Of parts that are alike, one is enough to ask. R1 */
  #takeByOthers(place: number): readonly Step[] {
    const { others } = this.#at;
    const asked = new Set<string>();
    return others.flatMap((other, index) => {
      const key = other.key(place);
      if (asked.has(key)) return [];
      asked.add(key);
      return other
        .take(place)
        .map(({ rest, places }) => ({ rest: this.#with({ others: others.with(index, rest) }), places }));
    });
  }

  #with(changed: Partial<ParPlace>): Rest {
    return new ParRest(this.#home, this.#node, { ...this.#at, ...changed });
  }
}

interface Sorted {
  readonly slots: ReadonlyMap<string, readonly Slot[]>;
  readonly others: readonly PatternNode[];
}

/** Single leaves as slots, equal ones in one; and the parts that are more than that. */
function sorted(home: RestHome, parts: readonly PatternNode[]): Sorted {
  const shapes = new Map<string, Map<number, Slot>>();
  const others: PatternNode[] = [];
  for (const part of flat(parts)) {
    const leaf = home.leafOf(part.kind === 'maybe' ? part.part : part);
    if (leaf === undefined || leaf.shape === 'text' || leaf.shape === 'any') {
      others.push(part);
      continue;
    }
    const slots = shapes.get(leaf.shape) ?? new Map<number, Slot>();
    const { room, needed } = slots.get(leaf.number) ?? { room: 0, needed: 0 };
    slots.set(leaf.number, { leaf: leaf.number, room: room + 1, needed: needed + (part.kind === 'maybe' ? 0 : 1) });
    shapes.set(leaf.shape, slots);
  }
  return { slots: new Map([...shapes].map(([shape, slots]) => [shape, [...slots.values()]])), others };
}

/** Without an order inside, a par in a par is the same as its parts. */
function flat(parts: readonly PatternNode[]): readonly PatternNode[] {
  return parts.flatMap((part) => (part.kind === 'par' && 'parts' in part ? flat(part.parts) : [part]));
}
