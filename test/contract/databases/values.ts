import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { otter, TABLES, type DatabaseKind } from './kind.ts';

const big = 2n ** 60n;

export function valueContract(kind: DatabaseKind): void {
  test.for<[column: 'body' | 'whole' | 'part' | 'bytes', given: unknown, kept: unknown]>([
    ['body', 'text', 'text'],
    ['body', '', ''],
    ['body', "né '🦦\\ $1 ?", "né '🦦\\ $1 ?"],
    ['whole', 7, 7],
    ['whole', -0, 0],
    ['whole', 1_763_800_000_000, 1_763_800_000_000],
    ['whole', big, big],
    ['whole', 7n, 7],
    ['whole', true, 1],
    ['whole', false, 0],
    ['part', 1.5, 1.5],
    ['part', 0.1 + 0.2, 0.1 + 0.2],
    ['part', Infinity, Infinity],
    ['body', null, null],
    ['bytes', null, null],
    ['bytes', Uint8Array.of(1, 2, 255), Uint8Array.of(1, 2, 255)],
    ['bytes', new Uint8Array(), new Uint8Array()],
  ])('in %s a parameter %o comes back as %o', async ([column, given, kept]) => {
    await using house = await kind.open({ migrations: TABLES });

    const rows = await house.session('ada').transaction(async (db) => {
      await db
        .insertInto('note')
        .values({ [column]: given })
        .execute();
      return db.selectFrom('note').select(column).execute();
    });

    expect(rows).toEqual([{ [column]: kept }]);
  });

  test('counts, sums, averages and conditions are numbers', async () => {
    await using house = await kind.open({ migrations: TABLES });

    const rows = await house.session('ada').transaction(async (db) => {
      for (const whole of [1, 2, 6])
        await db
          .insertInto('note')
          .values({ whole, part: whole / 4 })
          .execute();
      const query = sql`SELECT COUNT(*) AS n, SUM(whole) AS total, AVG(whole) AS mean, MAX(part) AS most,
                               SUM(whole) > 5 AS many, SUM(whole) / 2 AS half FROM note`;
      return (await query.execute(db)).rows;
    });

    expect(rows).toEqual([{ n: 3, total: 9, mean: 3, most: 1.5, many: 1, half: expect.any(Number) }]);
  });

  test.for<[given: unknown, named: string]>([
    [new Date(0), 'a Date'],
    [{ sku: 'otter' }, 'a Object'],
    [[1], 'a Array'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [Symbol('s'), 'symbol'],
  ])('a parameter %o is refused by name', async ([given, named]) => {
    await using house = await kind.open();

    const refused = house.session('ada').transaction((db) => sql`SELECT ${given} AS a`.execute(db));

    await expect(refused).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { sql: kind.says.parameter, reason: expect.stringContaining(`parameter 1 is ${named}`) },
    });
  });

  test('a column named __proto__ is a column', async () => {
    await using house = await kind.open();
    const { rows } = await house.session('ada').transaction((db) => sql`SELECT 'x' AS "__proto__", 2 AS b`.execute(db));

    expect(Object.entries(rows[0] ?? {})).toEqual([
      ['__proto__', 'x'],
      ['b', 2],
    ]);
  });

  test('all columns are those that the application made', async () => {
    await using house = await kind.open();
    await house.session('ada').transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      const { rows } = await sql`SELECT * FROM (SELECT * FROM stock) AS s JOIN stock AS t ON t.sku = s.sku`.execute(db);

      expect(rows).toEqual([otter]);
    });
  });
}
