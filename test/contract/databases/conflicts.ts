import { sql } from 'kysely';
import { expect, test } from 'vitest';

import type { Migrations } from '../../../src/event/migrations.ts';
import { otter, stockOf, type DatabaseKind } from './kind.ts';

const TAKEN = { sku: otter.sku, count: 1 };

const LABELS: Migrations = {
  '001': `
    CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER NOT NULL);
    CREATE UNIQUE INDEX stock_label ON stock (lower(sku)) WHERE count > 0;`,
};

export function conflictContract(kind: DatabaseKind): void {
  test('onConflict on a column updates the own row', async () => {
    await using house = await kind.open();
    for (const user of ['ada', 'bob']) {
      await house.session(user).transaction((db) => db.insertInto('stock').values(otter).execute());
    }

    await house.session('ada').transaction((db) =>
      db
        .insertInto('stock')
        .values(TAKEN)
        .onConflict((conflict) => conflict.column('sku').doUpdateSet((eb) => ({ count: eb.ref('excluded.count') })))
        .execute(),
    );

    expect([await stockOf(house, 'ada'), await stockOf(house, 'bob')]).toEqual([[TAKEN], [otter]]);
  });

  test('onConflict with a condition, and without a column, keeps the row', async () => {
    await using house = await kind.open();
    await house.session('ada').transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      await db
        .insertInto('stock')
        .values(TAKEN)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await db
        .insertInto('stock')
        .values(TAKEN)
        .onConflict((conflict) => conflict.columns(['sku']).doUpdateSet({ count: 0 }).where('stock.count', '>', 100))
        .execute();
    });

    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('onConflict on an expression finds the index on it', async () => {
    await using house = await kind.open({ migrations: LABELS });
    await house.session('ada').transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      await db
        .insertInto('stock')
        .values({ sku: 'OTTER-1', count: 9 })
        .onConflict((conflict) =>
          conflict
            .expression(sql`lower(sku)`)
            .where(sql<boolean>`count > 0`)
            .doNothing(),
        )
        .execute();
    });

    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });
}
