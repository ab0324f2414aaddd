import { afterAll, expect, test } from 'vitest';

import { DataHouse } from '../../test/support/data-house.ts';
import { PostgresDataHouses } from '../../test/support/postgres-data-house.ts';
import { hoursOf, outputBeyond, profileLedger } from './profile-ledger.ts';
import { analystMigrations, READER_VERSION, type AnalystSession } from './tables.ts';

const houses = new PostgresDataHouses();
afterAll(() => houses[Symbol.asyncDispose]());

const HOUR = 3_600_000;
const MODELS = ['zebra', 'Zebra', 'Äther', 'a-b', 'ab', 'A', '', '🦦'];

test('both databases find the same in a ledger, and order names by their bytes', async () => {
  const seen = [];
  for (const open of [DataHouse.open, (options: object) => houses.open(options)]) {
    await using house = await open({ migrations: analystMigrations });
    seen.push(await findings(house));
  }

  const [sqlite, postgres] = seen;
  expect(postgres).toEqual(sqlite);
  const byBytes = MODELS.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  expect(sqlite?.hours.slice(0, MODELS.length).map(({ model }) => model)).toEqual(byBytes);
});

async function findings(house: DataHouse) {
  const database = house.session('ada');
  await database.transaction(fill);
  const context = { database, signal: new AbortController().signal };
  return {
    profile: await profileLedger('d', context),
    hours: await Array.fromAsync(hoursOf('d', context)),
    beyond: await Array.fromAsync(outputBeyond(40, 'd', context)),
  };
}

/** A complete ledger: the last millisecond of an hour and the first of the next, for each model. */
async function fill(db: AnalystSession): Promise<void> {
  const { id } = await db
    .insertInto('enginehouse_analyst_ledger')
    .values({
      digest: 'd',
      reader: READER_VERSION,
      complete: 1,
      format: 'csv',
      columns: '{}',
      bytes: 1,
      bad_rows: 0,
      first_bad_rows: '[]',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const rows = MODELS.flatMap((model, at) =>
    [500_000 * HOUR - 1, 500_000 * HOUR].map((time, second) => ({
      ledger: id,
      line: at * 2 + second + 1,
      at: time,
      model,
      input_tokens: 100_000_000 - at,
      output_tokens: at * 10 + second,
    })),
  );
  await db.insertInto('enginehouse_analyst_row').values(rows).execute();
}
