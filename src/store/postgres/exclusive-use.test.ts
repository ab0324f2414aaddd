import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { accept, ada, adaElsewhere, delta } from '../../../test/contract/store/samples.ts';
import { asAdmin, readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { until } from '../../../test/support/until.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { runId } from '../../context/ids.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import type { Store } from '../../event/store.ts';
import { deriveFrom } from './layout.ts';
import { openPostgresStore, type PostgresStoreOptions } from './open-postgres-store.ts';
import { shownUrl, urlAs } from './target.ts';

let template: ReadyTestDatabase;
beforeAll(async () => {
  template = await readyTestDatabase();
});
afterAll(() => template[Symbol.asyncDispose]());

async function newDatabase(): Promise<ReadyTestDatabase> {
  const database = await readyTestDatabase(template.name);
  onTestFinished(() => database[Symbol.asyncDispose]());
  return database;
}

function openAt({ ready }: ReadyTestDatabase, options: Partial<PostgresStoreOptions> = {}): Promise<Store> {
  return openPostgresStore({
    database: ready,
    limits: resolveLimits(),
    resources: new ResourceRegistry(),
    ...options,
  });
}

/** The sessions that hold a database, as the server lists them. */
async function holders({ url, name }: ReadyTestDatabase): Promise<readonly Record<string, unknown>[]> {
  return asAdmin(
    url,
    `SELECT a.pid, a.application_name AS name, l.classid::bigint << 32 | l.objid::bigint AS key FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
      WHERE a.datname = '${name}' AND l.locktype = 'advisory' AND l.granted`,
  );
}

/** Ends the sessions that hold a database, as a network that breaks does. */
async function breakHold(database: ReadyTestDatabase): Promise<void> {
  const pids = (await holders(database)).map(({ pid }) => pid);
  await asAdmin(database.url, `SELECT pg_terminate_backend(pid, 5000) FROM unnest('{${pids.join()}}'::integer[]) pid`);
}

/** Another session with the name and the lock of one that held the database. */
async function openGhost({ url, ready }: ReadyTestDatabase, { name, key }: Record<string, unknown>): Promise<Client> {
  const { systemPassword } = deriveFrom(ready.secret);
  const client = new Client({
    connectionString: urlAs(url, ready.roles.system, systemPassword),
    application_name: String(name),
  });
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT enginehouse.hold($1, NULL)', [key]);
  return client;
}

test('X1: a database is of one runtime; a second one is told who has it, and can have it afterwards', async () => {
  const database = await newDatabase();
  const first = await openAt(database);
  const [holder] = await holders(database);

  const refusal = openAt(database);

  await expect(refusal).rejects.toMatchObject({
    code: 'STORE_IN_USE',
    message: `${shownUrl(database.url)} is in use by another runtime: ${String(holder?.['name'])}, server process ${String(holder?.['pid'])}`,
    details: { file: shownUrl(database.url) },
    cure: expect.stringContaining('DATABASE_URL'),
  });
  expect(holder?.['name']).toMatch(new RegExp(`^enginehouse [0-9a-f]{8} ${process.pid}@`));
  await first.close();
  await using second = await openAt(database);
  expect(await second.unfinished()).toEqual([]);
});

test('X1: what is refused leaves nothing open', async () => {
  const database = await newDatabase();
  const resources = new ResourceRegistry();
  await using _first = await openAt(database);

  await expect(openAt(database, { resources })).rejects.toMatchObject({ code: 'STORE_IN_USE' });

  expect(resources.remaining()).toEqual([]);
  const sessions = await asAdmin(
    database.url,
    `SELECT FROM pg_stat_activity WHERE datname = '${database.name}' AND usename = '${database.ready.roles.system}'`,
  );
  // Those of the first: one that holds, one for commits, one that was used to read.
  expect(sessions).toHaveLength(3);
});

test('X1: no limit of the server on idle transactions ends it', async () => {
  const database = await newDatabase();
  await asAdmin(
    database.url,
    `ALTER DATABASE ${database.name} SET idle_in_transaction_session_timeout = '100ms'`,
    `ALTER DATABASE ${database.name} SET idle_session_timeout = '100ms'`,
  );
  await using _store = await openAt(database);
  const [before] = await holders(database);

  await asAdmin(database.url, 'SELECT pg_sleep(0.5)');

  expect(await holders(database)).toEqual([before]);
});

test('X2: tenants share a database, each has its own runtime, and recovery is told of its runs alone', async () => {
  const database = await newDatabase();
  await using one = await openAt(database, { tenant: ada.tenantId });
  await using two = await openAt(database, { tenant: adaElsewhere.tenantId });

  await accept(one.for(ada), 'r1');
  await accept(two.for(adaElsewhere), 'r2');

  expect(await one.unfinished()).toEqual([{ owner: ada, runId: 'r1' }]);
  expect(await two.unfinished()).toEqual([{ owner: adaElsewhere, runId: 'r2' }]);
  await expect(openAt(database, { tenant: ada.tenantId })).rejects.toMatchObject({ code: 'STORE_IN_USE' });
});

test('X2: a runtime on the whole database and one on a tenant shut each other out', async () => {
  const database = await newDatabase();
  const whole = await openAt(database);
  await expect(openAt(database, { tenant: ada.tenantId })).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  await whole.close();

  await using _tenant = await openAt(database, { tenant: ada.tenantId });
  await expect(openAt(database)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
});

test('X3: when its connection breaks, a store takes the database again before it goes on', async () => {
  const database = await newDatabase();
  await using store = await openAt(database);
  const { runId: run } = await accept(store.for(ada), 'r1');

  await breakHold(database);
  let head = 1;
  // The store hears of it a moment later than the server.
  while ((await holders(database)).length === 0)
    head = await store.for(ada).log.append(run, { generation: 1, after: head, events: [delta('a')] });

  expect(head).toBeGreaterThan(1);
  expect(await store.for(ada).log.head(run)).toMatchObject({ head });
  await expect(openAt(database)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
});

test('X3: when another runtime has the database by then, the store refuses everything', async () => {
  const database = await newDatabase();
  await using store = await openAt(database);
  const { runId: run } = await accept(store.for(ada), 'r1');

  await breakHold(database);
  await using other = await openAt(database);

  const inUse = { code: 'STORE_IN_USE', details: { file: shownUrl(database.url) } };
  const append = (): Promise<number> =>
    store.for(ada).log.append(run, { generation: 1, after: 1, events: [delta('a')] });
  await expect(append()).rejects.toMatchObject(inUse);
  await expect(store.for(ada).log.head(run)).rejects.toMatchObject(inUse);
  await expect(store.unfinished()).rejects.toMatchObject(inUse);
  await other.close();
  await expect(append()).rejects.toMatchObject(inUse);
});

test('X4: a session of its own that the server still believes in is no other runtime', async () => {
  const database = await newDatabase();
  await using store = await openAt(database);
  await accept(store.for(ada), 'r1');
  const [ours] = await holders(database);

  await breakHold(database);
  const ghost = await openGhost(database, ours ?? {});
  await expect(store.for(ada).log.head(runId('r1'))).rejects.toMatchObject({
    code: 'STORE_FAILED',
    details: { operation: 'hold' },
  });
  await ghost.end();

  expect(await store.for(ada).log.head(runId('r1'))).toMatchObject({ head: 1 });
});

test('X5: a runtime that starts waits for the server to hear that the one before it is gone', async () => {
  const database = await newDatabase();
  const before = await openAt(database);
  const [held] = await holders(database);
  await before.close();
  const ghost = await openGhost(database, { ...held, name: 'enginehouse of a process that was killed' });

  const opening = openAt(database);
  await until('it asks for the lock', async () => {
    const names = await asAdmin(
      database.url,
      `SELECT application_name AS name FROM pg_stat_activity WHERE query LIKE '%enginehouse.hold%'`,
    );
    return names.some(({ name }) => /^enginehouse [0-9a-f]{8} /.test(String(name)));
  });
  await ghost.end();

  await using store = await opening;
  expect(await store.unfinished()).toEqual([]);
});

test('a store that is read holds nothing, is not kept out, and refuses every write', async () => {
  const database = await newDatabase();
  await using writing = await openAt(database);
  await accept(writing.for(ada), 'r1');
  await using reading = await openAt(database, { readOnly: true });

  expect(await reading.for(ada).runs.get(runId('r1'))).toMatchObject({ head: 1 });
  expect(await reading.unfinished()).toEqual([{ owner: ada, runId: 'r1' }]);
  await expect(reading.for(ada).runs.delete(runId('r1'))).rejects.toMatchObject({
    code: 'STORE_READ_ONLY',
    details: { file: shownUrl(database.url), operation: 'deleteRun' },
  });
  expect(reading.description).toBe(`PostgreSQL at ${shownUrl(database.url)}, to be read`);
});
