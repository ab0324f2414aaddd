/** The system's own tables, as a query of ours would reach them that forgot its where, or its owner. */

import { expect } from 'vitest';

import { exceeds, guesses, reads, showsNothing, type Attack, type Where } from './attack.ts';

const SYSTEM: readonly Where[] = ['system login'];
const ADA = `'["default","ada"]'`;
const TABLES = ['threads', 'runs', 'states', 'events', 'commands', 'artifacts', 'pieces'] as const;
/** A column of each that holds a word of its owner. */
const WORD = {
  threads: 'thread_id',
  runs: 'run_id',
  states: 'run_id',
  events: 'data',
  commands: 'command_id',
  artifacts: 'title',
  pieces: "convert_from(content, 'UTF8')",
} as const;

/** Bob's own rows change; the runner looks at those of the victims. */
function forgetsWhere(name: string, sql: string): Attack {
  return {
    name,
    where: SYSTEM,
    real: async ({ unguarded: ada }) => {
      const { rows, refusal } = await ada.rehearses(`${sql} RETURNING 1`);
      expect(refusal).toBeUndefined();
      expect(rows[0]).not.toEqual([]);
    },
    attempt: ({ bob }) => bob.says(`${sql} RETURNING *`),
    expectation: showsNothing,
  };
}

export const LOG: readonly Attack[] = [
  ...TABLES.map((table) =>
    reads({
      name: `selects ${table} without where`,
      where: SYSTEM,
      sql: [`SELECT *, ${WORD[table]} AS word FROM ${table}`],
    }),
  ),
  ...TABLES.map((table) => forgetsWhere(`updates ${table} without where`, `UPDATE ${table} SET owner = owner`)),
  ...TABLES.map((table) =>
    exceeds({
      name: `gives rows of ${table} to another`,
      where: SYSTEM,
      sql: [`UPDATE ${table} SET owner = ${ADA}`],
      proof: [`UPDATE ${table} SET owner = 'nobody' WHERE owner LIKE '%elsewhere%'`],
    }),
  ),
  exceeds({
    name: 'inserts a thread of another',
    where: SYSTEM,
    sql: [`INSERT INTO threads VALUES (${ADA}, 'new', 1, 1)`],
  }),
  exceeds({
    name: 'inserts an event of another',
    where: SYSTEM,
    sql: [`INSERT INTO events SELECT r.run, 9, ${ADA}, 'run_accepted', 1, 0, 'x' FROM runs r`],
  }),
  reads({
    name: 'joins all tables of the log',
    where: SYSTEM,
    sql: ['SELECT * FROM runs JOIN events USING (run) JOIN states USING (run)'],
  }),
  reads({
    name: 'reads the log in one document',
    where: SYSTEM,
    sql: ["SELECT schema_to_xml('enginehouse', true, false, '')::text AS x"],
    proof: ["SELECT table_to_xml('runs', true, false, '')::text AS x"],
  }),
  guesses({
    name: 'makes the run of another anew, which would be a conflict',
    where: SYSTEM,
    sql: (key) => [`INSERT INTO threads VALUES ('["default","bob"]', '${key.replace('otter', 'thread')}', 1, 1)`],
    proof: (key) => [`INSERT INTO threads VALUES (${ADA}, '${key.replace('otter', 'thread')}', 1, 1)`],
  }),
  // Last, because Bob's own rows go.
  ...TABLES.map((table) => forgetsWhere(`deletes ${table} without where`, `DELETE FROM ${table}`)),
];
