import { sql } from 'kysely';
import { expect, test } from 'vitest';

import type { LimitOptions } from '../../context/limits.ts';
import type { DatabaseTransaction } from '../../event/database-session-manager.ts';
import { TestClock } from '../../testing/test-clock.ts';
import { DataHouse, owner } from '../../../test/support/data-house.ts';
import { until } from '../../../test/support/until.ts';
import { databaseWorkers } from './worker-pool.ts';

const NUMBERS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)';
const ENDLESS = `${NUMBERS} SELECT count(*) FROM c`;

test.for([
  ENDLESS,
  `${NUMBERS} SELECT max(a.x) FROM c AS a, c AS b`,
  `${NUMBERS} UPDATE stock SET count = (SELECT count(*) FROM c)`,
])('a statement that does not end is ended at its limit, and its user goes on: %s', async (endless) => {
  await using timed = await Timed.open();
  await timed.insert('ada', 'kept');

  const ended = timed.run('ada', async (db, issued) => {
    await db.insertInto('stock').values({ sku: 'undone', count: 1 }).execute();
    await issued(sql.raw(endless).execute(db));
  });
  const outcome = expect(ended).rejects.toMatchObject(timeout(expect.stringContaining(endless.slice(0, 90)), 30_000));
  await timed.statementRuns();
  await timed.clock.advance(30_000);
  await outcome;

  expect(await timed.skus('ada')).toEqual(['kept']);
});

test('a user whose statement does not end holds up nobody else', async () => {
  await using timed = await Timed.open();

  const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)));
  const outcome = expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
  await timed.statementRuns();
  await timed.insert('bob', 'otter');
  await timed.clock.advance(30_000);
  await outcome;

  expect(await timed.skus('bob')).toEqual(['otter']);
});

test('work that catches the timeout of a statement cannot go on in its transaction', async () => {
  await using timed = await Timed.open();

  const ended = timed.run('ada', async (db, issued) => {
    await issued(sql.raw(ENDLESS).execute(db)).catch(() => undefined);
    const next: unknown = await sql`SELECT 1`.execute(db).catch((error: unknown) => error);
    expect(next).toMatchObject({ code: 'DATABASE_TIMEOUT' });
  });
  const outcome = expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
  await timed.statementRuns();
  await timed.clock.advance(30_000);
  await outcome;

  expect(await timed.skus('ada')).toEqual([]);
});

test('a transaction that idles past its limit is rolled back, and what it asks later is refused', async () => {
  await using timed = await Timed.open({ transactionTimeoutMs: 20_000 });
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

test('a transaction past its limit ends the statement that it runs', async () => {
  await using timed = await Timed.open({ statementTimeoutMs: 90_000 });

  const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)));
  const outcome = expect(ended).rejects.toMatchObject(timeout('the transaction', 60_000));
  await timed.statementRuns();
  await timed.clock.advance(60_000);
  await outcome;

  expect(await timed.skus('ada')).toEqual([]);
});

test('an abort while a statement runs ends it with the reason of the signal', async () => {
  await using timed = await Timed.open();
  const abort = new AbortController();
  const reason = new Error('the user left');

  const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)), abort.signal);
  const outcome = expect(ended).rejects.toBe(reason);
  await timed.statementRuns();
  abort.abort(reason);
  await outcome;

  expect(await timed.skus('ada')).toEqual([]);
});

