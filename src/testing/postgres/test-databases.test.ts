import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { Client, escapeLiteral } from 'pg';
import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';

import { asAdmin } from '../../../test/support/postgres-database.ts';
import { endKit } from '../kit-end.ts';
import type { StoreOptions } from '../../startup/config.ts';
import { dropTemplate } from './template.ts';
import { templateHash, type TemplatePlan } from './template-hash.ts';
import { parseDatabaseName, SESSION_PREFIX, templateName } from './test-database-name.ts';
import { openTestDatabase, type TestDatabase } from './test-databases.ts';
import { testPostgres, type TestPostgres } from './test-postgres.ts';

const CHILD = new URL('../../../test/support/fixture/database-child.ts', import.meta.url).pathname;
const ENDED_WELL = { failedTest: undefined, inOrder: true };

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await testPostgres();
  return () => postgres.release();
});

afterEach(async () => {
  const failures = await endKit();
  if (failures.length > 0) throw new AggregateError(failures);
});

/** Of an application that no other test has, so that its template is this test's too. */
function freshPlan(): TemplatePlan {
  const migrations = { '001': `CREATE TABLE stock (sku text PRIMARY KEY, nth serial); -- ${crypto.randomUUID()}` };
  const plan = { migrations, seed: undefined };
  onTestFinished(() => dropTemplate(async (sql) => (await admin(sql)) as never[], templateOf(plan)).catch(() => {}));
  return plan;
}

function templateOf(plan: TemplatePlan): string {
  return templateName(templateHash(plan));
}

function admin(...statements: readonly string[]) {
  return asAdmin(postgres.adminUrl, ...statements);
}

function databaseOf({ url = '' }: StoreOptions): string {
  return new URL(url).pathname.slice(1);
}

async function copiesOf(plan: TemplatePlan): Promise<readonly unknown[]> {
  const rows = await admin(`SELECT datname FROM pg_database WHERE starts_with(datname, '${templateOf(plan)}_')`);
  return rows.map(({ datname }) => datname);
}

async function rowsIn({ store: { url = '' } }: TestDatabase, sql: string): Promise<readonly unknown[]> {
  return asAdmin(url, sql);
}

interface Child {
  readonly process: ChildProcess;
  readonly store: Promise<StoreOptions>;
}

function child(plan: TemplatePlan): Child {
  const started = spawn(process.execPath, [CHILD, JSON.stringify(plan)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void started.kill('SIGKILL'));
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  return { process: started, store: lines.next().then(({ value }) => JSON.parse(value as string) as StoreOptions) };
}

test('processes that want a template at once build one, and each gets a copy of its own', async () => {
  const plan = freshPlan();
  const children = [child(plan), child(plan), child(plan), child(plan)];

  const stores = await Promise.all(children.map(({ store }) => store));

  // A second build would have failed the first: its copies and its roles' passwords would be another's.
  expect(new Set(stores.map(databaseOf)).size).toBe(4);
  expect(new Set(stores.map(({ secret }) => secret)).size).toBe(1);
  const [found] = await admin(
    `SELECT datistemplate, datallowconn FROM pg_database WHERE datname = '${templateOf(plan)}'`,
  );
  expect(found).toEqual({ datistemplate: true, datallowconn: false });
  const ended = children.map(({ process: started }) => once(started, 'exit'));
  for (const { process: started } of children) started.stdin?.end();
  expect(await Promise.all(ended)).toEqual([
    [0, null],
    [0, null],
    [0, null],
    [0, null],
  ]);
  expect(await copiesOf(plan)).toEqual([]);
});

test('what a killed process left is dropped by the next, and what a living one has is not', async () => {
  const plan = freshPlan();
  const [killed, alive] = [child(plan), child(plan)];
  const [left, used] = (await Promise.all([killed.store, alive.store])).map(databaseOf);
  const exit = once(killed.process, 'exit');
  killed.process.kill('SIGKILL');
  await exit;
  await sessionGone(parseDatabaseName(left ?? '')?.process ?? '');

  await (await openTestDatabase({ plan, isolation: 'clone' })).release(ENDED_WELL);
  expect(await endKit()).toEqual([]);

  const copies = await copiesOf(plan);
  expect(copies).toContain(used);
  expect(copies).not.toContain(left);
});

/** The server notices in its own time, which is after the copy that it was just making. */
async function sessionGone(process: string): Promise<void> {
  const sql = `SELECT FROM pg_stat_activity WHERE application_name = '${SESSION_PREFIX} ${process}'`;
  while ((await admin(sql)).length > 0);
}

test('a template that a killed builder left half made is built anew', async () => {
  const plan = freshPlan();
  await admin(`CREATE DATABASE ${templateOf(plan)}`);

  const database = await openTestDatabase({ plan, isolation: 'clone' });

  expect(await rowsIn(database, 'SELECT count(*)::integer FROM enginehouse_data.stock')).toEqual([{ count: 0 }]);
  await database.release(ENDED_WELL);
});

test('a copy has its template’s rights: nobody may make temporary tables in it', async () => {
  const plan = freshPlan();
  const database = await openTestDatabase({ plan, isolation: 'clone' });
  const rights = (name: string) =>
    admin(`
      SELECT a.privilege_type, coalesce(r.rolname, 'PUBLIC') AS grantee
        FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
       WHERE d.datname = '${name}' ORDER BY 1, 2`);

  const copied = await rights(databaseOf(database.store));

  expect(copied).toEqual(await rights(templateOf(plan)));
  expect(copied).not.toContainEqual({ privilege_type: 'TEMPORARY', grantee: 'PUBLIC' });
  await database.release(ENDED_WELL);
});

test('a migration that fails is tried once, and leaves nothing on the server', async () => {
  const plan = { migrations: { '001': `CREATE TABLE (${crypto.randomUUID()})` }, seed: undefined };

  const outcomes = await Promise.allSettled([
    openTestDatabase({ plan, isolation: 'clone' }),
    openTestDatabase({ plan, isolation: 'recycle' }),
  ]);

  const [first, second] = outcomes.map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as unknown) : undefined,
  );
  expect(first).toMatchObject({ code: 'MIGRATION_FAILED' });
  expect(second).toBe(first);
  const name = templateOf(plan);
  expect(await admin(`SELECT FROM pg_database WHERE datname = '${name}'`)).toEqual([]);
  expect(await admin(`SELECT FROM pg_roles WHERE starts_with(rolname, '${name}')`)).toEqual([]);
});

