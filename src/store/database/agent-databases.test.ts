import { CamelCasePlugin, sql } from 'kysely';
import { expect, test } from 'vitest';

import { isEnginehouseError } from '../../base/errors.ts';
import { tenantId, userId } from '../../context/ids.ts';
import type { DatabaseTransaction } from '../../event/database-session-manager.ts';
import { DataHouse, owner } from '../../../test/support/data-house.ts';

const TABLES = {
  '001': `
    CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0));
    CREATE TABLE note (id INTEGER PRIMARY KEY, body ANY);
    CREATE TABLE sale (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES stock DEFERRABLE INITIALLY DEFERRED);`,
  '002_search': 'CREATE VIRTUAL TABLE page USING fts5 (text)',
};

const otter = { sku: 'otter-1', count: 3 };

test('two users with the same table see their own rows only', async () => {
  await using house = await DataHouse.open();
  await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());
  await house.session('bob').transaction((db) =>
    db
      .insertInto('stock')
      .values({ ...otter, count: 8 })
      .execute(),
  );

  const [ada, bob] = await Promise.all(
    ['ada', 'bob'].map((user) => house.session(user).transaction((db) => db.selectFrom('stock').selectAll().execute())),
  );

  expect(ada).toEqual([otter]);
  expect(bob).toEqual([{ ...otter, count: 8 }]);
});

test('owners whose names run together have different databases', async () => {
  await using house = await DataHouse.open();
  const owners = [
    { tenantId: tenantId('ab'), userId: userId('c') },
    { tenantId: tenantId('a'), userId: userId('bc') },
  ];

  const seen = [];
  for (const who of owners) {
    seen.push(
      await house.databases.transaction(
        who,
        async (db) => {
          await sql`INSERT INTO stock VALUES ('otter-1', 1)`.execute(db);
          return (await sql`SELECT count(*) AS n FROM stock`.execute(db)).rows;
        },
        {},
      ),
    );
  }

  expect(seen).toEqual([[{ n: 1 }], [{ n: 1 }]]);
});

test('work that resolves is committed, work that rejects is rolled back', async () => {
  await using house = await DataHouse.open();
  const session = house.session('ada');
  await session.transaction((db) => db.insertInto('stock').values(otter).execute());
  const failure = new Error('the parcel burst');

  const rejected = session.transaction(async (db) => {
    await db.updateTable('stock').set({ count: 0 }).execute();
    throw failure;
  });

  await expect(rejected).rejects.toBe(failure);
  expect(await session.transaction((db) => db.selectFrom('stock').selectAll().execute())).toEqual([otter]);
});

test('work that throws before it returns a promise is rolled back too', async () => {
  await using house = await DataHouse.open();
  const rejected = house.session('ada').transaction(() => {
    throw new RangeError('no');
  });

  await expect(rejected).rejects.toThrow(RangeError);
  expect(await stockOf(house, 'ada')).toEqual([]);
});

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

test.for<[given: unknown, named: string]>([
  [new Date(0), 'a Date'],
  [{ sku: 'otter' }, 'a Object'],
  [[1], 'a Array'],
  [Number.NaN, 'NaN'],
  [undefined, 'undefined'],
  [Symbol('s'), 'symbol'],
])('a parameter %o is refused by name', async ([given, named]) => {
  await using house = await DataHouse.open();

  const refused = house.session('ada').transaction((db) => sql`SELECT ${given} AS a`.execute(db));

  await expect(refused).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { sql: 'SELECT ? AS a', reason: expect.stringContaining(`parameter 1 is ${named}`) },
  });
});

