import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { sql, type Kysely } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';

import type { Migrations, Seed } from '../../event/migrations.ts';
import { DataHouse, temporaryFolder } from '../../../test/support/data-house.ts';

const FIRST = 'CREATE TABLE stock (sku TEXT PRIMARY KEY)';

test('migrations run once each, in the order of their names, whatever the order they are written in', async () => {
  const folder = await ownFolder();
  const ran: string[] = [];
  const note = (name: string) => async (db: Kysely<never>) => {
    ran.push(name);
    await sql`INSERT INTO stock VALUES (${name})`.execute(db);
  };
  const migrations = { '010_c': note('c'), '002_b': note('b'), '001_a': FIRST };

  await skus(folder, migrations);
  const rows = await skus(folder, migrations);

  expect(ran).toEqual(['b', 'c']);
  expect(rows).toEqual(['b', 'c']);
  expect(await recorded(folder)).toMatchObject([
    { name: '001_a', checksum: expect.stringMatching(/^[0-9a-f]{64}$/) },
    { name: '002_b', checksum: 'function' },
    { name: '010_c', checksum: 'function' },
  ]);
});

test('a new migration runs where the earlier ones have run', async () => {
  const folder = await ownFolder();
  await skus(folder, { '001': FIRST });

  expect(await skus(folder, { '001': FIRST, '002': "INSERT INTO stock VALUES ('new')" })).toEqual(['new']);
});

test('each user’s database is migrated by itself', async () => {
  await using house = await DataHouse.open({
    migrations: { '001': FIRST, '002': "INSERT INTO stock VALUES ('given')" },
  });

  const rows = await Promise.all(
    ['ada', 'bob'].map((user) => house.session(user).transaction((db) => db.selectFrom('stock').selectAll().execute())),
  );

  expect(rows).toEqual([[{ sku: 'given' }], [{ sku: 'given' }]]);
});

test('a migration written with Kysely’s schema builder runs, and may rebuild a table that others refer to', async () => {
  const migrations: Migrations = {
    '001': async (db) => {
      await db.schema
        .createTable('stock')
        .addColumn('sku', 'text', (column) => column.primaryKey())
        .execute();
      await db.schema
        .createTable('sale')
        .addColumn('sku', 'text', (column) => column.references('stock.sku').onDelete('cascade'))
        .execute();
      await sql`INSERT INTO stock VALUES ('otter')`.execute(db);
      await sql`INSERT INTO sale VALUES ('otter')`.execute(db);
    },
    '002': `
      CREATE TABLE stock_new (sku TEXT PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0);
      INSERT INTO stock_new (sku) SELECT sku FROM stock;
      DROP TABLE stock;
      ALTER TABLE stock_new RENAME TO stock;
      CREATE INDEX sale_sku ON sale (sku);
      ANALYZE;`,
  };
  await using house = await DataHouse.open({ migrations });

  await house.session('ada').transaction(async (db) => {
    expect(await db.selectFrom('stock').selectAll().execute()).toEqual([{ sku: 'otter', count: 0 }]);
    expect(await db.selectFrom('sale').selectAll().execute()).toEqual([{ sku: 'otter' }]);
    await db.deleteFrom('stock').execute();
    expect(await db.selectFrom('sale').selectAll().execute()).toEqual([]);
  });
});

test('a migration that leaves a broken reference fails', async () => {
  const migrations = {
    '001': 'CREATE TABLE stock (sku TEXT PRIMARY KEY); CREATE TABLE sale (sku TEXT REFERENCES stock)',
    '002': "INSERT INTO sale VALUES ('nobody')",
  };
  const folder = await ownFolder();

  await expect(skus(folder, migrations)).rejects.toMatchObject(
    failed('002', 'a row of sale refers to a row of stock that is not there'),
  );
  expect(await recorded(folder)).toMatchObject([{ name: '001' }]);
});

