import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';

import { isEnginehouseError } from '../../base/errors.ts';
import { DataHouse, owner, temporaryFolder } from '../../../test/support/data-house.ts';
import { DataProcess, isAlive } from '../../../test/support/data-process.ts';
import { until } from '../../../test/support/until.ts';
import { databaseWorkers } from './worker-pool.ts';

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

test('a worker that dies in a transaction leaves the file as it was before, and another goes on', async () => {
  await using house = await DataHouse.open();
  await insert(house, 'kept');

  const broken = house.session('ada').transaction(async (db) => {
    await sql`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000) INSERT INTO stock SELECT x, x FROM c`.execute(
      db,
    );
    killWorkers('SIGKILL');
    await db.insertInto('stock').values({ sku: 'lost', count: 1 }).execute();
  });

  await expect(broken).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { reason: 'the database worker ended (SIGKILL)' },
  });
  expect(await skus(house)).toEqual(['kept']);
  expect(await integrityOf(house.folder)).toBe('ok');
});

test('a worker that died while it idled is replaced unnoticed', async () => {
  await using house = await DataHouse.open();
  await insert(house, 'first');
  const before = databaseWorkers().pids;

  killWorkers('SIGKILL');
  await until('the workers are gone', () => databaseWorkers().pids.length === 0);

  expect(house.resources.remaining()).toEqual([]);
  expect(await skus(house)).toEqual(['first']);
  expect(databaseWorkers().pids).not.toEqual(before);
});

test('signals that are meant for the house do not end a worker', async () => {
  await using house = await DataHouse.open();
  await insert(house, 'first');
  const { pids } = databaseWorkers();

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) killWorkers(signal);

  expect(await skus(house)).toEqual(['first']);
  expect(databaseWorkers().pids).toEqual(pids);
});

test('two runtimes with the same user in one process keep their data apart, and share the workers', async () => {
  await using left = await DataHouse.open();
  await using right = await DataHouse.open();
  const houses = [left, right];

  await Promise.all(houses.flatMap((house, n) => ['a', 'b', 'c'].map((sku) => insert(house, `${sku}${n}`))));

  expect(await Promise.all(houses.map(skus))).toEqual([
    ['a0', 'b0', 'c0'],
    ['a1', 'b1', 'c1'],
  ]);
  expect(databaseWorkers().pids.length).toBeLessThanOrEqual(4);
});

test('a runtime that closes leaves nothing open, and its workers to the next', async () => {
  const folder = await ownFolder();
  const first = await DataHouse.open({ folder });
  await insert(first, 'kept');
  const { pids } = databaseWorkers();

  await first.databases.close();
  await first.databases.close();

  expect(first.resources.remaining()).toEqual([]);
  expect(await readdir(join(folder, 'users'))).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.sqlite$/)]);
  await expect(skus(first)).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(first.databases.forget(owner('ada'))).rejects.toMatchObject({ code: 'CLOSED' });
  await using second = await DataHouse.open({ folder });
  expect(await skus(second)).toEqual(['kept']);
  expect(databaseWorkers().pids).toEqual(pids);
});

test('closing a runtime rolls back what idles, ends what runs and refuses what waits', async () => {
  const folder = await ownFolder();
  const house = await DataHouse.open({ folder, limits: { databaseWorkers: 2 } });
  await insert(house, 'kept');
  const idles = Promise.withResolvers<void>();
  const runs = Promise.withResolvers<void>();

  const idle = house.session('ada').transaction(async (db) => {
    await db.deleteFrom('stock').execute();
    idles.resolve();
    await new Promise(() => undefined);
  });
  const endless = house.session('bob').transaction(async (db) => {
    runs.resolve();
    await sql.raw(ENDLESS).execute(db);
  });
  const outcomes = Promise.allSettled([idle, endless, insert(house, 'waits')]);
  await Promise.all([idles.promise, runs.promise]);
  await house.databases.close();

  const refused = { status: 'rejected', reason: { code: 'CLOSED' } };
  expect(await outcomes).toMatchObject([refused, refused, refused]);
  expect(house.resources.remaining()).toEqual([]);
  await using again = await DataHouse.open({ folder });
  expect(await skus(again)).toEqual(['kept']);
});