test('a failing statement says its SQL, cut, and the reason, and leaves the transaction usable', async () => {
  await using house = await DataHouse.open();
  const session = house.session('ada');

  await session.transaction(async (db) => {
    const caught: unknown = await sql
      .raw(`SELECT '${'x'.repeat(600)}' FROM nowhere`)
      .execute(db)
      .catch((error: unknown) => error);
    await db.insertInto('stock').values(otter).execute();

    expect(isEnginehouseError(caught, 'DATABASE_FAILED') && caught.details.reason).toBe('no such table: nowhere');
    expect(isEnginehouseError(caught, 'DATABASE_FAILED') && caught.details.sql.length).toBe(501);
  });

  expect(await stockOf(house, 'ada')).toEqual([otter]);
});

test('the values of a failing statement are not in its error', async () => {
  await using house = await DataHouse.open();
  const failed = house
    .session('ada')
    .transaction((db) => db.insertInto('stock').values({ sku: 'secret-sku', count: -1 }).execute());

  const error: unknown = await failed.catch((caught: unknown) => caught);

  expect(JSON.stringify(error)).toContain('CHECK constraint failed');
  expect(JSON.stringify(error)).not.toContain('secret-sku');
});

test('a broken reference is found at the commit, and nothing of the transaction stays', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });
  const session = house.session('ada');

  const failed = session.transaction((db) => db.insertInto('sale').values({ sku: 'nobody' }).execute());

  await expect(failed).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { sql: 'COMMIT', reason: 'FOREIGN KEY constraint failed' },
  });
  expect(await session.transaction((db) => db.selectFrom('sale').selectAll().execute())).toEqual([]);
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

test('a statement after the end of its transaction is refused', async () => {
  await using house = await DataHouse.open();
  let kept: DatabaseTransaction | undefined;
  await house.session('ada').transaction(async (db) => {
    kept = db;
  });

  await expect(kept?.insertInto('stock').values(otter).execute()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await stockOf(house, 'ada')).toEqual([]);
});

test('statements that were not awaited undo their transaction and reach no other', async () => {
  await using house = await DataHouse.open();
  const left: Promise<PromiseSettledResult<unknown>[]>[] = [];

  const ended = house.session('ada').transaction(async (db) => {
    await db.insertInto('stock').values(otter).execute();
    for (const sku of ['first', 'second']) {
      left.push(Promise.allSettled([db.insertInto('stock').values({ sku, count: 1 }).execute()]));
    }
    // Kysely takes a few turns to hand a statement over.
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  });

  await expect(ended).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    cure: 'Await every statement inside the transaction.',
  });
  expect((await Promise.all(left)).flat()).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'CLOSED' } },
  ]);
  expect(await stockOf(house, 'ada')).toEqual([]);
});

test('statements issued together run in their order', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });

  const ids = await house
    .session('ada')
    .transaction((db) =>
      Promise.all(
        Array.from({ length: 50 }, (_, n) => db.insertInto('note').values({ body: n }).executeTakeFirstOrThrow()),
      ),
    );

  expect(ids.map(({ insertId }) => insertId)).toEqual(Array.from({ length: 50 }, (_, n) => BigInt(n + 1)));
});

test('a transaction, a connection and a stream inside a transaction are refused with a code', async () => {
  await using house = await DataHouse.open();
  await house.session('ada').transaction(async (db) => {
    const denied = expect.objectContaining({ code: 'DATABASE_DENIED' });
    expect(() => db.transaction()).toThrow(denied);
    expect(() => db.startTransaction()).toThrow(denied);
    expect(() => db.connection()).toThrow(denied);
    expect(() => db.destroy()).toThrow(denied);
    const stream = db.selectFrom('stock').selectAll().stream();
    await expect(stream.next()).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { reason: 'a transaction does not stream' },
    });
  });
});

test('plugins and introspection of Kysely work on the session', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });
  await house.session('ada').transaction(async (db) => {
    const [row] = await db
      .withPlugin(new CamelCasePlugin())
      .selectNoFrom(sql<number>`1`.as('myCount'))
      .execute();
    const tables = await db.introspection.getTables();

    expect(row).toEqual({ myCount: 1 });
    expect(tables.find(({ name }) => name === 'stock')?.columns.map(({ name }) => name)).toEqual(['sku', 'count']);
  });
});