test.for<[what: string, migrations: Migrations, migration: string, reason: string]>([
  ['changed text', { '001': `${FIRST} `, '003': 'SELECT 1' }, '001', 'it was changed after it ran'],
  [
    'text that became a function',
    { '001': async () => undefined, '003': 'SELECT 1' },
    '001',
    'it was changed after it ran',
  ],
  ['one taken away', { '003': 'SELECT 1' }, '001', 'it has run and is no longer declared'],
  ['the last taken away', { '001': FIRST }, '003', 'it has run and is no longer declared'],
  [
    'one put in between',
    { '001': FIRST, '002': 'SELECT 2', '003': 'SELECT 1' },
    '002',
    'it has not run, but 003, which comes after it, has',
  ],
])('%s is refused, and the data stays as it was', async ([, changed, migration, reason]) => {
  const folder = await ownFolder();
  const original = { '001': FIRST, '003': 'SELECT 1' };
  await skus(folder, original);

  await expect(skus(folder, changed)).rejects.toMatchObject(failed(migration, reason));
  expect(await skus(folder, original)).toEqual([]);
});

test('a failing migration leaves what was before it, and is tried again', async () => {
  await using house = await DataHouse.open({
    migrations: {
      '001': FIRST,
      '002': async (db) => {
        await sql`INSERT INTO stock VALUES ('half')`.execute(db);
        attempts += 1;
        if (attempts === 1) throw new Error('the lamp went out');
      },
    },
  });
  let attempts = 0;
  const rows = () => house.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute());

  await expect(rows()).rejects.toMatchObject({
    ...failed('002', 'the lamp went out'),
    cause: new Error('the lamp went out'),
  });
  expect(await rows()).toEqual([{ sku: 'half' }]);
  expect(attempts).toBe(2);
});

test('a failing text leaves nothing of itself', async () => {
  const folder = await ownFolder();
  const broken = { '001': FIRST, '002': "INSERT INTO stock VALUES ('half'); INSERT INTO nowhere VALUES (1)" };

  await expect(skus(folder, broken)).rejects.toMatchObject(
    failed('002', expect.stringContaining('no such table: nowhere')),
  );
  expect(await skus(folder, { '001': FIRST })).toEqual([]);
});

test('many first transactions of one user migrate once', async () => {
  let times = 0;
  await using house = await DataHouse.open({
    migrations: {
      '001': FIRST,
      '002': async () => {
        times += 1;
      },
    },
  });

  await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      house.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute(), { readOnly: n % 2 === 0 }),
    ),
  );

  expect(times).toBe(1);
});

test('an abort while a migration runs rolls it back, and the next transaction runs it', async () => {
  const began = Promise.withResolvers<void>();
  let patient = false;
  const migrations: Migrations = {
    '001': async (db) => {
      await sql.raw(FIRST).execute(db);
      began.resolve();
      if (!patient) await new Promise(() => undefined);
    },
  };
  await using house = await DataHouse.open({ migrations });
  const abort = new AbortController();
  const rows = (options: { readonly signal?: AbortSignal }) =>
    house.session('ada').transaction((db) => db.selectFrom('stock').selectAll().execute(), options);

  const ended = expect(rows({ signal: abort.signal })).rejects.toBe('enough');
  await began.promise;
  abort.abort('enough');
  await ended;
  patient = true;

  expect(await rows({})).toEqual([]);
});

