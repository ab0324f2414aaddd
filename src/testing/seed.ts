/**
 * Randomness of a test that can be had again: everything drawn follows from one
 * short text, in every process and on every machine.
 *
 *   Z1. The same seed gives the same draws.
 *   Z2. A fork has a stream of its own, which follows from its name alone: one
 *       draw more in one place moves nothing in another.
 *
 * The generator is sfc32 by Chris Doty-Humphrey, of PractRand
 * (https://pracrand.sourceforge.net/RNG_engines.txt); its state is taken from
 * the SHA-256 of the seed and the names of the forks. Not for secrets.
 */

import { createHash } from 'node:crypto';

import { EnginehouseError } from '../base/errors.ts';
import { systemIds, type Ids } from '../base/ids.ts';

const VARIABLE = 'ENGINEHOUSE_SEED';
/** Short and safe in a shell: it is printed to be typed again. */
const SEED = /^[\w.-]{1,64}$/;

export class Seed {
  /** What a person types to have the same again: `ENGINEHOUSE_SEED=…`. */
  readonly text: string;
  readonly #root: string;
  readonly #path: string;
  readonly #next: () => number;
  #ids: Ids | undefined;

  private constructor(root: string, path: string) {
    this.text = `${VARIABLE}=${root}`;
    this.#root = root;
    this.#path = path;
    this.#next = sfc32(path);
  }

  /**
   * The seed that was asked for; else that of `ENGINEHOUSE_SEED`; else a fresh one.
   *
   * @throws `CONFIG_INVALID` unless it has 1 to 64 letters, digits, `.`, `-` or `_`
   */
  static of(value?: string | number, env: Readonly<Record<string, string | undefined>> = process.env): Seed {
    const said = value ?? (env[VARIABLE] || systemIds.next().slice(0, 8));
    const root = String(said);
    if (SEED.test(root)) return new Seed(root, root);
    const must = '1 to 64 letters, digits, ".", "-" or "_"';
    throw invalid('seed', `a seed (${VARIABLE}) has ${must}, got ${JSON.stringify(said)}`, said);
  }

  /** A number from 0 up to, not including, 1, with 53 random bits. */
  random(): number {
    return ((this.#next() >>> 5) * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
  }

  /** A whole number from 0 up to, not including, `n`. @throws `CONFIG_INVALID` unless `n` is a whole number from 1 up */
  int(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) throw invalid('n', `int() takes a whole number from 1 up, got ${n}`, n);
    return Math.floor(this.random() * n);
  }

  /** One of the list. @throws `CONFIG_INVALID` when it is empty */
  pick<T>(list: readonly T[]): T {
    const from = Math.floor(this.random() * list.length);
    for (const picked of list.slice(from)) return picked;
    throw invalid('list', 'pick() takes a list that is not empty', list);
  }

  /** The same things in a random order, every order as likely as another. */
  shuffle<T>(list: readonly T[]): T[] {
    const keyed = list.map((value) => ({ value, key: this.random() }));
    return keyed.toSorted((a, b) => a.key - b.key).map(({ value }) => value);
  }

  /** So many random bytes, in hexadecimal. */
  hex(bytes: number): string {
    const words = Array.from({ length: Math.ceil(bytes / 4) }, () => this.#next().toString(16).padStart(8, '0'));
    return words.join('').slice(0, bytes * 2);
  }

  /** Z2. */
  fork(name: string): Seed {
    return new Seed(this.#root, JSON.stringify([this.#path, name]));
  }

  /** For `Seams.ids`: a runtime's ids and randomness, a stream of their own. Runtimes of one seed draw from it together. */
  ids(): Ids {
    return (this.#ids ??= idsFrom(this.fork('ids')));
  }
}

function idsFrom(draws: Seed): Ids {
  return { next: () => uuid(draws.hex(16)), random: () => draws.random() };
}

/** Of version 4, as the system's are. */
function uuid(hex: string): string {
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Gives 32 random bits at a time, as a whole number from 0 up. */
function sfc32(text: string): () => number {
  const digest = createHash('sha256').update(text).digest();
  let [a, b, c, counter] = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), 1];
  return () => {
    const drawn = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return drawn >>> 0;
  };
}

function invalid(option: string, message: string, received: unknown): EnginehouseError<'CONFIG_INVALID'> {
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