test('a column named __proto__ is a column', async () => {
  await using house = await DataHouse.open();
  const { rows } = await house.session('ada').transaction((db) => sql`SELECT 'x' AS "__proto__", 2 AS b`.execute(db));

  expect(Object.entries(rows[0] ?? {})).toEqual([
    ['__proto__', 'x'],
    ['b', 2],
  ]);
});

test('full-text search works, read-only too', async () => {
  await using house = await DataHouse.open({ migrations: TABLES });
  const session = house.session('ada');
  await session.transaction((db) => sql`INSERT INTO page VALUES ('an otter swims'), ('a heron flies')`.execute(db));

  const found = await session.transaction((db) => sql`SELECT text FROM page WHERE page MATCH 'otter'`.execute(db), {
    readOnly: true,
  });

  expect(found.rows).toEqual([{ text: 'an otter swims' }]);
});

test('a read-only transaction sees what was committed before it, beside a writer, and not what comes later', async () => {
  await using house = await DataHouse.open();
  const session = house.session('ada');
  await session.transaction((db) => db.insertInto('stock').values(otter).execute());
  const wrote = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();

  const writing = session.transaction(async (db) => {
    await db.updateTable('stock').set({ count: 0 }).execute();
    wrote.resolve();
    await seen.promise;
  });
  await wrote.promise;
  const rows = await session.transaction((db) => db.selectFrom('stock').selectAll().execute(), { readOnly: true });
  seen.resolve();
  await writing;

  expect(rows).toEqual([otter]);
  expect(await stockOf(house, 'ada')).toEqual([{ ...otter, count: 0 }]);
});

test('writers of one user take turns in the order they came', async () => {
  await using house = await DataHouse.open();
  const session = house.session('ada');
  const order: number[] = [];
  await session.transaction((db) => db.insertInto('stock').values(otter).execute());

  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      session.transaction(async (db) => {
        const { count } = await db.selectFrom('stock').select('count').executeTakeFirstOrThrow();
        order.push(n);
        await db
          .updateTable('stock')
          .set({ count: Number(count) + 1 })
          .execute();
      }),
    ),
  );

  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(await stockOf(house, 'ada')).toEqual([{ ...otter, count: 11 }]);
});

test('200 transactions of 20 users at once all count, each for its user', async () => {
  await using house = await DataHouse.open();
  const users = Array.from({ length: 20 }, (_, n) => `user ${n}`);
  await Promise.all(
    users.map((user) =>
      house.session(user).transaction((db) => db.insertInto('stock').values({ sku: user, count: 0 }).execute()),
    ),
  );

  await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      house.session(`user ${n % 20}`).transaction((db) =>
        db
          .updateTable('stock')
          .set((eb) => ({ count: eb('count', '+', 1) }))
          .execute(),
      ),
    ),
  );

  const all = await Promise.all(users.map((user) => stockOf(house, user)));
  expect(all).toEqual(users.map((user) => [{ sku: user, count: 10 }]));
});

test('what was forgotten is gone, and the user can begin anew', async () => {
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

  await house.databases.forget(owner('ada'));

  expect(await reader).toEqual([otter]);
  expect(house.resources.remaining('database').map(({ owner: user }) => user)).toEqual(['bob']);
  expect(await stockOf(house, 'ada')).toEqual([]);
  expect(await stockOf(house, 'bob')).toEqual([otter]);
});

test('without migrations every transaction is refused', async () => {
  await using house = await DataHouse.open({ migrations: undefined });

  await expect(stockOf(house, 'ada')).rejects.toMatchObject({ code: 'DATABASE_NOT_CONFIGURED' });
});

function stockOf(house: DataHouse, user: string): Promise<object[]> {
  return house.session(user).transaction((db) => db.selectFrom('stock').selectAll().execute(), { readOnly: true });
}
