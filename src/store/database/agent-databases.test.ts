import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { databasesContract } from '../../../test/contract/databases.ts';
import { DataHouse } from '../../../test/support/data-house.ts';

databasesContract({
  name: 'SQLite',
  open: (options) => DataHouse.open(options),
  says: {
    unknownTable: 'no such table: nowhere',
    brokenReference: 'FOREIGN KEY constraint failed',
    brokenCheck: 'CHECK constraint failed',
    parameter: 'SELECT ? AS a',
    writeDenied: expect.stringMatching(/^(INSERT|UPDATE|DELETE) stock$/),
  },
});

const TABLES = {
  '001': `
    CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0));
    CREATE TABLE note (id INTEGER PRIMARY KEY, body ANY);`,
  '002_search': 'CREATE VIRTUAL TABLE page USING fts5 (text)',
};

const otter = { sku: 'otter-1', count: 3 };

test('results tell ids, counts and returned rows', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });
  await house.session('ada').transaction(async (db) => {
    const first = await db.insertInto('note').values({ body: 'a' }).executeTakeFirstOrThrow();
    const second = await db
      .insertInto('note')
      .values([{ body: 'b' }, { body: 'c' }])
      .executeTakeFirstOrThrow();
    const returned = await db.insertInto('note').values({ body: 'd' }).returning(['id', 'body']).execute();
    const updated = await db.updateTable('note').set({ body: 'e' }).where('id', '>', 2).executeTakeFirstOrThrow();
    const deleted = await db.deleteFrom('note').executeTakeFirstOrThrow();

    expect([first.insertId, second.insertId, second.numInsertedOrUpdatedRows]).toEqual([1n, 3n, 2n]);
    expect(returned).toEqual([{ id: 4, body: 'd' }]);
    expect([updated.numUpdatedRows, deleted.numDeletedRows]).toEqual([2n, 4n]);
  });
});

const big = 2n ** 60n;

test.for<[given: unknown, kept: unknown, type: string]>([
  ['text', 'text', 'text'],
  ['', '', 'text'],
  ['né\u0000 🦦', 'né\u0000 🦦', 'text'],
  [7, 7, 'integer'],
  [-0, 0, 'integer'],
  [1_763_800_000_000, 1_763_800_000_000, 'integer'],
  [1.5, 1.5, 'real'],
  [Infinity, Infinity, 'real'],
  [big, big, 'integer'],
  [7n, 7, 'integer'],
  [true, 1, 'integer'],
  [false, 0, 'integer'],
  [null, null, 'null'],
  [Uint8Array.of(1, 2, 255), Uint8Array.of(1, 2, 255), 'blob'],
  [new Uint8Array(), new Uint8Array(), 'blob'],
])('a parameter %o comes back as %o, kept as %s', async ([given, kept, type]) => {
  await using house = await DataHouse.open({ migrations: TABLES });

  const rows = await house.session('ada').transaction(async (db) => {
    await db.insertInto('note').values({ body: given }).execute();
    return (await sql`SELECT body, typeof(body) AS type FROM note`.execute(db)).rows;
  });

  expect(rows).toEqual([{ body: kept, type }]);
});

test.for(['INSERT OR ROLLBACK INTO stock VALUES (1, -1)', 'UPDATE OR ROLLBACK stock SET count = -1'])(
  'after SQLite rolled back by itself, nothing more runs outside a transaction: %s',
  async (text) => {
    await using house = await DataHouse.open();
    await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());

    const failed = house.session('ada').transaction(async (db) => {
      await sql
        .raw(text)
        .execute(db)
        .catch(() => undefined);
      await db
        .insertInto('stock')
        .values({ sku: 'escaped', count: 1 })
        .execute()
        .catch(() => undefined);
    });

    await expect(failed).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { reason: expect.stringContaining('rolled the transaction back') },
    });
    expect(await stockOf(house, 'ada')).toEqual([otter]);
  },
);

test('full-text search works, read-only too', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });
  const session = house.session('ada');
  await session.transaction((db) => sql`INSERT INTO page VALUES ('an otter swims'), ('a heron flies')`.execute(db));

  const found = await session.transaction((db) => sql`SELECT text FROM page WHERE page MATCH 'otter'`.execute(db), {
    readOnly: true,
  });

  expect(found.rows).toEqual([{ text: 'an otter swims' }]);
});

test('forgetting waits for readers and closes the file', async () => {
  await using house = await DataHouse.open();
  const reading = Promise.withResolvers<void>();
  await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());
  await house.session('bob').transaction((db) => db.insertInto('stock').values(otter).execute());
  const reader = house.session('ada').transaction(
    async (db) => {
      reading.resolve();
      return db.selectFrom('stock').selectAll().execute();
    },
    { readOnly: true },
  );
  await reading.promise;

  await house.databases.forget(house.owner('ada'));

  expect(await reader).toEqual([otter]);
  expect(house.resources.remaining('database').map(({ owner: user }) => user)).toEqual(['bob']);
  expect(await stockOf(house, 'ada')).toEqual([]);
  expect(await stockOf(house, 'bob')).toEqual([otter]);
});

function stockOf(house: DataHouse, user: string): Promise<object[]> {
  return house.session(user).transaction((db) => db.selectFrom('stock').selectAll().execute(), { readOnly: true });
}
