/**
 * Whether a log is what a pattern says.
 *
 * The log is read once, from its first event on. Kept are all ways in which what
 * was read may be taken by the pattern; ways that go on alike are one, and parts
 * without an order are not tried in every order (`bag.ts`), so what is kept stays
 * small. Where it does not, the pattern is refused, not searched without end.
 */

import { EnginehouseError } from '../../base/errors.ts';
import type { AgentEvent } from '../../context/event.ts';
import { ParRest, SeqRest } from './list-rests.ts';
import { LogView } from './log-view.ts';
import { leavesOf, patternText, type Leaf, type PatternNode, type Reading, type Take } from './pattern-node.ts';
import type { Hope, Rest, RestHome } from './rest.ts';
import { AnythingRest, ExactlyRest, LeafRest, MaybeRest, Over } from './single-rests.ts';

/** Where a log and a pattern part. */
export interface Parting {
  /** The place in the log, from 0; the log's length when it ended too early. */
  readonly place: number;
  /** What would have been right there. */
  readonly hopes: readonly Hope[];
}

/** The logs of child runs, where they are known. */
export type Children = ReadonlyMap<string, readonly AgentEvent[]>;

/** Ways that are kept at one place, at most. */
const MAX_WAYS = 5_000;

/**
 * Where the log is not what the pattern says; `undefined` when it is.
 *
 * @throws `TEST_KIT_MISUSED` when a pattern can be taken in more ways than are kept, or asks for a child run whose log is not known
 */
export function partingOf(node: PatternNode, events: readonly AgentEvent[], children: Children): Parting | undefined {
  return new Matching(node, events, children).parting();
}

/** One way to take what was read. */
interface Way {
  readonly rest: Rest;
  /** Places to come that belong to what was taken, in order. */
  readonly held: readonly number[];
}

class Matching {
  readonly #node: PatternNode;
  readonly #events: readonly AgentEvent[];
  readonly #reading: Reading;
  readonly #home: Home;

