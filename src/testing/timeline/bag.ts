/**
 * Leaves without an order among them, and what they took so far.
 *
 * Which leaf took which place is not decided before the end: a bag only knows
 * that there is a way. So many leaves that could take the same are one state, and
 * not one for every way to give them out. To decide it is a matching of places to
 * leaves (augmenting paths), in which equal leaves are one slot with room for many.
 */

/** Leaves that take the same: how many there are, and how many of them must take something. */
export interface Slot {
  readonly leaf: number;
  readonly room: number;
  readonly needed: number;
}

/** Whether a leaf takes what is at a place. */
export type Fits = (leaf: number, place: number) => boolean;

/** The places that each slot holds: one way of many. */
type Held = number[][];

export class Bag {
  readonly #slots: readonly Slot[];
  readonly #fits: Fits;
  readonly #places: readonly number[];
  readonly #held: readonly (readonly number[])[];
  #satisfied: boolean | undefined;

  private constructor(slots: readonly Slot[], fits: Fits, taken: Pick<Bag, 'places'> & { readonly held: Held }) {
    this.#slots = slots;
    this.#fits = fits;
    this.#places = taken.places;
    this.#held = taken.held;
  }

  static of(slots: readonly Slot[], fits: Fits): Bag {
    return new Bag(slots, fits, { places: [], held: slots.map(() => []) });
  }

  /** What was taken. Two bags of the same leaves that took the same go on alike. */
  get places(): readonly number[] {
    return this.#places;
  }

  /** The bag after it took this place too; `undefined` when there is no way. */
  with(place: number): Bag | undefined {
    const held = this.#held.map((places) => [...places]);
    const rooms = this.#slots.map(({ room }) => room);
    if (!this.#give(place, { held, rooms, tried: new Set() })) return undefined;
    return new Bag(this.#slots, this.#fits, { places: [...this.#places, place], held });
  }

  /**
   * Whether everything that must take something can have done so. If what was taken fits somewhere, and what is needed
   * can be had from it, then there is one way for both.
   */
  get isSatisfied(): boolean {
    return (this.#satisfied ??= this.#isSatisfied());
  }

  get leaves(): readonly number[] {
    return this.#slots.map(({ leaf }) => leaf);
  }

  #isSatisfied(): boolean {
    const needed = this.#slots.reduce((sum, slot) => sum + slot.needed, 0);
    if (this.#places.length < needed) return false;
    const held: Held = this.#slots.map(() => []);
    const rooms = this.#slots.map((slot) => slot.needed);
    for (const place of this.#places) this.#give(place, { held, rooms, tried: new Set() });
    return held.reduce((sum, places) => sum + places.length, 0) === needed;
  }

  /** The leaves with room for more, in one way of many. */
  get open(): readonly number[] {
    return this.#slots.flatMap(({ leaf, room }, index) => ((this.#held[index]?.length ?? 0) < room ? [leaf] : []));
  }

  /** Finds room for a place, and moves others where that helps. */
  #give(
    place: number,
    way: { readonly held: Held; readonly rooms: readonly number[]; readonly tried: Set<number> },
  ): boolean {
    for (const [index, { leaf }] of this.#slots.entries()) {
      const places = way.held[index];
      if (places === undefined || way.tried.has(index) || !this.#fits(leaf, place)) continue;
      way.tried.add(index);
      if (places.length < (way.rooms[index] ?? 0)) {
        places.push(place);
        return true;
      }
      const moved = places.findIndex((other) => this.#give(other, way));
      if (moved === -1) continue;
      places[moved] = place;
      return true;
    }
    return false;
  }
}