test('a house that was never used closes at once, and opened nothing', async () => {
  const folder = await ownFolder();
  const { pids } = databaseWorkers();
  const house = await DataHouse.open({ folder });

  await house.databases.close();

  expect(await readdir(folder)).toEqual([]);
  expect(databaseWorkers().pids).toEqual(pids);
});

test('every open database is known with its user, and taken off when it closes', async () => {
  await using house = await DataHouse.open();
  await insert(house, 'a');

  expect(house.resources.remaining()).toMatchObject([
    { kind: 'database', owner: 'ada', name: expect.stringMatching(/^[0-9a-f]{64}\.sqlite$/) },
  ]);
});

test('a file that is no database fails clearly, and only for its user', async () => {
  const folder = await ownFolder();
  {
    await using house = await DataHouse.open({ folder });
    await insert(house, 'a');
  }
  const [name = ''] = await readdir(join(folder, 'users'));
  await writeFile(join(folder, 'users', name), 'this is a letter and not a database '.repeat(200));

  await using house = await DataHouse.open({ folder });
  const error: unknown = await skus(house).catch((caught: unknown) => caught);

  expect(isEnginehouseError(error, 'DATABASE_FAILED') && error.details).toEqual({
    sql: "opening the user's database",
    reason: 'file is not a database',
  });
  expect(await house.session('bob').transaction((db) => db.selectFrom('stock').selectAll().execute())).toEqual([]);
});

test('a folder that cannot be made is said so, and tried again', async () => {
  const folder = await ownFolder();
  const taken = join(folder, 'users');
  await writeFile(taken, 'a file where the folder should be');
  await using house = await DataHouse.open({ folder });

  await expect(skus(house)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await rm(taken);

  expect(await skus(house)).toEqual([]);
});

test('a process with idle workers ends by itself, and its workers with it', async () => {
  const folder = await ownFolder();
  await using child = new DataProcess('leave', folder);
  const workers = await child.workers();

  expect(await child.ended()).toBe(0);
  await until('the workers are gone', () => !workers.some(isAlive));
  await using house = await DataHouse.open({ folder });
  expect(await skus(house)).toEqual(['leave']);
});

test('a worker inside a statement that does not end goes when its house is killed', async () => {
  const folder = await ownFolder();
  await using child = new DataProcess('loop', folder);
  const workers = await child.workers();

  await child.kill();

  await until('the workers are gone', () => !workers.some(isAlive));
  await using house = await DataHouse.open({ folder });
  expect(await skus(house)).toEqual(['loop']);
});

async function ownFolder(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function killWorkers(signal: NodeJS.Signals): void {
  for (const pid of databaseWorkers().pids) process.kill(pid, signal);
}

function insert(house: DataHouse, sku: string): Promise<unknown> {
  return house.session('ada').transaction((db) => db.insertInto('stock').values({ sku, count: 1 }).execute());
}

async function skus(house: DataHouse): Promise<readonly unknown[]> {
  const rows = await house
    .session('ada')
    .transaction((db) => db.selectFrom('stock').select('sku').orderBy('sku').execute());
  return rows.map(({ sku }) => sku);
}

async function integrityOf(folder: string): Promise<unknown> {
  const names = await readdir(join(folder, 'users'));
  using db = new DatabaseSync(join(folder, 'users', names.find((name) => name.endsWith('.sqlite')) ?? ''));
  return db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
}

test('workers that died a moment ago, unnoticed, are nobody’s failure', async () => {
  await using house = await DataHouse.open();
  await insert(house, 'first');

  // At once: their ends have not been told to this process yet.
  killWorkers('SIGKILL');

  expect(await skus(house)).toEqual(['first']);
});
