/** An application of 25 tables with an index each: what copying and emptying its database costs. */

import type { TemplatePlan } from '../src/testing/postgres/template-hash.ts';

export const TABLES = Array.from({ length: 25 }, (_, nth) => `things_${nth + 1}`);

export const plan: TemplatePlan = {
  migrations: {
    '001_things': TABLES.map(
      (table) =>
        `CREATE TABLE ${table} (id text PRIMARY KEY, label text NOT NULL, count integer NOT NULL);
         CREATE INDEX ${table}_by_label ON ${table} (label);`,
    ).join('\n'),
  },
  seed: undefined,
};
