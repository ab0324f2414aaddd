/** Users' tables behind PgBouncer in transaction mode: every transaction may be on another connection of the server. */

import { sql } from 'kysely';
import { expect } from 'vitest';

import { databaseOf } from '../target.ts';
import { testPostgres } from '../../../testing/postgres/test-postgres.ts';
import { PgBouncer } from '../../../../test/support/pgbouncer.ts';
import { PostgresDataHouses } from '../../../../test/support/postgres-data-house.ts';
import { testWithPgBouncer } from '../../../../test/support/requirements.ts';
import { TimedHouse } from '../../../../test/support/timed-house.ts';

const SEED = "INSERT INTO stock (sku, count) VALUES ('otter', 0)";

testWithPgBouncer('behind PgBouncer users keep to their rows, and leave nothing behind', async (program) => {
  await using postgres = await testPostgres();
  await using pooler = await PgBouncer.start(program, postgres.tcpUrl);
  await using houses = new PostgresDataHouses((url) => pooler.urlOf(postgres.urlOf(databaseOf(url), { tcp: true })));
  await using house = await houses.open({ seed: SEED, limits: { databaseWorkers: 8 } });
  const users = Array.from({ length: 10 }, (_, n) => `user ${n}`);

  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      house.session(users[n % 10] ?? '').transaction(async (db) => {
        const note = await sql`SELECT current_setting('my.note', true) AS note`.execute(db);
        await sql`SELECT set_config('my.note', 'mine', false), set_config('search_path', 'public', false)`.execute(db);
        await db
          .updateTable('enginehouse_data.stock')
          .set((eb) => ({ count: eb('count', '+', 1) }))
          .execute();
        expect(note.rows[0]).not.toEqual({ note: 'mine' });
      }),
    ),
  );

  const seen = await Promise.all(
    users.map((user) => house.session(user).transaction((db) => db.selectFrom('stock').selectAll().execute())),
  );
  expect(seen).toEqual(users.map(() => [{ sku: 'otter', count: 10 }]));
});

testWithPgBouncer('behind PgBouncer a statement that does not end is ended', async (program) => {
  await using postgres = await testPostgres();
  await using pooler = await PgBouncer.start(program, postgres.tcpUrl);
  await using houses = new PostgresDataHouses((url) => pooler.urlOf(postgres.urlOf(databaseOf(url), { tcp: true })));
  await using timed = await TimedHouse.open({ databaseWorkers: 1 }, (options) => houses.open(options));
  await timed.insert('ada', 'kept');

  const ended = timed.run('ada', (db, issued) => issued(sql`SELECT pg_sleep(20)`.execute(db)));
  const outcome = expect(ended).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' });
  await timed.statementRuns();
  await timed.clock.advance(30_000);
  await outcome;

  expect(await timed.skus('ada')).toEqual(['kept']);
});
