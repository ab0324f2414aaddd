import { sql, type Kysely } from 'kysely';
import { afterAll, expect, test } from 'vitest';

import { TestClock } from '../../../testing/test-clock.ts';
import { asAdmin } from '../../../../test/support/postgres-database.ts';
import { PostgresDataHouses } from '../../../../test/support/postgres-data-house.ts';
import type { DataHouse } from '../../../../test/support/data-house.ts';

const houses = new PostgresDataHouses();
afterAll(() => houses[Symbol.asyncDispose]());

const SETTINGS = sql<Record<string, string>>`
  SELECT current_setting('search_path') AS path, current_setting('work_mem') AS memory, current_setting('role') AS role,
         coalesce(current_setting('my.note', true), '') AS note, current_setting('TimeZone') AS zone`;

test.for(['commits', 'rolls back'])('nothing of a session outlives a transaction that %s', async (end) => {
  await using house = await houses.open({ limits: { databaseWorkers: 1 } });
  const before = await settingsOf(house);

  await house
    .session('ada')
    .transaction(async (db) => {
      await sql`SELECT set_config('search_path', 'pg_catalog', false), set_config('work_mem', '64kB', false),
                       set_config('my.note', 'ada was here', false), set_config('TimeZone', 'Asia/Tokyo', false),
                       set_config('enginehouse.principal', 'x', false), setseed(0.5)`.execute(db);
      if (end === 'rolls back') throw new Error('no');
    })
    .catch(() => undefined);

  expect(await settingsOf(house)).toEqual(before);
});

test('the random numbers of one user do not follow from the seed of another', async () => {
  await using house = await houses.open({ limits: { databaseWorkers: 1 } });
  const random = (user: string, seeded: boolean) =>
    house.session(user).transaction(async (db) => {
      if (seeded) await sql`SELECT setseed(0.5)`.execute(db);
      return (await sql`SELECT random() AS number`.execute(db)).rows;
    });

  const [first] = [await random('ada', true)];
  await house.session('ada').transaction((db) => sql`SELECT setseed(0.5)`.execute(db));

  expect(await random('bob', false)).not.toEqual(first);
});

test.for([true, false])(
  'SQL cannot free its next statement from the server’s limit (set_config local: %s)',
  async (local) => {
    // Our own timer never fires: it is the server that ends the statement.
    await using house = await houses.open({ clock: new TestClock(), limits: { statementTimeoutMs: 400 } });

    const ended = house.session('ada').transaction(async (db) => {
      await sql`SELECT set_config('statement_timeout', '0', ${local})`.execute(db);
      await sql`SELECT pg_sleep(20)`.execute(db);
    });

    await expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT', details: { timeoutMs: 400 } });
    expect(await skus(house, 'ada')).toEqual([]);
  },
);

test('connections that the server ended while they idled are nobody’s failure', async () => {
  await using house = await houses.open({ limits: { databaseWorkers: 2 } });
  await insert(house, 'ada', 'otter');

  await endConnections();

  expect(await skus(house, 'ada')).toEqual(['otter']);
});

test('a transaction whose connection breaks is rolled back and says so, and the next has another', async () => {
  await using house = await houses.open();

  const broken = house.session('ada').transaction(async (db) => {
    await db.insertInto('stock').values({ sku: 'undone', count: 1 }).execute();
    await endConnections();
    await db.selectFrom('stock').selectAll().execute();
  });

  await expect(broken).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    cure: 'Run the whole transaction again: this one was rolled back.',
  });
  expect(await skus(house, 'ada')).toEqual([]);
});

test('a break at the commit says that nobody knows', async () => {
  await using house = await houses.open();

  const broken = house.session('ada').transaction(async (db) => {
    await db.insertInto('stock').values({ sku: 'undone', count: 1 }).execute();
    await endConnections();
  });

  await expect(broken).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { sql: 'COMMIT', reason: expect.stringContaining('nobody knows') },
  });
});

test('two processes seed a user once', async () => {
  let runs = 0;
  const seed = async (db: Kysely<never>): Promise<void> => {
    runs += 1;
    await sql`INSERT INTO stock (sku, count) VALUES ('otter', 1)`.execute(db);
  };
  await using one = await houses.open({ seed, tenant: 'seeded' });
  await using other = await houses.open({ seed, tenant: 'seeded' });

  const seen = await Promise.all([one, other, one, other].map((house) => skus(house, 'ada')));

  expect(seen).toEqual([['otter'], ['otter'], ['otter'], ['otter']]);
  expect(runs).toBe(1);
});

test('a user who was forgotten by another process is seeded again by the transaction after next', async () => {
  const seed = "INSERT INTO stock (sku, count) VALUES ('otter', 1)";
  await using one = await houses.open({ seed, tenant: 'forgotten' });
  await using other = await houses.open({ seed, tenant: 'forgotten' });
  await skus(one, 'ada');

  await other.databases.forget(other.owner('ada'));
  await one.session('ada').transaction((db) => sql`SELECT 1`.execute(db));

  expect(await skus(one, 'ada')).toEqual(['otter']);
});

