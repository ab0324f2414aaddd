import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { storeContract } from '../../../test/contract/store.ts';
import { ada, ALL, crcOf, newArtifact } from '../../../test/contract/store/samples.ts';
import { asAdmin, readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { StoreProcess } from '../../../test/support/store-process.ts';
import { until } from '../../../test/support/until.ts';
import { isEnginehouseError } from '../../base/errors.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { runId } from '../../context/ids.ts';
import { resolveLimits } from '../../context/resolve-limits.ts';
import type { Store } from '../../event/store.ts';
import { openPostgresStore, type PostgresStoreOptions } from './open-postgres-store.ts';
import { shownUrl } from './target.ts';

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

storeContract('PostgreSQL', async () => {
  const database = await newDatabase();
  const store = await openAt(database);
  const reopen = async (): Promise<Store> => {
    await store.close();
    return openAt(database);
  };
  return { store, reopen };
});

test('an open store is a resource until it is closed, and says where it keeps things', async () => {
  const database = await newDatabase();
  const resources = new ResourceRegistry();
  const store = await openAt(database, { resources });

  expect(store.description).toBe(`PostgreSQL at ${shownUrl(database.url)}`);
  expect(resources.remaining('store').map(({ name }) => name)).toEqual([shownUrl(database.url)]);
  expect(resources.remaining('database').map(({ name }) => name)).toEqual(['enginehouse reads', 'enginehouse commits']);
  await store.close();

  expect(resources.remaining()).toEqual([]);
});

test('a login that the server refuses is a failure of the store', async () => {
  const { ready, ...database } = await newDatabase();

  const opening = openAt({ ...database, ready: { ...ready, roles: { ...ready.roles, system: 'nobody' } } });

  await expect(opening).rejects.toMatchObject({ code: 'STORE_FAILED', details: { operation: 'open' } });
});

test('a database is free when the process that had it is killed, and what was acknowledged is there', async () => {
  const database = await newDatabase();
  await using other = new StoreProcess('append', database.url);
  await until('it appends and uploads', () => other.facts.length > 200 && other.facts.includes('upload 3'));
  await expect(openAt(database)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  expect(await countOf(database, 'pieces')).toBeGreaterThan(0);
  await other.kill();

  await using store = await openWhenFree(database);

  const acknowledged = Map.groupBy(
    other.facts.map((fact) => fact.split(' ')),
    ([id]) => id,
  );
  acknowledged.delete('upload');
  for (const [id, acks] of acknowledged) {
    const events = await store.for(ada).log.read(runId(id), 0, ALL);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(Number(acks.at(-1)?.[1]));
    expect(await store.for(ada).log.head(runId(id))).toMatchObject({ head: events.length, crc: crcOf(events) });
  }
  expect(new Set(acknowledged.keys())).toEqual(new Set(['r1', 'r2', 'r3', 'r4']));
  expect(await store.unfinished()).toHaveLength(4);
  expect([await countOf(database, 'pieces'), await countOf(database, 'artifacts')]).toEqual([0, 0]);
});

test('an idle store keeps no process alive', async () => {
  const database = await newDatabase();
  await using other = new StoreProcess('leave', database.url);

  expect(await other.ended()).toBe(0);
  expect(other.facts).toEqual(['written']);
});

test('an upload that fails takes its pieces back', async () => {
  const database = await newDatabase();
  await using store = await openAt(database);
  const endless = function* (): Generator<Uint8Array, void> {
    for (;;) yield new Uint8Array(300_000);
  };

  await expect(store.for(ada).artifacts.put(newArtifact('f1'), endless(), 1_000_000)).rejects.toMatchObject({
    code: 'TOO_LARGE',
  });

  expect([await countOf(database, 'pieces'), await countOf(database, 'artifacts')]).toEqual([0, 0]);
});

test('what a crash left of an upload is taken away by the runtime of its tenant, and by no other', async () => {
  const database = await newDatabase();
  await asAdmin(
    database.url,
    `INSERT INTO enginehouse.artifacts (owner, artifact_id, kind, title, media_type, created_at)
     SELECT json_build_array(tenant, 'ada')::text, 'f', 'file', 'f', 'text/plain', 0 FROM unnest('{default,elsewhere}'::text[]) tenant`,
  );
  const left = (): Promise<number> => countOf(database, 'artifacts');

  await using _one = await openAt(database, { tenant: 'default' });
  expect(await left()).toBe(1);
  await using _two = await openAt(database, { tenant: 'elsewhere' });
  expect(await left()).toBe(0);
});

/** Past the store's own handles, which show nobody an unfinished one. */
async function countOf(database: ReadyTestDatabase, table: string): Promise<number> {
  const [row] = await asAdmin(database.url, `SELECT count(*) AS count FROM enginehouse.${table}`);
  return Number(row?.['count']);
}

/** The server hears of the end of a process a moment after it. */
async function openWhenFree(database: ReadyTestDatabase): Promise<Store> {
  for (;;) {
    try {
      return await openAt(database);
    } catch (error) {
      if (!isEnginehouseError(error, 'STORE_IN_USE')) throw error;
    }
  }
}
