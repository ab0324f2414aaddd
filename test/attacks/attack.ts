/**
 * An attack: what SQL as Bob does to reach the rows of Ada, who is in the same
 * tenant, and of another tenant's Bob.
 *
 *   K1. It is a real one: first the same is done by somebody who may do it, and
 *       shows or changes something. "Nothing" is then no accident.
 *   K2. Everything that Bob gets is looked at: rows, errors with their details,
 *       notices and notifications.
 *   K3. Whatever it was, the rows of the victims are afterwards what they were.
 */

import { expect } from 'vitest';

import type { Roles } from '../../src/store/postgres/layout.ts';

/** Stands in every row of the victims and nowhere else. */
export const CANARY = 'canary';

/** A key of the victims, and one of nobody: equally long, so that an answer to one could be the answer to the other. */
export const KEY_OF_ADA = 'canary-otter';
const KEY_OF_NOBODY = 'nobody-otter';

export type Where = 'door' | 'agent login' | 'system login' | 'sqlite';

/** All that somebody gets to see. */
export interface Outcome {
  /** Of each statement that ran. */
  readonly rows: readonly (readonly unknown[])[];
  /** Why the rest did not. */
  readonly refusal: Refusal | undefined;
  /** Notices and notifications. */
  readonly heard: readonly string[];
}

export interface Refusal {
  readonly code: string;
  readonly [field: string]: unknown;
}

export interface Actor {
  /** One transaction; committed, unless a statement is refused. */
  says(...statements: readonly string[]): Promise<Outcome>;
  /** The same, and rolled back. */
  rehearses(...statements: readonly string[]): Promise<Outcome>;
}

export interface House extends AsyncDisposable {
  readonly where: Where;
  readonly ada: Actor;
  readonly bob: Actor;
  /** Ada on a login without a door before it, who shows what a statement could do. */
  readonly unguarded: Actor;
  /** Who may do everything, on a session of their own. */
  readonly root: Actor;
  /** Gives Bob the rows back that an attack took from him. */
  refill(): Promise<void>;
  /** The rows of the victims, whole, as text. */
  victims(): Promise<string>;
  readonly roles?: Roles;
  /** Where her tables are, when they are a file. */
  readonly fileOfAda?: string;
  /** A genuine principal, as text; in the past when it is expired. */
  principal?(of: 'ada' | 'bob', expired?: boolean): string;
}

/** Bob's own rows, and how he gets them back. */
export const REFILL: readonly string[] = [
  'DELETE FROM orders',
  'DELETE FROM stock',
  "INSERT INTO stock (sku, count, note) VALUES ('bear-1', 7, 'note of bear')",
  "INSERT INTO orders (id, sku, amount) VALUES (1, 'bear-1', 41)",
];

export interface Attack {
  readonly name: string;
  readonly where: readonly Where[];
  /** Proves that it is one. */
  readonly real: (house: House) => Promise<void>;
  readonly attempt: (house: House) => Promise<unknown>;
  readonly expectation: (got: unknown, house: House) => void;
}

type Script = readonly string[] | ((house: House) => readonly string[]);

interface Plan {
  readonly name: string;
  readonly where: readonly Where[];
  readonly sql: Script;
  /** Shows that it is a real one, where the same SQL by the one who may cannot. */
  readonly proof?: Script;
}

function statementsOf(script: Script, house: House): readonly string[] {
  return typeof script === 'function' ? script(house) : script;
}

/** Bob tries to see the rows of others. Ada, who does the same, sees hers. */
export function reads(plan: Plan): Attack {
  const { name, where, sql, proof = sql } = plan;
  return {
    name,
    where,
    real: async (house) => {
      const shown = await house.unguarded.rehearses(...statementsOf(proof, house));
      expect(JSON.stringify(shown), 'Ada sees her rows').toContain(CANARY);
    },
    attempt: (house) => house.bob.says(...statementsOf(sql, house)),
    expectation: showsNothing,
  };
}

/** Bob tries to change the rows of others. Ada, who does the same, changes hers. */
export function changes(plan: Plan): Attack {
  const { name, where, sql, proof = sql } = plan;
  const look = 'SELECT * FROM stock ORDER BY sku';
  return {
    name,
    where,
    real: async (house) => {
      const before = await house.unguarded.rehearses(look);
      const after = await house.unguarded.rehearses(...statementsOf(proof, house), look);
      expect(after.refusal, 'Ada may do it').toBeUndefined();
      expect(after.rows.at(-1), 'it changes her rows').not.toEqual(before.rows.at(-1));
    },
    attempt: (house) => house.bob.says(...statementsOf(sql, house)),
    expectation: showsNothing,
  };
}

interface Guess extends Omit<Plan, 'sql' | 'proof'> {
  readonly sql: (key: string) => readonly string[];
  /** What Ada does to see the difference, where hers is another statement. */
  readonly proof?: (key: string) => readonly string[];
}