test('writers of one user take turns across processes', async () => {
  await using one = await houses.open({ tenant: 'turns' });
  await using other = await houses.open({ tenant: 'turns' });
  await insert(one, 'ada', 'otter');

  const sessions = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).session('ada'));
  await Promise.all(
    sessions.map((session) =>
      session.transaction(async (db) => {
        const { count } = await db.selectFrom('stock').select('count').executeTakeFirstOrThrow();
        await db
          .updateTable('stock')
          .set({ count: Number(count) + 1 })
          .execute();
      }),
    ),
  );

  const rows = await one.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute());
  expect(rows).toEqual([{ sku: 'otter', count: 21 }]);
});

test('who waits too long for the writer in another process is told that it is busy', async () => {
  await using one = await houses.open({ tenant: 'busy' });
  await using other = await houses.open({ tenant: 'busy', limits: { statementTimeoutMs: 300 } });
  await skus(other, 'ada');

  await one.session('ada').transaction(async (db) => {
    await db.selectFrom('stock').selectAll().execute();
    await expect(insert(other, 'ada', 'otter')).rejects.toMatchObject({
      code: 'DATABASE_BUSY',
      retryAfterMs: 1_000,
    });
  });

  await insert(other, 'ada', 'otter');
});

test('a value that has no place in a number is not shown', async () => {
  await using house = await houses.open();

  const failed = house
    .session('ada')
    .transaction((db) => db.insertInto('stock').values({ sku: 'a', count: 'my "secret" number' }).execute());

  await expect(failed).rejects.toMatchObject({ details: { reason: 'invalid input syntax for type integer: "…"' } });
});

test('more parameters than the protocol can count are refused', async () => {
  await using house = await houses.open();
  const values = Array.from({ length: 32_768 }, (_, n) => ({ sku: `s${n}`, count: n }));

  const refused = house.session('ada').transaction((db) => db.insertInto('stock').values(values).execute());

  await expect(refused).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { reason: 'it has 65536 parameters, and PostgreSQL takes 65535' },
  });
});

test('one value that is larger than everything allowed is given up before it is whole', async () => {
  await using house = await houses.open({ limits: { databaseResultBytes: 65_536 } });

  const tooMuch = house.session('ada').transaction((db) => sql`SELECT repeat('x', 200000000) AS a`.execute(db));

  await expect(tooMuch).rejects.toMatchObject({ code: 'DATABASE_RESULT_TOO_LARGE' });
});

test('whole numbers are numbers as far as they are exact, other types are text', async () => {
  await using house = await houses.open();

  const { rows } = await house.session('ada').transaction((db) =>
    sql`SELECT 7::int8 AS small, 9007199254740993::int8 AS large, 12345678901234567890::numeric AS vast, 1.50::numeric AS part,
               true AS yes, '2026-11-22'::date AS day, '{"a": 1}'::jsonb AS json, 5::oid AS id, NULL::int8 AS nothing`.execute(
      db,
    ),
  );

  expect(rows).toEqual([
    {
      small: 7,
      large: 9_007_199_254_740_993n,
      vast: 12_345_678_901_234_567_890n,
      part: 1.5,
      yes: 1,
      day: '2026-11-22',
      json: '{"a": 1}',
      id: 5,
      nothing: null,
    },
  ]);
});

test.for([
  'EXPLAIN SELECT * FROM stock',
  'COPY stock TO STDOUT',
  'LISTEN x',
  'DO $$ BEGIN END $$',
  'SET ROLE postgres',
  'TRUNCATE stock',
])('%s is denied', async (text) => {
  await using house = await houses.open();

  const denied = house.session('ada').transaction((db) => sql.raw(text).execute(db));

  await expect(denied).rejects.toMatchObject({ code: 'DATABASE_DENIED' });
});

function insert(house: DataHouse, user: string, sku: string): Promise<unknown> {
  return house.session(user).transaction((db) => db.insertInto('stock').values({ sku, count: 1 }).execute());
}

async function skus(house: DataHouse, user: string): Promise<readonly unknown[]> {
  const rows = await house
    .session(user)
    .transaction((db) => db.selectFrom('stock').select('sku').orderBy('sku').execute(), { readOnly: true });
  return rows.map(({ sku }) => sku);
}

async function settingsOf(house: DataHouse): Promise<unknown> {
  const { rows } = await house.session('bob').transaction((db) => SETTINGS.execute(db));
  return rows[0];
}

/** The server ends every connection of the agents' login, as it does when it is restarted. */
async function endConnections(): Promise<void> {
  const { url, roles } = await houses.database();
  await asAdmin(url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '${roles.agent}'`);
}
