import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { TimedHouse, timeout } from '../../support/timed-house.ts';
import { stockOf, type DatabaseKind } from './kind.ts';

const NUMBERS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)';
const ENDLESS = `${NUMBERS} SELECT count(*) FROM c`;

export function limitContract(kind: DatabaseKind): void {
  test.for([
    ENDLESS,
    `${NUMBERS} SELECT max(a.x) FROM c AS a, c AS b`,
    `${NUMBERS} UPDATE stock SET count = (SELECT count(*) FROM c)`,
  ])('a statement that does not end is ended at its limit, and its user goes on: %s', async (endless) => {
    await using timed = await TimedHouse.open({}, kind.open);
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
    await using timed = await TimedHouse.open({}, kind.open);

    const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)));
    const outcome = expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
    await timed.statementRuns();
    await timed.insert('bob', 'otter');
    await timed.clock.advance(30_000);
    await outcome;

    expect(await timed.skus('bob')).toEqual(['otter']);
  });

  test('work that catches the timeout of a statement cannot go on in its transaction', async () => {
    await using timed = await TimedHouse.open({}, kind.open);

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
    await using timed = await TimedHouse.open({ transactionTimeoutMs: 20_000 }, kind.open);
    const { ended, held, letGo } = timed.hold('ada', async (db) => {
      await expect(db.selectFrom('stock').selectAll().execute()).rejects.toMatchObject({ code: 'CLOSED' });
    });
    await held;

    const outcome = expect(ended).rejects.toMatchObject(timeout('the transaction', 20_000));
    await timed.clock.advance(20_000);
    await outcome;
    await letGo();

    expect(await timed.skus('ada')).toEqual([]);
  });

  test('a transaction past its limit ends the statement that it runs', async () => {
    await using timed = await TimedHouse.open({ statementTimeoutMs: 90_000 }, kind.open);

    const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)));
    const outcome = expect(ended).rejects.toMatchObject(timeout('the transaction', 60_000));
    await timed.statementRuns();
    await timed.clock.advance(60_000);
    await outcome;

    expect(await timed.skus('ada')).toEqual([]);
  });

  test('an abort while a statement runs ends it with the reason of the signal', async () => {
    await using timed = await TimedHouse.open({}, kind.open);
    const abort = new AbortController();
    const reason = new Error('the user left');

    const ended = timed.run('ada', (db, issued) => issued(sql.raw(ENDLESS).execute(db)), abort.signal);
    const outcome = expect(ended).rejects.toBe(reason);
    await timed.statementRuns();
    abort.abort(reason);
    await outcome;

    expect(await timed.skus('ada')).toEqual([]);
  });

  test('an abort between two statements rolls back and holds nothing', async () => {
    await using timed = await TimedHouse.open({}, kind.open);
    const abort = new AbortController();
    const { ended, held } = timed.hold('ada', async () => undefined, abort.signal);
    await held;

    const outcome = expect(ended).rejects.toBe('enough');
    abort.abort('enough');
    await outcome;

    expect(await timed.skus('ada')).toEqual([]);
    expect(timed.clock.pending).toBe(0);
  });

  test('a signal that is aborted already lets nothing begin', async () => {
    await using timed = await TimedHouse.open({}, kind.open);

    const refused = timed.run('ada', async () => expect.unreachable(), AbortSignal.abort('no'));

    await expect(refused).rejects.toBe('no');
    expect(timed.house.resources.remaining()).toEqual([]);
  });

  test('an abort in the line leaves the line', async () => {
    await using timed = await TimedHouse.open({ databaseWorkers: 1 }, kind.open);
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
    await using timed = await TimedHouse.open({ databaseWorkers: 1, databaseWaiting: 1 }, kind.open);
    const { ended, held, letGo } = timed.hold('ada');
    await held;

    const waits = timed.skus('bob');
    const refused = timed.skus('cleo');

    await expect(refused).rejects.toMatchObject({
      code: 'DATABASE_BUSY',
      details: { waiting: 1 },
      retryAfterMs: 1_000,
    });
    await letGo();
    await ended;
    expect(await waits).toEqual([]);
  });

  test('who waited as long as a transaction may take is refused as busy', async () => {
    await using timed = await TimedHouse.open({ databaseWorkers: 1 }, kind.open);
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

  test('forgetting waits for the writer of the user', async () => {
    await using timed = await TimedHouse.open({}, kind.open);
    const { ended, held, letGo } = timed.hold('ada');
    await held;

    const forgotten = timed.house.databases.forget(timed.house.owner('ada'));
    await letGo();
    await ended;
    await forgotten;

    expect(await timed.skus('ada')).toEqual([]);
  });

  test.for([
    `${NUMBERS} SELECT x FROM c`,
    "WITH RECURSIVE c(x) AS (SELECT '' UNION ALL SELECT x FROM c) SELECT x FROM c",
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT NULL FROM c',
  ])('%s returns too much and is given up while it is read', async (text) => {
    await using house = await kind.open({ limits: { databaseResultBytes: 65_536 } });

    const tooMuch = house.session('ada').transaction((db) => sql.raw(text).execute(db), { readOnly: true });

    await expect(tooMuch).rejects.toMatchObject({ code: 'DATABASE_RESULT_TOO_LARGE', details: { limitBytes: 65_536 } });
    expect(await stockOf(house, 'ada')).toEqual([]);
  });

  test('a statement that wrote and then returned too much has written nothing', async () => {
    await using house = await kind.open({ limits: { databaseResultBytes: 1_024 } });
    const rows = Array.from({ length: 500 }, (_, n) => ({ sku: `otter-${n}`, count: n }));

    const tooMuch = house
      .session('ada')
      .transaction((db) => db.insertInto('stock').values(rows).returningAll().execute());

    await expect(tooMuch).rejects.toMatchObject({ code: 'DATABASE_RESULT_TOO_LARGE' });
    expect(await stockOf(house, 'ada')).toEqual([]);
  });
}