  constructor(node: PatternNode, events: readonly AgentEvent[], children: Children) {
    const leaves = leavesOf(node);
    this.#node = node;
    this.#events = events;
    this.#reading = {
      log: new LogView(events),
      isNamed: (event) => leaves.some((leaf) => leaf.names(event)),
      mismatch: (inner, run) => childMismatch(inner, run, children),
    };
    this.#home = new Home(this.#reading);
  }

  parting(): Parting | undefined {
    let ways: readonly Way[] = [{ rest: this.#home.begin(this.#node, -1), held: [] }];
    for (const [place, event] of this.#events.entries()) {
      const next = this.#next(ways, event, place);
      if (next.length === 0) return { place, hopes: hopesOf(ways, place) };
      if (next.length > MAX_WAYS) throw tooWide(this.#node);
      ways = next;
    }
    const { length } = this.#events;
    return ways.some(({ rest }) => rest.until !== undefined)
      ? undefined
      : { place: length, hopes: hopesOf(ways, length) };
  }

  #next(ways: readonly Way[], event: AgentEvent, place: number): readonly Way[] {
    const named = this.#reading.isNamed(event);
    const next = new Map<string, Way>();
    const keep = (way: Way): void => void next.set(`${way.held.join(' ')};${way.rest.key(place)}`, way);
    for (const way of ways) {
      if (way.held[0] === place) {
        keep({ ...way, held: way.held.slice(1) });
        continue;
      }
      for (const { rest, places } of way.rest.take(place)) {
        const held = joined(way.held, places.slice(1));
        if (held !== undefined) keep({ rest, held });
      }
      if (named) continue;
      const rest = isOfCall(event) ? way.rest : way.rest.pass(place);
      if (rest !== undefined) keep({ ...way, rest });
    }
    return [...next.values()];
  }
}

/** Leaves by number, and what each makes of each place, asked once. */
class Home implements RestHome {
  readonly #reading: Reading;
  readonly #leaves: Leaf[] = [];
  readonly #numbers = new Map<Leaf | string, number>();
  readonly #takes = new Map<string, readonly Take[]>();
  readonly #keys = new Map<PatternNode, number>();
  readonly #texts = new Map<string, number>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  begin(node: PatternNode, after: number): Rest {
    switch (node.kind) {
      case 'leaf':
        return new LeafRest(this, this.#number(node.leaf), after);
      case 'seq':
        return new SeqRest(this, { node, next: 0, now: new Over(after) });
      case 'par':
        return ParRest.begin(this, node, after);
      case 'maybe':
        return new MaybeRest(this.begin(node.part, after), after);
      case 'exactly':
        return new ExactlyRest(this.begin(node.part, after), false);
      case 'anything':
        return new AnythingRest((place) => this.#wholeAt(place), after);
    }
  }

  leafOf(node: PatternNode): { readonly number: number; readonly shape: string } | undefined {
    return node.kind === 'leaf' ? { number: this.#number(node.leaf), shape: node.leaf.shape } : undefined;
  }

  takes(leaf: number, place: number): readonly Take[] {
    const key = `${leaf} ${place}`;
    const known = this.#takes.get(key);
    if (known !== undefined) return known;
    const takes = this.#leaves[leaf]?.takes(place, this.#reading) ?? [];
    this.#takes.set(key, takes);
    return takes;
  }

  hope(leaf: number, place: number, isDue: boolean): Hope {
    const takes = place < this.#reading.log.events.length ? this.takes(leaf, place) : [];
    const why = takes.flatMap((take) => ('why' in take ? [take.why] : [])).at(0);
    const early = isDue || takes.length === 0 ? undefined : TOO_EARLY;
    return { text: this.#leaves[leaf]?.text ?? '', why: why ?? early };
  }

  keyOf(node: PatternNode): number {
    const known = this.#keys.get(node);
    if (known !== undefined) return known;
    const text = this.#textOf(node);
    const key = this.#texts.get(text) ?? this.#texts.size;
    this.#texts.set(text, key);
    this.#keys.set(node, key);
    return key;
  }

  #textOf(node: PatternNode): string {
    if (node.kind === 'leaf') return `leaf ${this.#number(node.leaf)}`;
    if (node.kind === 'anything') return node.kind;
    const parts = 'parts' in node ? node.parts : [node.part];
    return `${node.kind} ${parts.map((part) => this.keyOf(part)).join(' ')}`;
  }

  #number(leaf: Leaf): number {
    const key = leaf.plain ? leaf.text : leaf;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#leaves.length);
    return this.#leaves.push(leaf) - 1;
  }

  #wholeAt(place: number): readonly number[] {
    const { log } = this.#reading;
    return log.callAt(place)?.places ?? log.childAt(place)?.places ?? [place];
  }
}

const TOO_EARLY = 'it begins before what must come first has ended';

/** What a call tells of itself belongs to it, and may stand wherever it is not named. */
function isOfCall({ type }: AgentEvent): boolean {
  switch (type) {
    case 'tool_input_delta':
    case 'tool_progress':
    case 'approval_requested':
    case 'approval_resolved':
      return true;
    default:
      return false;
  }
}

/** Both lists of places as one in order; `undefined` when a place is in both. */
function joined(left: readonly number[], right: readonly number[]): readonly number[] | undefined {
  if (right.length === 0) return left;
  const all = new Set([...left, ...right]);
  return all.size === left.length + right.length ? [...all].toSorted((one, other) => one - other) : undefined;
}

/** Each hope once. */
function hopesOf(ways: readonly Way[], place: number): readonly Hope[] {
  const hopes = new Map<string, Hope>();
  for (const { rest } of ways)
    for (const hope of rest.hopes(place)) if (!hopes.has(hope.text)) hopes.set(hope.text, hope);
  return [...hopes.values()];
}

function childMismatch(inner: PatternNode, run: string, children: Children): string | undefined {
  const log = children.get(run);
  if (log === undefined) {
    const cure = 'Give what reads child runs: { reader: readerOf(runtime.store.for(alice.context()).log) }.';
    throw new EnginehouseError(
      'TEST_KIT_MISUSED',
      `the log of child run ${run} is not known`,
      { part: 'pattern' },
      { cure },
    );
  }
  if (log.length === 0) return 'it was never accepted, so it has no log';
  const parting = partingOf(inner, log, children);
  if (parting === undefined) return undefined;
  const event = log[parting.place];
  const where = event === undefined ? 'it ended' : `event ${event.seq}, ${event.type},`;
  return `of its own log: ${where} where ${hopesText(parting.hopes)} was expected`;
}

/** What was hoped for, in words. */
export function hopesText(hopes: readonly Hope[]): string {
  return hopes.length === 0 ? 'nothing more' : hopes.map(({ text }) => text).join(' or ');
}

function tooWide(node: PatternNode): EnginehouseError {
  const message = `the pattern can be taken in more than ${MAX_WAYS} ways at once: ${patternText(node)}`;
  const cure = 'Say more of each call (its input), or use fewer t.seq, t.any and t.anything inside t.par.';
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'pattern' }, { cure });
}
