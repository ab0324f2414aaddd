import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { databasesContract } from '../../../test/contract/databases.ts';
import { DataHouse, type DataHouseOptions } from '../../../test/support/data-house.ts';
import { until } from '../../../test/support/until.ts';
import { EnginehouseError } from '../../base/errors.ts';
import type { DatabaseTransaction } from '../../event/database-session-manager.ts';
import { DatabaseTap } from './database-tap.ts';

databasesContract({
  name: 'a database with a tap around it',
  open: async (options) => (await TappedData.open(options)).house,
  says: {
    unknownTable: 'no such table: nowhere',
    brokenReference: 'FOREIGN KEY constraint failed',
    brokenCheck: 'CHECK constraint failed',
    parameter: 'SELECT ? AS a',
    writeDenied: expect.stringMatching(/^(INSERT|UPDATE|DELETE) stock$/),
  },
});

const ENDLESS = sql`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c`;
const over = new EnginehouseError('CLOSED', 'the test has seen enough', { what: 'the test' });

class TappedData implements AsyncDisposable {
  readonly tap = new DatabaseTap({ keepOrigins: true });
  readonly house: DataHouse;

  private constructor({ databases, resources, folder }: DataHouse) {
    this.house = new DataHouse(this.tap.around(databases), resources, folder);
  }

  static async open(options?: DataHouseOptions): Promise<TappedData> {
    return new TappedData(await DataHouse.open(options));
  }

  /** A transaction that goes on when the test says so. */
  async hold(user: string) {
    const held = Promise.withResolvers<DatabaseTransaction>();
    const released = Promise.withResolvers<void>();
    const ended = this.house.session(user).transaction(async (db) => {
      await db.insertInto('stock').values({ sku: 'held', count: 1 }).execute();
      held.resolve(db);
      await released.promise;
    });
    // Told by what the test does with it.
    ended.catch(() => undefined);
    return { db: await held.promise, release: released.resolve, ended };
  }

  count(user: string, readOnly = false): Promise<number> {
    const session = this.house.session(user);
    return session.transaction(async (db) => (await db.selectFrom('stock').selectAll().execute()).length, { readOnly });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.house[Symbol.asyncDispose]();
  }
}

test('D1: a transaction is busy from when it is asked for until it has ended', async () => {
  await using data = await TappedData.open();

  const counting = data.count('ada');
  expect(data.tap.busy()).toBe(1);
  await counting;

  expect(data.tap.busy()).toBe(0);
});

test('D1: a transaction that its own code holds open is not busy, nor is the next writer behind it', async () => {
  await using data = await TappedData.open();
  const held = await data.hold('ada');
  expect(data.tap.busy()).toBe(0);

  const behind = data.count('ada');
  expect(data.tap.busy()).toBe(0);
  expect(data.tap.open()).toHaveLength(2);
  const reader = data.count('ada', true);
  const other = data.count('bob');
  expect(data.tap.busy()).toBe(2);
  expect(await Promise.all([reader, other])).toEqual([0, 0]);
  expect(data.tap.busy()).toBe(0);

  held.release();
  expect(await behind).toBe(1);
  await held.ended;
});

test('D1: a statement is busy while it runs, also that of a builder with a plugin of its own', async () => {
  await using data = await TappedData.open();
  const held = await data.hold('ada');

  const running = Promise.allSettled([ENDLESS.execute(held.db.withoutPlugins()), held.ended]);
  await until('the statement runs', () => data.tap.busy() === 1);
  await data.tap.abandon(over);

  expect(await running).toMatchObject([{ status: 'rejected' }, { status: 'rejected', reason: over }]);
  expect(data.tap.busy()).toBe(0);
});

test('D1: forgetting a user is busy', async () => {
  await using data = await TappedData.open();
  await data.count('ada');

  const forgetting = data.house.databases.forget(data.house.owner('ada'));
  expect(data.tap.busy()).toBe(1);
  await forgetting;

  expect(data.tap.busy()).toBe(0);
});

test('D2: an open transaction is known with its user, its time and the line that asked for it', async () => {
  await using data = await TappedData.open();
  const held = await data.hold('ada');

  const open = data.tap.open();
  held.release();
  await held.ended;

  expect(open).toMatchObject([{ owner: 'ada', since: expect.closeTo(Date.now(), -4) }]);
  expect(open[0]?.origin).toContain('database-tap.test.ts');
  expect(data.tap.open()).toEqual([]);
});

test('where they are not wanted, no origins are kept', async () => {
  const tap = new DatabaseTap();
  const { databases, resources, folder } = await DataHouse.open();
  await using house = new DataHouse(tap.around(databases), resources, folder);

  const counting = house.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute());
  expect(tap.open()).toMatchObject([{ owner: 'ada', origin: undefined }]);

  await counting;
});

test('what is abandoned is rolled back, and its caller is told why', async () => {
  await using data = await TappedData.open();
  const held = await data.hold('ada');

  await data.tap.abandon(over);

  await expect(held.ended).rejects.toBe(over);
  expect(data.tap.open()).toEqual([]);
  expect(await data.count('ada')).toBe(0);
});

test('only the transactions of the users that are named are abandoned', async () => {
  await using data = await TappedData.open();
  const [ada, bob] = [await data.hold('ada'), await data.hold('bob')];

  await data.tap.abandon(over, ['bob']);
  ada.release();

  await ada.ended;
  await expect(bob.ended).rejects.toBe(over);
  expect([await data.count('ada'), await data.count('bob')]).toEqual([1, 0]);
});

test('a caller’s own signal still ends its transaction', async () => {
  await using data = await TappedData.open();
  const controller = new AbortController();
  const held = data.house.session('ada').transaction(
    async (db) => {
      await db.selectFrom('stock').selectAll().execute();
      controller.abort(over);
      await new Promise(() => undefined);
    },
    { signal: controller.signal },
  );

  await expect(held).rejects.toBe(over);
  expect(data.tap.open()).toEqual([]);
});

test('a reader gets the values that a user’s statements carry and the rows that they give', async () => {
  await using data = await TappedData.open();
  const seen: [user: string, text: string][] = [];
  const stop = data.tap.onRows(({ userId }, text) => void seen.push([userId, text]));

  await data.house.session('ada').transaction(async (db) => {
    await db.insertInto('stock').values({ sku: 'mark-1', count: 1 }).execute();
    await sql`SELECT ${2n ** 60n} AS large, ${Buffer.from('mark-2')} AS bytes`.execute(db);
  });
  stop();
  await data.count('ada');

  expect(seen).toEqual([
    ['ada', '["mark-1",1]'],
    ['ada', '[]'],
    ['ada', '["1152921504606846976","mark-2"]'],
    ['ada', '[{"large":"1152921504606846976","bytes":"mark-2"}]'],
  ]);
});
