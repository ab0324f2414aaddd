/** A store in a data folder: what it does with the folder, and what other processes do to it. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';

import { storeContract } from '../../../test/contract/store.ts';
import { accept, ada, ALL, crcOf, delta, newArtifact, newRun, runWith } from '../../../test/contract/store/samples.ts';
import { StoreProcess } from '../../../test/support/store-process.ts';
import { until } from '../../../test/support/until.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { runId } from '../../context/ids.ts';
import type { Store } from '../../event/store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './open-sqlite-store.ts';
import { SCHEMA_VERSION } from './schema.ts';

/** A folder that is removed when the test is over. */
async function newFolder(): Promise<string> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'enginehouse-store-'));
  onTestFinished(() => folder.remove());
  return folder.path;
}

function openAt(path: string, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  return openSqliteStore({ path, limits: { commitBytes: 262_144 }, resources: new ResourceRegistry(), ...options });
}

storeContract('SQLite in a folder', async () => {
  const folder = await newFolder();
  const store = await openAt(folder);
  const reopen = async (): Promise<Store> => {
    await store.close();
    return openAt(folder);
  };
  return { store, reopen };
});

test('the folder is made, for its owner only, and named in the description', async () => {
  const folder = join(await newFolder(), 'a', 'b');

  await using store = await openAt(folder);

  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(store.description).toBe(`SQLite at ${join(folder, 'log.sqlite')}`);
});

test('an open store is a resource until it is closed, also when it could not be opened', async () => {
  const resources = new ResourceRegistry();
  const folder = await newFolder();

  const store = await openAt(folder, { resources });
  expect(resources.remaining('store').map(({ name }) => name)).toEqual([join(folder, 'log.sqlite')]);
  await expect(openAt(folder, { resources })).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  expect(resources.remaining()).toHaveLength(1);
  await store.close();

  expect(resources.remaining()).toEqual([]);
});

test.each([
  ['an empty path', { path: ' ' }, 'store.path'],
  ['less room than a store needs', { maxBytes: 1_048_575 }, 'store.maxBytes'],
  ['half a byte', { maxBytes: 2_000_000.5 }, 'store.maxBytes'],
  ['reading from an empty memory', { path: ':memory:', readOnly: true }, 'store.readOnly'],
])('%s is refused', async (_what, options, option) => {
  await expect(openAt('unused', options)).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { option } });
});

test('a file where the folder should be is a failure of the store', async () => {
  const file = join(await newFolder(), 'file');
  writeFileSync(file, '');

  await expect(openAt(file)).rejects.toMatchObject({ code: 'STORE_FAILED', details: { operation: 'open' } });
});

test('a file that is no database is a failure of the store, and lets go of the folder', async () => {
  const folder = await newFolder();
  writeFileSync(join(folder, 'log.sqlite'), 'not a database at all, but as long as a page of one'.repeat(100));

  const failure = { code: 'STORE_FAILED', details: { operation: 'open', reason: 'file is not a database' } };
  await expect(openAt(folder)).rejects.toMatchObject(failure);
  await expect(openAt(folder)).rejects.toMatchObject(failure);
});

test('a store of a newer version is refused and not touched', async () => {
  const folder = await newFolder();
  const file = join(folder, 'log.sqlite');
  await (await openAt(folder)).close();
  using newer = new DatabaseSync(file);
  newer.exec('PRAGMA user_version = 99; CREATE TABLE unheard_of (a)');
  const before = [readFileSync(file), readFileSync(`${file}-wal`)];

  const refusal = { code: 'STORE_NEWER', details: { file, found: 99, known: SCHEMA_VERSION } };
  await expect(openAt(folder)).rejects.toMatchObject(refusal);
  await expect(openAt(folder, { readOnly: true })).rejects.toMatchObject(refusal);

  expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual(before);
});

test('a folder belongs to one process, and is free when that is killed', async () => {
  const folder = await newFolder();
  await using other = new StoreProcess('hold', folder);
  await until('the other process holds the folder', () => other.facts.includes('open'));

  const file = join(folder, 'lock.sqlite');
  await expect(openAt(folder)).rejects.toMatchObject({ code: 'STORE_IN_USE', details: { file } });
  await other.kill();

  await using store = await openAt(folder);
  expect(await store.unfinished()).toEqual([]);
});

