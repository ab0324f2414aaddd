import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { tenantId, userId } from '../../../src/context/ids.ts';
import { otter, stockOf, TABLES, type DatabaseKind } from './kind.ts';

export function isolationContract(kind: DatabaseKind): void {
  test('two users with the same table see their own rows only', async () => {
    await using house = await kind.open();
    const bobs = { ...otter, count: 8 };
    await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());
    await house.session('bob').transaction((db) => db.insertInto('stock').values(bobs).execute());

    expect(await Promise.all(['ada', 'bob'].map((user) => stockOf(house, user)))).toEqual([[otter], [bobs]]);
  });

  test('owners whose names run together have different tables', async () => {
    await using house = await kind.open();
    const { tenantId: tenant } = house.owner('ada');
    const owners = [
      { tenantId: tenantId(`${tenant}-ab`), userId: userId('c') },
      { tenantId: tenantId(`${tenant}-a`), userId: userId('bc') },
    ];

    const seen = [];
    for (const who of owners) {
      const count = house.databases.transaction(
        who,
        async (db) => {
          await sql`INSERT INTO stock (sku, count) VALUES ('otter-1', 1)`.execute(db);
          return (await sql`SELECT count(*) AS n FROM stock`.execute(db)).rows;
        },
        {},
      );
      seen.push(await count);
    }

    expect(seen).toEqual([[{ n: 1 }], [{ n: 1 }]]);
    for (const who of owners) await house.databases.forget(who);
  });

  test('an update and a deletion without a condition reach the own rows only', async () => {
    await using house = await kind.open();
    for (const user of ['ada', 'bob']) {
      await house.session(user).transaction((db) => db.insertInto('stock').values(otter).execute());
    }

    await house.session('ada').transaction((db) => db.updateTable('stock').set({ count: 0 }).execute());
    await house.session('bob').transaction((db) => db.deleteFrom('stock').execute());

    expect([await stockOf(house, 'ada'), await stockOf(house, 'bob')]).toEqual([[{ ...otter, count: 0 }], []]);
  });

  test('a reference reaches a row of the same user only', async () => {
    await using house = await kind.open({ migrations: TABLES });
    await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());

    const refused = house
      .session('bob')
      .transaction((db) => db.insertInto('sale').values({ sku: otter.sku }).execute());

    await expect(refused).rejects.toMatchObject({ code: 'DATABASE_FAILED', details: { sql: 'COMMIT' } });
  });

  test('a view shows the own rows only', async () => {
    await using house = await kind.open({ migrations: TABLES });
    await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());

    const seen = ['ada', 'bob'].map((user) =>
      house.session(user).transaction((db) => db.selectFrom('names').selectAll().execute(), { readOnly: true }),
    );

    expect(await Promise.all(seen)).toEqual([[{ sku: otter.sku }], []]);
  });

  test('a read-only transaction sees what was committed before it, beside a writer, and not what comes later', async () => {
    await using house = await kind.open();
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
    const both = await session.transaction(
      async (db) => {
        const before = await db.selectFrom('stock').selectAll().execute();
        seen.resolve();
        await writing;
        return [before, await db.selectFrom('stock').selectAll().execute()];
      },
      { readOnly: true },
    );

    expect(both).toEqual([[otter], [otter]]);
    expect(await stockOf(house, 'ada')).toEqual([{ ...otter, count: 0 }]);
  });

  test('writers of one user take turns in the order they came', async () => {
    await using house = await kind.open();
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
    await using house = await kind.open();
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
    await using house = await kind.open({ migrations: TABLES });
    for (const user of ['ada', 'bob']) {
      await house.session(user).transaction(async (db) => {
        await db.insertInto('stock').values(otter).execute();
        await db.insertInto('sale').values({ sku: otter.sku }).execute();
      });
    }

    await house.databases.forget(house.owner('ada'));

    expect([await stockOf(house, 'ada'), await stockOf(house, 'bob')]).toEqual([[], [otter]]);
    await house.session('ada').transaction((db) => db.insertInto('stock').values(otter).execute());
    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('forgetting a user who was never here is nothing', async () => {
    await using house = await kind.open();

    await house.databases.forget(house.owner('nobody'));

    expect(await stockOf(house, 'nobody')).toEqual([]);
  });

  test('without migrations every transaction is refused', async () => {
    await using house = await kind.open({ migrations: undefined });

    await expect(stockOf(house, 'ada')).rejects.toMatchObject({ code: 'DATABASE_NOT_CONFIGURED' });
  });

  test('after the end everything is refused, and nothing is open', async () => {
    const house = await kind.open();
    await stockOf(house, 'ada');
    await house.databases.close();

    await expect(stockOf(house, 'ada')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(house.resources.remaining()).toEqual([]);
  });
}
