import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, expect, onTestFinished, test, vi } from 'vitest';

import { temporaryFolder } from '../../../test/support/data-house.ts';
import type { DatabaseWorker } from './database-worker.ts';
import { databaseWorkers, WorkerPool, type WorkerWish } from './worker-pool.ts';

const ada = Symbol('ada’s runtime');
const bob = Symbol('bob’s runtime');
const never = new AbortController().signal;
const started = new Set<DatabaseWorker>();

afterEach(async () => {
  await Promise.all([...started].map((worker) => worker.kill('the test is over')));
  started.clear();
});

test('a worker that is free is used again, and the one with the file is preferred', async () => {
  const pool = new WorkerPool();
  const [first, second] = [await take(pool, { file: 'a' }), await take(pool, { file: 'b' })];
  second.opened('b', () => undefined);
  pool.release(first);
  pool.release(second);

  expect(await take(pool, { file: 'b' })).toBe(second);
  expect(await take(pool, { file: 'c' })).toBe(first);
});

test('who finds no worker waits, and is served in order', async () => {
  const pool = new WorkerPool();
  const worker = await take(pool, { limit: 1 });
  const served: string[] = [];

  const waiting = ['first', 'second'].map(async (name) => {
    const got = await take(pool, { limit: 1 });
    served.push(name);
    pool.release(got);
    return got;
  });
  pool.release(worker);

  expect(await Promise.all(waiting)).toEqual([worker, worker]);
  expect(served).toEqual(['first', 'second']);
});

test('an aborted waiter leaves the line and takes no worker', async () => {
  const pool = new WorkerPool();
  const abort = new AbortController();
  const worker = await take(pool, { limit: 1 });

  const leaves = take(pool, { limit: 1 }, abort.signal);
  const stays = take(pool, { limit: 1 });
  abort.abort('enough');
  pool.release(worker);

  await expect(leaves).rejects.toBe('enough');
  expect(await stays).toBe(worker);
});

test('when a worker ends, the one who waits gets a new one', async () => {
  const pool = new WorkerPool();
  const worker = await take(pool, { limit: 1 });

  const waits = take(pool, { limit: 1 });
  await worker.kill('it ran away');
  const next = await waits;

  expect(next).not.toBe(worker);
  expect(pool.pids).toEqual([next.pid]);
  await expect(worker.request('rollback', {})).rejects.toBe('it ran away');
});

test('a worker that changes hands has closed the files of the one before', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const pool = new WorkerPool();
  const file = join(folder, 'a.sqlite');
  const limits = { fileBytes: 1_048_576, resultBytes: 1_048_576 };
  const mine = await take(pool, { file });
  await mine.request('open', { file, limits });
  let open = true;
  mine.opened(file, () => {
    open = false;
  });
  expect(await mine.request('applied', { file })).toEqual({ value: [] });
  pool.release(mine);

  const theirs = await take(pool, { client: bob, limit: 1 });

  expect(theirs).toBe(mine);
  expect([open, theirs.openFiles]).toEqual([false, 0]);
  expect(await theirs.request('applied', { file })).toMatchObject({ failure: { reason: 'the database is not open' } });
});

test('the pool is the process’s, also for another copy of this module', async () => {
  vi.resetModules();
  const copy = await import('./worker-pool.ts');

  expect(copy.WorkerPool).not.toBe(WorkerPool);
  expect(copy.databaseWorkers()).toBe(databaseWorkers());
});

async function take(pool: WorkerPool, wish: Partial<WorkerWish>, signal = never): Promise<DatabaseWorker> {
  const worker = await pool.acquire({ client: ada, file: 'a', limit: 2, ...wish }, signal);
  started.add(worker);
  return worker;
}
