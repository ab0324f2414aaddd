/**
 * Canaries. Every user of a test carries marks that nobody else has: in ids,
 * prompts, files, tokens, tool results. A mark that is seen in the data of
 * another user is a leak, and it names both.
 *
 *   M1. A mark belongs to one user of one test, for ever.
 *   M2. All tests of the process know each other's marks: on a shared runtime a
 *       leak goes from one test into another.
 *   M3. Searching text costs one pass and no parsing, unless something is found.
 *   M4. What is kept is bounded. Marks of tests that are over are kept for a
 *       while, the newest of them: most leaks show in the test after.
 */

import { randomBytes } from 'node:crypto';

import { EnginehouseError } from '../../base/errors.ts';
import { jsonPathTo } from './json-path.ts';
import { MARK_LENGTH, marksIn } from './marks-in.ts';

/** What is searched. */
export type Searched = 'frame' | 'row' | 'log' | 'model request' | 'response' | 'cassette';

export interface Search {
  /** Whose data the text is; `undefined` for what belongs to nobody, where at most one user's marks may be. */
  readonly of: string | undefined;
  readonly where: Searched;
}

/** Somebody's mark in a place where it must not be. */
export interface Sighting {
  readonly where: Searched;
  readonly mark: string;
  /** Whose mark it is. */
  readonly owner: string;
  /** What it was put into. */
  readonly what: string;
  /** The test that this user belongs to. */
  readonly test: string;
  /** In whose data it was seen; of what belongs to nobody, whose marks are there as well. */
  readonly seenBy: string | undefined;
  /** The mark with what stands around it. */
  readonly excerpt: string;
  /** Where in the text it is, if that is JSON. */
  readonly path: string | undefined;
}

interface Known {
  readonly owner: string;
  readonly what: string;
  readonly test: string;
}

interface AllMarks {
  readonly live: Map<string, Known>;
  /** Of tests that are over, the oldest first. */
  readonly past: Map<string, Known>;
}

const MARKS_PER_TEST = 10_000;
const PAST_MARKS = 20_000;
const AROUND = 40;
const TOLD = 20;

const KEY: unique symbol = Symbol.for('enginehouse.testing.marks');

const place = globalThis as { [KEY]?: AllMarks };
const all = (place[KEY] ??= { live: new Map(), past: new Map() });

const NONE: readonly Sighting[] = [];

/** 128 bits that nobody else has, as 32 hexadecimal digits. */
export function newMark(): string {
  return randomBytes(MARK_LENGTH / 2).toString('hex');
}

/** The marks of one test. Disposing it ends the test's part in the search. */
export class Marks implements Disposable {
  readonly #test: string;
  readonly #own = new Set<string>();
  /** Marks and users whose marks may be anywhere in this test, and why. */
  readonly #allowed = new Map<string, string>();

  constructor(test = 'a test') {
    this.#test = test;
  }

  /** A fresh mark of `owner`, put into `what`. */
  issue(owner: string, what: string): string {
    const mark = newMark();
    this.register(mark, owner, what);
    return mark;
  }

  /**
   * Makes 32 hexadecimal digits a mark of `owner`, who put them into `what`. The same again changes nothing.
   *
   * @throws `TEST_KIT_MISUSED` for what is no mark, or somebody else's (M1); `LIMIT_REACHED` past 10,000 of one test
   */
  register(mark: string, owner: string, what: string): void {
    const known = all.live.get(mark) ?? all.past.get(mark);
    if (known?.owner === owner && this.#own.has(mark)) return;
    if (known !== undefined) throw misused(`the mark ${mark} is ${known.owner}'s already, ${owner} needs another one`);
    if (!/^[0-9a-f]{32}$/.test(mark)) throw misused(`a mark is 32 hexadecimal digits, got ${mark}`);
    if (this.#own.size >= MARKS_PER_TEST) throw tooMany();
    this.#own.add(mark);
    all.live.set(mark, { owner, what, test: this.#test });
  }

  /** Lets one mark, or all of a user's, be seen anywhere in this test: it shares on purpose, for `reason`. */
  allow(markOrUser: string, reason: string): void {
    this.#allowed.set(markOrUser, reason);
  }

  /** What is allowed, with the reasons. */
  get allowed(): ReadonlyMap<string, string> {
    return this.#allowed;
  }

  /** Finds marks that must not be in `text`; each is told once. */
  searchIn(text: string, { of, where }: Search): readonly Sighting[] {
    let seenBy = of;
    let seen: Sighting[] | undefined;
    for (const { mark, at } of marksIn(text)) {
      const known = all.live.get(mark) ?? all.past.get(mark);
      if (known === undefined || this.#allowed.has(mark) || this.#allowed.has(known.owner)) continue;
      // Nobody's text becomes that of the first who is found there.
      seenBy ??= known.owner;
      if (known.owner === seenBy || seen?.some((other) => other.mark === mark) === true) continue;
      const excerpt = text.slice(Math.max(0, at - AROUND), at + MARK_LENGTH + AROUND);
      (seen ??= []).push({ ...known, where, mark, seenBy, excerpt, path: jsonPathTo(text, mark) });
    }
    return seen ?? NONE;
  }

  /** M4 */
  [Symbol.dispose](): void {
    for (const mark of this.#own) {
      const known = all.live.get(mark);
      all.live.delete(mark);
      if (known !== undefined) all.past.set(mark, known);
    }
    this.#own.clear();
    for (const mark of all.past.keys()) {
      if (all.past.size <= PAST_MARKS) break;
      all.past.delete(mark);
    }
  }
}

/** One error that names every sighting, with both users. */
export function isolationBroken(sightings: readonly Sighting[]): EnginehouseError<'ISOLATION_BROKEN'> {
  const told = sightings.slice(0, TOLD);
  const lines = told.map(({ where, owner, what, test, seenBy, excerpt, path }) => {
    const whose = `${what} of ${owner} (test "${test}")`;
    const place = `a ${where} of ${seenBy ?? 'nobody'}${path === undefined ? '' : ` at ${path}`}`;
    return `${whose} was seen in ${place}: …${excerpt}…`;
  });
  const more = sightings.length - told.length;
  const message = `${lines.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  return new EnginehouseError('ISOLATION_BROKEN', message, { sightings: told });
}

function misused(message: string): EnginehouseError {
  return new EnginehouseError('TEST_KIT_MISUSED', message, { part: 'marks' });
}

function tooMany(): EnginehouseError {
  const message = `a test has at most ${MARKS_PER_TEST} marks`;
  return new EnginehouseError('LIMIT_REACHED', message, { limit: 'marks of a test', max: MARKS_PER_TEST });
}