test('what was acknowledged before a kill is there after it, and half an upload is not', async () => {
  const folder = await newFolder();
  await using other = new StoreProcess('append', folder);
  await until('it appends and uploads', () => other.facts.length > 200 && other.facts.includes('upload 3'));
  await other.kill();

  const acknowledged = Map.groupBy(
    other.facts.map((fact) => fact.split(' ')),
    ([id]) => id,
  );
  acknowledged.delete('upload');
  expect(rowsIn(folder, 'pieces')).toBeGreaterThan(0);
  await using store = await openAt(folder);
  for (const [id, acks] of acknowledged) {
    const events = await store.for(ada).log.read(runId(id), 0, ALL);
    const last = Number(acks.at(-1)?.[1]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(last);
    expect(await store.for(ada).log.head(runId(id))).toMatchObject({ head: events.length, crc: crcOf(events) });
  }
  expect(new Set(acknowledged.keys())).toEqual(new Set(['r1', 'r2', 'r3', 'r4']));
  expect(await store.unfinished()).toHaveLength(4);
  expect([rowsIn(folder, 'pieces'), rowsIn(folder, 'artifacts')]).toEqual([0, 0]);
});

test('an upload that fails takes its pieces back', async () => {
  const folder = await newFolder();
  await using store = await openAt(folder);
  const endless = function* (): Generator<Uint8Array, void> {
    for (;;) yield new Uint8Array(300_000);
  };

  await expect(store.for(ada).artifacts.put(newArtifact('f1'), endless(), 1_000_000)).rejects.toMatchObject({
    code: 'TOO_LARGE',
  });

  expect([rowsIn(folder, 'pieces'), rowsIn(folder, 'artifacts')]).toEqual([0, 0]);
});

test('an idle store keeps no process alive', async () => {
  await using other = new StoreProcess('leave', await newFolder());

  expect(await other.ended()).toBe(0);
  expect(other.facts).toEqual(['written']);
});

test('a folder can be read while another process runs on it', async () => {
  const folder = await newFolder();
  await using writing = await openAt(folder);
  const run = await runWith(writing.for(ada), 'r1', ['a']);
  await using reading = await openAt(folder, { readOnly: true });
  const { runs, log, artifacts } = reading.for(ada);

  expect(await runs.get(runId('r1'))).toEqual(run);
  await writing.for(ada).log.append(runId('r1'), { generation: 1, after: 2, events: [delta('b')] });
  expect(await log.read(runId('r1'), 2, ALL)).toHaveLength(1);

  const refusal = { code: 'STORE_READ_ONLY', details: { file: join(folder, 'log.sqlite') } };
  await expect(runs.accept(newRun('r2'))).rejects.toMatchObject(refusal);
  await expect(artifacts.put(newArtifact('f1'), [], 1)).rejects.toMatchObject(refusal);
});

test('a folder without a store, or with one that was never made, cannot be read', async () => {
  const folder = await newFolder();
  await expect(openAt(folder, { readOnly: true })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    details: { what: 'store' },
  });

  writeFileSync(join(folder, 'log.sqlite'), '');
  await expect(openAt(folder, { readOnly: true })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    details: { operation: 'open' },
  });
});

test('a full store refuses what needs room, loses nothing, and goes on when there is room', async () => {
  const folder = await newFolder();
  const page = delta('x'.repeat(40_000));
  const append = (store: Store, after: number) =>
    store.for(ada).log.append(runId('new'), { generation: 1, after, events: [page] });
  const small = { maxBytes: 1_048_576 };
  await using store = await openAt(folder, small);
  await runWith(
    store.for(ada),
    'old',
    Array.from({ length: 8 }, () => 'y'.repeat(40_000)),
  );
  await accept(store.for(ada), 'new');

  let head = 1;
  const filling = async (): Promise<never> => {
    for (;;) head = await append(store, head);
  };
  const full = { code: 'STORE_FULL', details: { file: join(folder, 'log.sqlite') } };
  await expect(filling()).rejects.toMatchObject(full);
  await expect(append(store, head)).rejects.toMatchObject(full);
  await store.close();

  await using later = await openAt(folder, small);
  const events = await later.for(ada).log.read(runId('new'), 0, ALL);
  expect(await later.for(ada).log.head(runId('new'))).toMatchObject({ head, crc: crcOf(events) });
  expect(events).toHaveLength(head);
  expect(statSync(join(folder, 'log.sqlite')).size).toBeLessThanOrEqual(small.maxBytes);
  // In one group: the append that needs room fails, the deletion beside it makes some.
  const [refused, deleted] = await Promise.allSettled([append(later, head), later.for(ada).runs.delete(runId('old'))]);
  expect(refused).toMatchObject({ status: 'rejected', reason: full });
  expect(deleted).toEqual({ status: 'fulfilled', value: true });
  expect(await append(later, head)).toBe(head + 1);
  await later.close();

  await using larger = await openAt(folder, { maxBytes: 8_388_608 });
  await runWith(
    larger.for(ada),
    'more',
    Array.from({ length: 40 }, () => 'z'.repeat(40_000)),
  );
});

/** Counts rows past the store's own handles, which show nobody an unfinished one. */
function rowsIn(folder: string, table: string): number {
  using db = new DatabaseSync(join(folder, 'log.sqlite'), { readOnly: true });
  return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count']);
}