test('an abort between two statements rolls back and keeps the worker', async () => {
  await using timed = await Timed.open();
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

test('a signal that is aborted already lets nothing begin', async () => {
  await using timed = await Timed.open();

  const refused = timed.run('ada', async () => expect.unreachable(), AbortSignal.abort('no'));

  await expect(refused).rejects.toBe('no');
  expect(timed.house.resources.remaining()).toEqual([]);
});

test('an abort in the line leaves the line', async () => {
  await using timed = await Timed.open({ databaseWorkers: 1 });
  const abort = new AbortController();
  const { ended, held, letGo } = timed.hold('ada');
  await held;

  const waiting = ['ada', 'bob'].map((user) => timed.run(user, async () => expect.unreachable(), abort.signal));
  const outcomes = Promise.allSettled(waiting);
  abort.abort('enough');

  const left = { status: 'rejected', reason: 'enough' };
  expect(await outcomes).toEqual([left, left]);
  await letGo();
  await ended;
  expect(await timed.skus('bob')).toEqual([]);
});

test('more transactions than may run and wait are refused', async () => {
  await using timed = await Timed.open({ databaseWorkers: 1, databaseWaiting: 1 });
  const { ended, held, letGo } = timed.hold('ada');
  await held;

  const waits = timed.skus('bob');
  const refused = timed.skus('cleo');

  await expect(refused).rejects.toMatchObject({ code: 'DATABASE_BUSY', details: { waiting: 1 }, retryAfterMs: 1_000 });
  await letGo();
  await ended;
  expect(await waits).toEqual([]);
});

test('who waited as long as a transaction may take is refused as busy', async () => {
  await using timed = await Timed.open({ databaseWorkers: 1 });
  await timed.skus('ada');
  // The two come in the same moment as the one that they wait for, whose own time starts when it begins.
  const { ended, held } = timed.hold('ada');
  const outcomes = Promise.all([
    expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' }),
    expect(timed.skus('ada')).rejects.toMatchObject({ code: 'DATABASE_BUSY' }),
    expect(timed.skus('bob')).rejects.toMatchObject({ code: 'DATABASE_BUSY' }),
  ]);
  await held;

  await timed.clock.advance(60_000);
  await outcomes;

  expect(await timed.skus('bob')).toEqual([]);
});

test('of one worker only so many databases are open, those used last', async () => {
  await using timed = await Timed.open({ databaseWorkers: 1, databaseOpen: 2 });
  const open = () => new Set(timed.house.resources.remaining('database').map(({ owner: user }) => user));
  for (const user of ['ada', 'bob', 'cleo']) await timed.insert(user, user);
  await timed.skus('bob');
  await timed.insert('dora', 'dora');

  expect(open()).toEqual(new Set(['bob', 'dora']));
  expect(await timed.skus('ada')).toEqual(['ada']);
  expect(open()).toEqual(new Set(['ada', 'dora']));
});

test('a database that would outgrow its limit refuses the row and keeps the rest', async () => {
  await using timed = await Timed.open({ databaseBytes: 1_048_576 });
  await timed.insert('ada', 'kept');

  const failed = timed.run('ada', (db) => sql`INSERT INTO stock VALUES (hex(zeroblob(600000)), 1)`.execute(db));

  await expect(failed).rejects.toMatchObject({
    code: 'DATABASE_FAILED',
    details: { reason: 'database or disk is full' },
  });
  expect(await timed.skus('ada')).toEqual(['kept']);
});

test('forgetting waits for the writer of the user', async () => {
  await using timed = await Timed.open();
  const { ended, held, letGo } = timed.hold('ada');
  await held;

  const forgotten = timed.house.databases.forget(owner('ada'));
  await letGo();
  await ended;
  await forgotten;

  expect(await timed.skus('ada')).toEqual([]);
});

type Issued = <T>(statement: Promise<T>) => Promise<T>;

/** A house whose time is moved by hand. */
class Timed implements AsyncDisposable {
  readonly clock: TestClock;
  readonly house: DataHouse;
  #issued = false;

  constructor(house: DataHouse, clock: TestClock) {
    this.house = house;
    this.clock = clock;
  }

  static async open(limits: LimitOptions = {}): Promise<Timed> {
    const clock = new TestClock();
    return new Timed(await DataHouse.open({ clock, limits }), clock);
  }

  run(
    user: string,
    work: (db: DatabaseTransaction, issued: Issued) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const issued: Issued = (statement) => {
      this.#issued = true;
      return statement;
    };
    return this.house
      .session(user)
      .transaction((db: DatabaseTransaction) => work(db, issued), signal === undefined ? {} : { signal });
  }

  /** A transaction that has written and idles until it is let go. */
  hold(user: string, then: (db: DatabaseTransaction) => Promise<void> = async () => undefined, signal?: AbortSignal) {
    const held = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const ended = this.run(
      user,
      async (db) => {
        await db.insertInto('stock').values({ sku: 'held', count: 1 }).execute();
        held.resolve();
        await released.promise;
        await then(db).then(done.resolve, done.reject);
      },
      signal,
    );
    const letGo = (): Promise<void> => {
      released.resolve();
      return done.promise;
    };
    return { ended, held: held.promise, letGo };
  }

  insert(user: string, sku: string): Promise<unknown> {
    return this.run(user, (db) => db.insertInto('stock').values({ sku, count: 1 }).execute());
  }

  async skus(user: string): Promise<readonly unknown[]> {
    const rows = await this.house
      .session(user)
      .transaction((db) => db.selectFrom('stock').select('sku').orderBy('sku').execute());
    return rows.map(({ sku }) => sku);
  }

  /** Resolves when the statement that was marked as issued has its limit armed, beside the transaction's. */
  statementRuns(): Promise<void> {
    return until('the statement runs', () => this.#issued && this.clock.pending === 2);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.house.databases.close();
  }
}

function timeout(what: unknown, timeoutMs: number): object {
  return { code: 'DATABASE_TIMEOUT', details: { what, timeoutMs } };
}