/** Bob asks whether a key of Ada is there. He gets the answer that he gets for a key of nobody; Ada gets another. */
export function guesses({ name, where, sql, proof = sql }: Guess): Attack {
  return {
    name,
    where,
    real: async ({ unguarded: ada }) => {
      const hers = masked(await ada.rehearses(...proof(KEY_OF_ADA)), KEY_OF_ADA);
      const none = masked(await ada.rehearses(...proof(KEY_OF_NOBODY)), KEY_OF_NOBODY);
      expect(hers, 'Ada sees the difference').not.toBe(none);
    },
    attempt: async ({ bob }) => ({
      hers: masked(await bob.rehearses(...sql(KEY_OF_ADA)), KEY_OF_ADA),
      none: masked(await bob.rehearses(...sql(KEY_OF_NOBODY)), KEY_OF_NOBODY),
    }),
    expectation: (got) => {
      showsNothing(got);
      expect(got).toMatchObject({ hers: expect.any(String) });
      const { hers, none } = got as { readonly hers: string; readonly none: string };
      expect(hers).toBe(none);
    },
  };
}

interface Power extends Plan {
  /** SQLSTATEs that refuse it at a login; a door answers with its own codes. @default 42501, no privilege */
  readonly codes?: readonly string[];
  /** @default the superuser may do it */
  readonly real?: (house: House) => Promise<void>;
}

const AT_THE_DOOR = ['DATABASE_DENIED', 'DATABASE_FAILED', 'DATABASE_TIMEOUT', 'DATABASE_RESULT_TOO_LARGE'];

/** Bob tries what he may not do. A superuser may. */
export function exceeds(plan: Power): Attack {
  const { name, where, sql, proof = sql, codes = ['42501'] } = plan;
  return {
    name,
    where,
    real: async (house) => {
      if (plan.real !== undefined) return plan.real(house);
      const { refusal } = await house.root.rehearses(...statementsOf(proof, house));
      expect(refusal, 'a superuser may do it').toBeUndefined();
    },
    attempt: (house) => house.bob.says(...statementsOf(sql, house)),
    expectation: (got, { where: place }) => {
      showsNothing(got);
      const allowed = place === 'door' || place === 'sqlite' ? AT_THE_DOOR : codes;
      expect(allowed).toContain((got as Outcome).refusal?.code);
    },
  };
}

interface Trap extends Omit<Plan, 'proof'> {
  /** Gives a row while the trap is there, and none when it is gone. */
  readonly trace: string;
}

const LATER = `${CANARY}-later`;

/** Bob leaves something on a connection, Ada comes next, then Bob again. */
export function leaves({ name, where, sql, trace }: Trap): Attack {
  return {
    name,
    where,
    real: async (house) => {
      const { refusal, rows } = await house.root.rehearses(...statementsOf(sql, house), trace);
      expect(refusal, 'a superuser may do it').toBeUndefined();
      expect(rows.at(-1), 'it leaves a trace').not.toEqual([]);
    },
    attempt: async (house) => {
      const { bob, ada } = house;
      const left = await bob.says(...statementsOf(sql, house));
      const hers = await ada.says(
        `INSERT INTO stock (sku, count) VALUES ('${LATER}', 1)`,
        'SELECT sku FROM stock ORDER BY sku',
        `DELETE FROM stock WHERE sku = '${LATER}'`,
      );
      const found = await bob.says(trace);
      return { left, hers, found, his: await bob.says('SELECT sku FROM stock ORDER BY sku') };
    },
    expectation: (got) => {
      const { left, hers, found, his } = got as Record<'left' | 'hers' | 'found' | 'his', Outcome>;
      showsNothing([left, found, his]);
      expect(hers).toMatchObject({ refusal: undefined, heard: [] });
      expect(hers.rows[1]).toEqual([{ sku: LATER }, { sku: KEY_OF_ADA }, { sku: 'canary-swan' }]);
      expect(found.rows.flat(), 'nothing is left of it').toEqual([]);
      expect(his.rows[0]).toEqual([{ sku: 'bear-1' }]);
    },
  };
}

interface Find extends Omit<Plan, 'sql' | 'proof'> {
  /** What Ada does, innocently. */
  readonly left: readonly string[];
  readonly look: string;
}

/** Ada leaves something on a connection, and Bob, who comes next, looks for it. */
export function finds({ name, where, left, look }: Find): Attack {
  return {
    name,
    where,
    real: async ({ root }) => {
      const shown = await root.rehearses(...left, look);
      expect(shown.refusal, 'it can be left').toBeUndefined();
      expect(JSON.stringify(shown.rows.at(-1)), 'and found').toContain(CANARY);
    },
    attempt: async ({ ada, bob }) => {
      await ada.says(...left);
      return bob.says(look);
    },
    expectation: showsNothing,
  };
}

export function showsNothing(got: unknown): void {
  expect(JSON.stringify(got)).not.toContain(CANARY);
}

/** What somebody got, without the key that they said themselves. */
function masked(outcome: Outcome, key: string): string {
  return JSON.stringify(outcome).replaceAll(key, '(the key)');
}