test('a recycled database is as it was made: no rows of anybody, and every sequence at its start', async () => {
  const plan = freshPlan();
  const first = await openTestDatabase({ plan, isolation: 'recycle' });
  const dirty = `
    INSERT INTO enginehouse_data.stock (enginehouse_owner, sku) VALUES ('["default","ada"]', 'otter-1');
    INSERT INTO enginehouse.threads VALUES ('["default","ada"]', 't1', 0, 0);
    INSERT INTO enginehouse.commands (owner, command_id, run, run_id, op, args, at)
      OVERRIDING SYSTEM VALUE VALUES ('["default","ada"]', 'c1', 1, 'r1', 'cancel', '{}', 0)`;
  // Without the checks of foreign keys: the rows need not make sense, they need to go.
  await asAdmin(first.store.url ?? '', 'SET session_replication_role = replica', dirty);
  await first.release(ENDED_WELL);

  const second = await openTestDatabase({ plan, isolation: 'recycle' });

  expect(second.store.url).toBe(first.store.url);
  expect(await rowsIn(second, 'SELECT FROM enginehouse_data.stock')).toEqual([]);
  expect(await rowsIn(second, 'SELECT FROM enginehouse.threads')).toEqual([]);
  expect(await rowsIn(second, 'SELECT FROM enginehouse.commands')).toEqual([]);
  expect(await rowsIn(second, 'SELECT FROM enginehouse.migrations')).not.toEqual([]);
  expect(
    await rowsIn(second, `INSERT INTO enginehouse_data.stock (enginehouse_owner, sku) VALUES ('x', 'y') RETURNING nth`),
  ).toEqual([{ nth: 1 }]);
  await second.release(ENDED_WELL);
});

test('two tests at once have two recycled databases', async () => {
  const plan = freshPlan();
  const [one, other] = await Promise.all([
    openTestDatabase({ plan, isolation: 'recycle' }),
    openTestDatabase({ plan, isolation: 'recycle' }),
  ]);

  expect(one.store.url).not.toBe(other.store.url);
  await Promise.all([one.release(ENDED_WELL), other.release(ENDED_WELL)]);
});

test('a database that was not left in order is never given to another test', async () => {
  const plan = freshPlan();
  const left = await openTestDatabase({ plan, isolation: 'recycle' });
  await left.release({ failedTest: undefined, inOrder: false });

  const next = await openTestDatabase({ plan, isolation: 'recycle' });

  expect(next.store.url).not.toBe(left.store.url);
  await next.release(ENDED_WELL);
});

test('a test that has its database when the kit is closed goes on with it, and it is dropped after', async () => {
  const plan = freshPlan();
  const database = await openTestDatabase({ plan, isolation: 'clone' });

  const failures = await endKit();
  const rows = await rowsIn(database, 'SELECT 1 AS one');
  const left = await database.sessionsLeft();
  await database.release(ENDED_WELL);

  expect([failures, rows, left]).toEqual([[], [{ one: 1 }], 0]);
  expect(await copiesOf(plan)).toEqual([]);
});

test('sessions that a runtime left on its database are counted', async () => {
  const database = await openTestDatabase({ plan: freshPlan(), isolation: 'clone' });
  const counts: number[] = [];

  const session = new Client({ connectionString: database.store.url });
  await session.connect();
  counts.push(await database.sessionsLeft());
  await session.end();
  counts.push(await database.sessionsLeft());

  expect(counts).toEqual([1, 0]);
  await database.release(ENDED_WELL);
});

test('tests that share a database are given the same one', async () => {
  const plan = freshPlan();
  const [one, other] = await Promise.all([
    openTestDatabase({ plan, isolation: 'tenant' }),
    openTestDatabase({ plan, isolation: 'tenant' }),
  ]);

  expect(one.store).toEqual(other.store);
  await one.release(ENDED_WELL);
  await other.release(ENDED_WELL);
  expect(await admin(`SELECT FROM pg_database WHERE datname = ${escapeLiteral(databaseOf(one.store))}`)).toHaveLength(
    1,
  );
});
