import { sql, type Kysely } from 'kysely';
import { expect, test } from 'vitest';

import { otter, stockOf, type DatabaseKind } from './kind.ts';

const SEED = "INSERT INTO stock (sku, count) VALUES ('otter-1', 3)";

export function seedContract(kind: DatabaseKind): void {
  test('each user has the rows of the seed before their first transaction, also a read-only one', async () => {
    await using house = await kind.open({ seed: SEED });

    expect(await stockOf(house, 'ada')).toEqual([otter]);
    await house.session('bob').transaction((db) => db.updateTable('stock').set({ count: 1 }).execute());

    expect([await stockOf(house, 'ada'), await stockOf(house, 'bob')]).toEqual([[otter], [{ ...otter, count: 1 }]]);
  });

  test('a seed may be a function of Kysely, or one per database', async () => {
    const seed = async (db: Kysely<never>): Promise<void> => {
      await sql`INSERT INTO stock (sku, count) VALUES (${'otter-1'}, ${3})`.execute(db);
    };

    for (const each of [seed, { sqlite: SEED, postgres: SEED }, { sqlite: seed, postgres: seed }]) {
      await using house = await kind.open({ seed: each });
      expect(await stockOf(house, 'ada')).toEqual([otter]);
    }
  });

  test('the first transactions of a user at once find it sown once', async () => {
    let runs = 0;
    const seed = async (db: Kysely<never>): Promise<void> => {
      runs += 1;
      await sql.raw(SEED).execute(db);
    };
    await using house = await kind.open({ seed });

    const all = await Promise.all(Array.from({ length: 8 }, () => stockOf(house, 'ada')));

    expect(all).toEqual(Array.from({ length: 8 }, () => [otter]));
    expect(runs).toBe(1);
  });

  test('a failing seed leaves nothing, is named, and is tried again', async () => {
    let attempts = 0;
    const seed = async (db: Kysely<never>): Promise<void> => {
      attempts += 1;
      await sql.raw(SEED).execute(db);
      if (attempts === 1) throw new Error('the lamp went out');
    };
    await using house = await kind.open({ seed });

    await expect(stockOf(house, 'ada')).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      details: { migration: 'database.seed', reason: 'the lamp went out' },
    });
    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('a user who was forgotten is seeded anew', async () => {
    await using house = await kind.open({ seed: SEED });
    await house.session('ada').transaction((db) => db.deleteFrom('stock').execute());
    expect(await stockOf(house, 'ada')).toEqual([]);

    await house.databases.forget(house.owner('ada'));

    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('a seed sees the tables of its user only', async () => {
    const seed = "INSERT INTO stock (sku, count) SELECT 'of-' || count(*), 1 FROM stock";
    await using house = await kind.open({ seed });
    await stockOf(house, 'ada');

    expect(await stockOf(house, 'bob')).toEqual([{ sku: 'of-0', count: 1 }]);
  });
}
