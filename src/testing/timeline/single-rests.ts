import { bound, placesTaken, type Hope, type Rest, type RestHome, type Step } from './rest.ts';

/** Nothing is left. */
export class Over implements Rest {
  readonly until: number;

  constructor(until: number) {
    this.until = until;
  }

  key(place: number): string {
    return `.${bound(this.until, place)}`;
  }

  take(): readonly Step[] {
    return [];
  }

  pass(): Rest {
    return this;
  }

  hopes(): readonly Hope[] {
    return [];
  }
}

/** One thing, which begins after a place. */
export class LeafRest implements Rest {
  readonly until = undefined;
  readonly #home: RestHome;
  readonly #leaf: number;
  readonly #after: number;

  constructor(home: RestHome, leaf: number, after: number) {
    this.#home = home;
    this.#leaf = leaf;
    this.#after = after;
  }

  key(place: number): string {
    return `${this.#leaf}@${bound(this.#after, place)}`;
  }

  take(place: number): readonly Step[] {
    if (place <= this.#after) return [];
    return placesTaken(this.#home.takes(this.#leaf, place)).map((places) => ({
      rest: new Over(places.at(-1) ?? place),
      places,
    }));
  }

  pass(): Rest {
    return this;
  }

  hopes(place: number): readonly Hope[] {
    return [this.#home.hope(this.#leaf, place, place > this.#after)];
  }
}

/** What may be there, and has not begun. Once it begins, it is as if it had to be there. */
export class MaybeRest implements Rest {
  readonly until: number;
  readonly #part: Rest;

  constructor(part: Rest, after: number) {
    this.#part = part;
    this.until = after;
  }

  key(place: number): string {
    return `?${this.#part.key(place)}`;
  }

  take(place: number): readonly Step[] {
    return this.#part.take(place);
  }

  pass(): Rest {
    return this;
  }

  hopes(place: number): readonly Hope[] {
    return this.#part.hopes(place);
  }
}

/** What nothing else may stand in, from the first that it takes to the last. */
export class ExactlyRest implements Rest {
  readonly #part: Rest;
  readonly #begun: boolean;

  constructor(part: Rest, begun: boolean) {
    this.#part = part;
    this.#begun = begun;
  }

  get until(): number | undefined {
    return this.#part.until;
  }

  key(place: number): string {
    return `${this.#begun ? '!' : '='}${this.#part.key(place)}`;
  }

  take(place: number): readonly Step[] {
    return this.#part.take(place).map(({ rest, places }) => ({ rest: new ExactlyRest(rest, true), places }));
  }

  pass(place: number): Rest | undefined {
    if (!this.#begun) return this;
    const { until } = this.#part;
    return until !== undefined && until < place ? new Over(until) : undefined;
  }

  hopes(place: number): readonly Hope[] {
    return this.#part.hopes(place);
  }
}

/** Any number of things. What it takes as a whole may end after what follows it has begun. */
export class AnythingRest implements Rest {
  readonly until: number;
  readonly #wholeAt: (place: number) => readonly number[];

  constructor(wholeAt: (place: number) => readonly number[], after: number) {
    this.#wholeAt = wholeAt;
    this.until = after;
  }

  key(place: number): string {
    return `*${bound(this.until, place)}`;
  }

  take(place: number): readonly Step[] {
    return place > this.until ? [{ rest: this, places: this.#wholeAt(place) }] : [];
  }

  pass(): Rest {
    return this;
  }

  hopes(): readonly Hope[] {
    return [];
  }
}
