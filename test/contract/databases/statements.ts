import { CamelCasePlugin, sql } from 'kysely';
import { expect, test } from 'vitest';

import { isEnginehouseError } from '../../../src/base/errors.ts';
import type { DatabaseTransaction } from '../../../src/event/database-session-manager.ts';
import { otter, stockOf, TABLES, type DatabaseKind } from './kind.ts';

const NO_TABLES = {};

export function statementContract(kind: DatabaseKind): void {
  transactionEnds(kind);
  failingStatements(kind);
  strayStatements(kind);
  refusedStatements(kind);
}

function transactionEnds(kind: DatabaseKind): void {
  test('work that resolves is committed, work that rejects is rolled back', async () => {
    await using house = await kind.open();
    const session = house.session('ada');
    await session.transaction((db) => db.insertInto('stock').values(otter).execute());
    const failure = new Error('the parcel burst');

    const rejected = session.transaction(async (db) => {
      await db.updateTable('stock').set({ count: 0 }).execute();
      throw failure;
    });

    await expect(rejected).rejects.toBe(failure);
    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('work that throws before it returns a promise is rolled back too', async () => {
    await using house = await kind.open();
    const rejected = house.session('ada').transaction(() => {
      throw new RangeError('no');
    });

    await expect(rejected).rejects.toThrow(RangeError);
    expect(await stockOf(house, 'ada')).toEqual([]);
  });

  test('work without a statement is a transaction too', async () => {
    await using house = await kind.open();

    expect(await house.session('ada').transaction(async () => 'done')).toBe('done');
  });

  test('an application without tables may still ask', async () => {
    await using house = await kind.open({ migrations: NO_TABLES });

    const asked = house.session('ada').transaction((db) => sql`SELECT 1 AS one`.execute(db));

    expect((await asked).rows).toEqual([{ one: 1 }]);
  });

  test('results tell counts and returned rows', async () => {
    await using house = await kind.open();
    await house.session('ada').transaction(async (db) => {
      const inserted = await db
        .insertInto('stock')
        .values(['a', 'b', 'c'].map((sku) => ({ sku, count: 1 })))
        .executeTakeFirstOrThrow();
      const returned = await db.insertInto('stock').values({ sku: 'd', count: 4 }).returningAll().execute();
      const updated = await db.updateTable('stock').set({ count: 2 }).where('sku', '>', 'b').executeTakeFirstOrThrow();
      const deleted = await db.deleteFrom('stock').executeTakeFirstOrThrow();

      expect(inserted.numInsertedOrUpdatedRows).toBe(3n);
      expect(returned).toEqual([{ sku: 'd', count: 4 }]);
      expect([updated.numUpdatedRows, deleted.numDeletedRows]).toEqual([2n, 4n]);
    });
  });

  test('a broken reference is found at the commit, and nothing of the transaction stays', async () => {
    await using house = await kind.open({ migrations: TABLES });
    const session = house.session('ada');

    const failed = session.transaction((db) => db.insertInto('sale').values({ sku: 'nobody' }).execute());

    await expect(failed).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { sql: 'COMMIT', reason: kind.says.brokenReference },
    });
    expect(await session.transaction((db) => db.selectFrom('sale').selectAll().execute())).toEqual([]);
  });

  test('statements issued together run in their order', async () => {
    await using house = await kind.open({ migrations: TABLES });

    const rows = await house.session('ada').transaction(async (db) => {
      await Promise.all(Array.from({ length: 50 }, (_, n) => db.insertInto('note').values({ whole: n }).execute()));
      return db.selectFrom('note').select('whole').orderBy('id').execute();
    });

    expect(rows).toEqual(Array.from({ length: 50 }, (_, whole) => ({ whole })));
  });

  test('plugins and introspection of Kysely work on the session', async () => {
    await using house = await kind.open({ migrations: TABLES });
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
}

function failingStatements(kind: DatabaseKind): void {
  test('a failing statement says its SQL, cut, and the reason, and leaves the transaction usable', async () => {
    await using house = await kind.open();
    const session = house.session('ada');

    await session.transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      const caught: unknown = await sql
        .raw(`SELECT '${'x'.repeat(600)}' FROM nowhere`)
        .execute(db)
        .catch((error: unknown) => error);
      await db.insertInto('stock').values({ sku: 'badger-2', count: 1 }).execute();

      expect(isEnginehouseError(caught, 'DATABASE_FAILED') && caught.details.reason).toBe(kind.says.unknownTable);
      expect(isEnginehouseError(caught, 'DATABASE_FAILED') && caught.details.sql.length).toBe(501);
    });

    expect(await stockOf(house, 'ada')).toEqual([{ sku: 'badger-2', count: 1 }, otter]);
  });

  test('a transaction whose last statement failed, and that goes on, is committed', async () => {
    await using house = await kind.open();

    await house.session('ada').transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      await expect(db.insertInto('stock').values(otter).execute()).rejects.toMatchObject({ code: 'DATABASE_FAILED' });
    });

    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test('the values of a failing statement are not in its error', async () => {
    await using house = await kind.open();
    const failed = house
      .session('ada')
      .transaction((db) => db.insertInto('stock').values({ sku: 'secret-sku', count: -1 }).execute());

    const error: unknown = await failed.catch((caught: unknown) => caught);

    expect(JSON.stringify(error)).toContain(kind.says.brokenCheck);
    expect(JSON.stringify(error)).not.toContain('secret-sku');
  });
}

