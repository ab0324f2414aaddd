import { afterAll, expect } from 'vitest';

import { databasesContract } from '../../../../test/contract/databases.ts';
import { PostgresDataHouses } from '../../../../test/support/postgres-data-house.ts';

const houses = new PostgresDataHouses();
afterAll(() => houses[Symbol.asyncDispose]());

databasesContract({
  name: 'PostgreSQL',
  open: (options) => houses.open(options),
  says: {
    unknownTable: 'relation "nowhere" does not exist',
    brokenReference: expect.stringContaining('violates foreign key constraint'),
    brokenCheck: 'violates check constraint',
    parameter: 'SELECT $1 AS a',
    writeDenied: expect.stringMatching(/^cannot execute (INSERT|UPDATE|DELETE) in a read-only transaction$/),
  },
});
