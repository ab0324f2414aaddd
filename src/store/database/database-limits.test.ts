import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { timeout, TimedHouse } from '../../../test/support/timed-house.ts';
import { databaseWorkers } from './worker-pool.ts';

test('a transaction that idles past its limit keeps its worker', async () => {
  await using timed = await TimedHouse.open({ transactionTimeoutMs: 20_000 });
  const { ended, held, letGo } = timed.hold('ada', async (db) => {
    await expect(db.selectFrom('stock').selectAll().execute()).rejects.toMatchObject({ code: 'CLOSED' });
  });
  await held;
  const { pids } = databaseWorkers();

  const outcome = expect(ended).rejects.toMatchObject(timeout('the transaction', 20_000));
  await timed.clock.advance(20_000);
  await outcome;
  await letGo();

  expect(await timed.skus('ada')).toEqual([]);
  expect(databaseWorkers().pids).toEqual(pids);
});

test('an abort between two statements keeps the worker', async () => {
  await using timed = await TimedHouse.open();
  const abort = new AbortController();
  const { ended, held } = timed.hold('ada', async () => undefined, abort.signal);
  await held;
  const { pids } = databaseWorkers();

  const outcome = expect(ended).rejects.toBe('enough');
  abort.abort('enough');
  await outcome;

  expect(await timed.skus('ada')).toEqual([]);
  expect(databaseWorkers().pids).toEqual(pids);
  expect(timed.clock.pending).toBe(0);
});

test('of one worker only so many databases are open, those used last', async () => {
  await using timed = await TimedHouse.open({ databaseWorkers: 1, databaseOpen: 2 });
  const open = () => new Set(timed.house.resources.remaining('database').map(({ owner: user }) => user));
  for (const user of ['ada', 'bob', 'cleo']) await timed.insert(user, user);
  await timed.skus('bob');
  await timed.insert('dora', 'dora');

  expect(open()).toEqual(new Set(['bob', 'dora']));
  expect(await timed.skus('ada')).toEqual(['ada']);
  expect(open()).toEqual(new Set(['ada', 'dora']));
});

test('a database that would outgrow its limit refuses the row and keeps the rest', async () => {
  await using timed = await TimedHouse.open({ databaseBytes: 1_048_576 });
  await timed.insert('ada', 'kept');

  const failed = timed.run('ada', (db) => sql`INSERT INTO stock VALUES (hex(zeroblob(600000)), 1)`.execute(db));

  await expect(failed).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { reason: 'database or disk is full' },
  });
  expect(await timed.skus('ada')).toEqual(['kept']);
});