test.for<[text: string, action: string]>([
  [`${FIRST}; COMMIT; CREATE TABLE b (a)`, 'COMMIT'],
  ["ATTACH '/tmp/other.sqlite' AS other", 'ATTACH /tmp/other.sqlite'],
  ['PRAGMA journal_mode = OFF', 'PRAGMA journal_mode'],
  ['PRAGMA writable_schema = ON', 'PRAGMA writable_schema'],
  ["SELECT load_extension('/tmp/evil.so')", 'the function load_extension'],
  ['CREATE TEMP TABLE t (a)', 'CREATE TEMP TABLE t'],
  ['CREATE VIRTUAL TABLE t USING fts3tokenize(simple)', 'CREATE VTABLE t'],
  ['CREATE TABLE enginehouse_migrations (a)', 'CREATE TABLE enginehouse_migrations'],
  ['SAVEPOINT a', 'SAVEPOINT'],
  ['SELECT 1;\0', 'a NUL character in SQL'],
])('a migration may not do this: %s', async ([text, action]) => {
  await using house = await DataHouse.open({ migrations: { '001': text } });

  const refused = house.session('ada').transaction(async () => undefined);

  await expect(refused).rejects.toMatchObject({
    ...failed('001', expect.stringContaining(action)),
    cause: { code: 'DATABASE_DENIED', details: { action } },
  });
});

test.for<[what: string, migration: unknown]>([
  ['empty', ' \n'],
  ['a number', 7],
  ['null', null],
])('a migration that is %s is refused', async ([, migration]) => {
  const malformed: Migrations = Object.fromEntries([['001', migration]]) as Migrations;
  await using house = await DataHouse.open({ migrations: malformed });

  const refused = house.session('ada').transaction(async () => undefined);

  await expect(refused).rejects.toMatchObject(failed('001', 'it is neither SQL text nor a function'));
});

test('an application without migrations of its own yet has a database', async () => {
  await using house = await DataHouse.open({ migrations: {} });

  const { rows } = await house.session('ada').transaction((db) => sql`SELECT 1 AS one`.execute(db));

  expect(rows).toEqual([{ one: 1 }]);
});

test('the seed runs once in a file, also in one that is older than the seed', async () => {
  const folder = await ownFolder();
  const migrations = { '001': FIRST };
  const seed = "INSERT INTO stock VALUES ('sown')";
  expect(await skus(folder, migrations)).toEqual([]);

  const seen = [
    await skus(folder, migrations, seed),
    await skus(folder, migrations, seed),
    await skus(folder, migrations),
  ];

  expect(seen).toEqual([['sown'], ['sown'], ['sown']]);
  expect(await recorded(folder)).toMatchObject([{ name: '001' }, { name: 'database.seed' }]);
});

test('a migration that comes after the seed finds its rows', async () => {
  const folder = await ownFolder();
  const seed = "INSERT INTO stock VALUES ('sown')";
  await skus(folder, { '001': FIRST }, seed);

  expect(await skus(folder, { '001': FIRST, '002': "UPDATE stock SET sku = sku || '!'" }, seed)).toEqual(['sown!']);
});

test('a seed may not change tables', async () => {
  const folder = await ownFolder();

  await expect(skus(folder, { '001': FIRST }, 'DROP TABLE stock')).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    details: { migration: 'database.seed' },
  });
});

test.for<[seed: unknown]>([[7], [''], [{ postgres: 'SELECT 1' }]])('a seed %j is refused', async ([seed]) => {
  const folder = await ownFolder();

  // What an application without types may say.
  await expect(skus(folder, { '001': FIRST }, seed as Seed)).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    details: { migration: 'database.seed', reason: 'it is neither SQL text nor a function' },
  });
});

async function ownFolder(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a house with these migrations finds in ada's stock. */
async function skus(folder: string, migrations: Migrations, seed?: Seed): Promise<readonly unknown[]> {
  await using house = await DataHouse.open({ folder, migrations, seed });
  const rows = await house.session('ada').transaction((db) => db.selectFrom('stock').select('sku').execute());
  return rows.map(({ sku }) => sku);
}

async function recorded(folder: string): Promise<readonly unknown[]> {
  const [file = ''] = await readdir(join(folder, 'users'));
  using db = new DatabaseSync(join(folder, 'users', file));
  return db.prepare('SELECT * FROM enginehouse_migrations ORDER BY name').all();
}

function failed(migration: string, reason: unknown): object {
  return { code: 'MIGRATION_FAILED', details: { migration, reason } };
}