function strayStatements(kind: DatabaseKind): void {
  test('a statement after the end of its transaction is refused', async () => {
    await using house = await kind.open();
    let kept: DatabaseTransaction | undefined;
    await house.session('ada').transaction(async (db) => {
      kept = db;
    });

    await expect(kept?.insertInto('stock').values(otter).execute()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await stockOf(house, 'ada')).toEqual([]);
  });

  test('statements that were not awaited undo their transaction and reach no other', async () => {
    await using house = await kind.open();
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

  test('a transaction, a connection and a stream inside a transaction are refused with a code', async () => {
    await using house = await kind.open();
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
}

function refusedStatements(kind: DatabaseKind): void {
  test.for([
    'COMMIT',
    'ROLLBACK',
    'BEGIN',
    '/* x */ -- y\n COMMIT',
    'SAVEPOINT mine',
    'RELEASE enginehouse_statement',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP TABLE stock',
    'SELECT 1\0; DROP TABLE stock',
    'CREATE TABLE mine (a INTEGER)',
    'CREATE TEMP TABLE mine (a INTEGER)',
    'CREATE INDEX mine ON stock (count)',
    'DROP TABLE stock',
    'ALTER TABLE stock RENAME TO mine',
  ])('%s is denied, and the transaction goes on', async (text) => {
    await using house = await kind.open();

    await house.session('ada').transaction(async (db) => {
      await db.insertInto('stock').values(otter).execute();
      await expect(sql.raw(text).execute(db)).rejects.toMatchObject({ code: 'DATABASE_DENIED' });
    });

    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test.for([
    "INSERT INTO stock (sku, count) VALUES ('a', 1)",
    'UPDATE stock SET count = 0',
    'DELETE FROM stock',
    'WITH x AS (SELECT 1 AS one) DELETE FROM stock WHERE count IN (SELECT one FROM x)',
    "INSERT INTO stock (sku, count) VALUES ('a', 1) RETURNING sku",
  ])('a read-only transaction refuses %s', async (write) => {
    await using house = await kind.open();
    const session = house.session('ada');
    await session.transaction((db) => db.insertInto('stock').values(otter).execute());

    const denied = session.transaction((db) => sql.raw(write).execute(db), { readOnly: true });

    await expect(denied).rejects.toMatchObject({
      code: 'DATABASE_DENIED',
      details: { action: kind.says.writeDenied },
    });
    expect(await stockOf(house, 'ada')).toEqual([otter]);
  });

  test.for(['', ' ', '-- nothing', '/* nothing */'])('a text without a statement fails: %o', async (text) => {
    await using house = await kind.open();

    const failed = house.session('ada').transaction((db) => sql.raw(text).execute(db));

    await expect(failed).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { sql: text, reason: 'The SQL query contains no statements.' },
    });
  });
}
