/** Group commits: what is told to whom, what is remembered, and what the statements touch. */

import { crc32 } from 'node:zlib';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { ada, ALL, AT, bob, completed, delta, newArtifact, newRun } from '../../../test/contract/store/samples.ts';
import { asAdmin, readyTestDatabase, type ReadyTestDatabase } from '../../../test/support/postgres-database.ts';
import { ResourceRegistry } from '../../base/resource-registry.ts';
import { canonicalEventText } from '../../context/canonical-event.ts';
import { runId, threadId, userId, type Owner } from '../../context/ids.ts';
import type { NewEvent } from '../../event/store.ts';
import type { Outcome } from '../log/outcome.ts';
import type { Write } from '../log/writes.ts';
import { Connections, type Wish } from './connections.ts';
import { ExclusiveUse } from './exclusive-use.ts';
import { deriveFrom } from './layout.ts';
import { PostgresWriter } from './postgres-writer.ts';
import type { Statement } from './prepared.ts';
import { PostgresReader } from './reads.ts';
import { urlAs } from './target.ts';

/** Notes what is sent: the names of the statements of each transaction, and their plans. */
class WatchedConnections extends Connections {
  readonly sent: string[][] = [];
  readonly plans: string[] = [];

  override async transact(wish: Wish, statements: readonly Statement[]): ReturnType<Connections['transact']> {
    this.sent.push(statements.map(({ name = '' }) => name.replace(/^enginehouse_(.*)_\w+$/, '$1')));
    const results = await super.transact(wish, statements);
    for (const { text, values } of statements) {
      const plan = { text: `EXPLAIN ${text}`, ...(values === undefined ? {} : { values }) };
      const [explained] = await super.transact(wish, [plan]);
      this.plans.push(explained?.rows.map((row: Record<string, unknown>) => row['QUERY PLAN']).join('\n') ?? '');
    }
    return results;
  }
}

let template: ReadyTestDatabase;
beforeAll(async () => {
  template = await readyTestDatabase();
});
afterAll(() => template[Symbol.asyncDispose]());

interface House {
  readonly database: ReadyTestDatabase;
  readonly connections: WatchedConnections;
  readonly writer: PostgresWriter;
  readonly reader: PostgresReader;
}

async function openWriter(): Promise<House> {
  const owned = new AsyncDisposableStack();
  onTestFinished(() => owned.disposeAsync());
  const database = owned.use(await readyTestDatabase(template.name));
  const { ready } = database;
  const { systemPassword, principalKey } = deriveFrom(ready.secret);
  const url = urlAs(ready.url, ready.roles.system, systemPassword);
  const resources = new ResourceRegistry();
  const connections = new WatchedConnections({
    url,
    name: 'test',
    most: 2,
    timeoutMs: 10_000,
    key: principalKey,
    resources,
  });
  const use = owned.use(new ExclusiveUse({ url, where: 'db', timeoutMs: 10_000 }));
  const writer = owned.use(new PostgresWriter({ connections, use, where: 'db' }));
  return { database, connections, writer, reader: new PostgresReader({ connections, where: 'db' }) };
}

async function withRuns(...ids: readonly string[]): Promise<House> {
  const house = await openWriter();
  await house.writer.commit(ids.map((id) => accept(id)));
  house.connections.sent.length = 0;
  house.connections.plans.length = 0;
  return house;
}

function accept(id: string, owner = ada): Write {
  return { name: 'accept', args: { owner, run: newRun(id), epoch: id } };
}

function append(id: string, after: number, ...events: readonly NewEvent[]): Write {
  return { name: 'append', args: { owner: ada, runId: runId(id), generation: 1, after, events } };
}

function short(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map((outcome) => ('result' in outcome ? outcome.result : outcome.refusal.code));
}

/** What the database is made to refuse, so that a statement fails after the transaction has begun. */
const unwritable = delta('unwritable');
const REFUSE = `ALTER TABLE enginehouse.events ADD CONSTRAINT writable CHECK (data NOT LIKE '%unwritable%')`;

test('W1: the writes of a group are one transaction, and their appends one statement', async () => {
  const { writer, connections } = await withRuns('r1', 'r2');
  const file = { owner: ada, artifact: newArtifact('f1'), upload: undefined, place: 0, whole: undefined };

  const outcomes = await writer.commit([
    append('r1', 1, delta('a'), delta('b')),
    accept('r3', bob),
    append('r2', 1, completed),
    { name: 'piece', args: { ...file, content: new Uint8Array(9) } },
    append('r1', 3, delta('c')),
  ]);

  expect(short(outcomes)).toEqual([3, expect.objectContaining({ created: true }), 2, expect.any(Number), 4]);
  expect(connections.sent).toEqual([['accept', 'append', 'move_threads', 'begin_upload']]);
});

test('A1: whatever the statistics say, a group looks at its own rows only', async () => {
  const { writer, connections, database } = await withRuns('r1', 'r2');
  // So small that reading all of it would cost least.
  await asAdmin(database.url, 'ANALYZE');

  await writer.commit([append('r1', 1, delta('a')), append('r2', 1, completed), accept('r3')]);

  expect(connections.plans.filter((plan) => /Seq Scan|Bitmap|Hash Join|Merge Join/.test(plan))).toEqual([]);
  expect(
    connections.plans
      .join('\n')
      .match(/(Index|Tid) Scan.*$/gm)
      ?.map((scan) => scan.replace(/ +\(.*/, '')),
  ).toEqual([
    'Index Scan using states_pkey on states s',
    'Tid Scan on states s_1',
    'Index Scan using runs_pkey on runs r',
    expect.stringMatching(/^Index Scan using threads_(pkey|newest) on threads t_1$/),
    'Tid Scan on threads t',
  ]);
});

test('whatever the statistics say, a read looks at rows of its own only', async () => {
  const { reader, connections, database } = await withRuns('r1', 'r2');
  await asAdmin(database.url, 'ANALYZE');
  const [run, thread] = [runId('r1'), threadId('t1')];
  const query = {
    limit: 9,
    threadId: thread,
    parentRunId: run,
    status: 'queued',
    before: { acceptedAt: AT, runId: 'r9' },
  };

  await reader.read({ name: 'log.read', owner: ada, args: page('r1') });
  await reader.read({ name: 'log.head', owner: ada, args: run });
  await reader.read({ name: 'runs.get', owner: ada, args: run });
  await reader.read({ name: 'runs.list', owner: ada, args: { limit: 9 } });
  await reader.read({ name: 'runs.list', owner: ada, args: { ...query, status: 'queued' } });
  await reader.read({ name: 'commands.pending', owner: ada, args: run });
  await reader.read({ name: 'artifacts.get', owner: ada, args: 'f' });
  await reader.read({ name: 'artifacts.list', owner: ada, args: run });
  await reader.read({ name: 'artifacts.read', owner: ada, args: { key: 1, place: 0 } });
  await reader.read({ name: 'threads.get', owner: ada, args: thread });
  await reader.read({ name: 'threads.list', owner: ada, args: 9 });

  expect(connections.plans).toHaveLength(11);
  expect(connections.plans.filter((plan) => /Seq Scan|Hash Join|Merge Join/.test(plan))).toEqual([]);
  const scans = connections.plans.flatMap((plan) => plan.split(/(?=Index Scan|Bitmap Index Scan|Tid Scan)/).slice(1));
  expect(scans.filter((scan) => !scan.includes('Index Cond'))).toEqual([]);
});

test('W1: a refusal leaves its neighbours their commit', async () => {
  const { writer, reader } = await withRuns('r1', 'r2');

  const outcomes = await writer.commit([
    append('r1', 1, delta('a')),
    { name: 'append', args: { owner: ada, runId: runId('r2'), generation: 9, after: 1, events: [delta('a')] } },
    append('r2', 1, delta('a')),
    append('r2', 7, delta('a')),
    append('nobody', 1, delta('a')),
  ]);

  expect(short(outcomes)).toEqual([2, 'LEASE_LOST', 2, 'LOG_CONFLICT', 'NOT_FOUND']);
  expect((await reader.read({ name: 'log.read', owner: ada, args: page('r2') })).map(({ seq }) => seq)).toEqual([1, 2]);
});

test('W1: a start that is known and one that is new share a group', async () => {
  const { writer, connections } = await withRuns('r1', 'r3');

  const outcomes = await writer.commit([accept('r2'), accept('r1'), append('r3', 1, delta('a'))]);

  expect(short(outcomes)).toEqual([
    expect.objectContaining({ created: true, run: expect.objectContaining({ runId: 'r2', head: 1 }) }),
    expect.objectContaining({ created: false, run: expect.objectContaining({ runId: 'r1', head: 1 }) }),
    2,
  ]);
  expect(connections.sent).toEqual([['accept', 'append'], ['find_logs'], ['find_runs'], ['accept', 'append']]);
});

test('W2: a write that fails half-way is taken back whole, and fails alone', async () => {
  const { writer, reader, database } = await withRuns('r1', 'r2', 'r3');
  await asAdmin(database.url, REFUSE);

  const outcomes = await writer.commit([
    append('r1', 1, delta('a')),
    append('r2', 1, delta('a'), unwritable),
    append('r3', 1, delta('a')),
  ]);

  expect(short(outcomes)).toEqual([2, 'STORE_FAILED', 2]);
  expect(outcomes[1]).toMatchObject({
    refusal: { details: { operation: 'append', reason: expect.stringContaining('"writable"') } },
  });
  const heads = ['r1', 'r2', 'r3'].map((id) => reader.read({ name: 'log.head', owner: ada, args: runId(id) }));
  expect((await Promise.all(heads)).map((head) => head?.head)).toEqual([2, 1, 2]);
});

test('W4: what is remembered of a log is forgotten with the transaction that failed', async () => {
  const { writer, database } = await withRuns('r1');
  await asAdmin(database.url, REFUSE);

  const [outcome] = await writer.commit([append('r1', 1, delta('a'), unwritable)]);

  expect(outcome).toMatchObject({ refusal: { code: 'STORE_FAILED' } });
  expect(short(await writer.commit([append('r1', 1, delta('a'))]))).toEqual([2]);
});

test.each([
  [
    'the lease',
    'generation = 2',
    { refusal: { code: 'LEASE_LOST', message: 'run r1 is held by generation 2, not 1' } },
  ],
  ['the head', 'head = 2', { refusal: { code: 'LOG_CONFLICT', details: { runId: 'r1', expected: 1, head: 2 } } }],
  ['the end', `status = 'completed', generation = 1, crc = 7`, { refusal: { code: 'RUN_ENDED' } }],
])('A2: when another process changed %s, that is seen before anything is refused', async (_what, change, outcome) => {
  const { writer, database } = await withRuns('r1', 'r2');

  await asAdmin(database.url, `UPDATE enginehouse.states SET ${change} WHERE run_id = 'r1'`);
  const outcomes = await writer.commit([append('r1', 1, delta('a')), append('r2', 1, delta('a'))]);

  expect(outcomes).toMatchObject([outcome, { result: 2 }]);
});

test('A2: the checksum goes on from what is there', async () => {
  const { writer, reader, database } = await withRuns('r1');

  await asAdmin(database.url, `UPDATE enginehouse.states SET crc = 7 WHERE run_id = 'r1'`);
  await writer.commit([append('r1', 1, delta('a'))]);

  const crc = crc32(canonicalEventText(2, 'message_delta', AT, delta('a').data), 7);
  expect(await reader.read({ name: 'log.head', owner: ada, args: runId('r1') })).toMatchObject({ head: 2, crc });
});

test('A2: a log that another process began anew is not taken for the one that was', async () => {
  const { writer, database } = await withRuns('r1');

  await asAdmin(
    database.url,
    'CREATE TABLE old_run AS SELECT * FROM enginehouse.runs',
    'CREATE TABLE old_state AS SELECT * FROM enginehouse.states',
    'DELETE FROM enginehouse.runs',
    'INSERT INTO enginehouse.runs SELECT * FROM old_run',
    'UPDATE enginehouse.runs SET run = 77',
    'UPDATE old_state SET run = 77',
    'INSERT INTO enginehouse.states SELECT * FROM old_state',
  );

  expect(short(await writer.commit([append('r1', 1, delta('a'))]))).toEqual([2]);
  expect(await asAdmin(database.url, 'SELECT run FROM enginehouse.events WHERE seq = 2')).toEqual([{ run: '77' }]);
});

test('a group of a thousand owners is one transaction', async () => {
  const { writer, connections } = await openWriter();
  const owners = Array.from({ length: 1_000 }, (_, index): Owner => ({ ...ada, userId: userId(`user ${index}`) }));

  await writer.commit(owners.map((owner) => accept('r1', owner)));
  const appends = owners.map((owner): Write => {
    return { name: 'append', args: { owner, runId: runId('r1'), generation: 1, after: 1, events: [delta('a')] } };
  });
  const outcomes = await writer.commit(appends);

  expect(new Set(short(outcomes))).toEqual(new Set([2]));
  expect(connections.sent).toEqual([['accept'], ['append']]);
});

test('W1: a group that is chosen to end a deadlock is made again', async () => {
  const { writer, connections, database } = await withRuns('r1', 'r2');
  const other = new Client({ connectionString: database.url });
  onTestFinished(() => other.end());
  await other.connect();
  const lock = (id: string): Promise<unknown> =>
    other.query('SELECT FROM enginehouse.states WHERE run_id = $1 FOR UPDATE', [id]);
  await other.query(`BEGIN; SET LOCAL deadlock_timeout = '1min'`);
  await lock('r2');

  const group = writer.commit([append('r1', 1, delta('a')), append('r2', 1, delta('a'))]);
  const waiting =
    'SELECT FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())';
  while ((await other.query(waiting)).rowCount === 0);
  await lock('r1');
  await other.query('COMMIT');

  expect(short(await group)).toEqual([2, 2]);
  expect(connections.sent).toEqual([['append'], ['find_logs'], ['append']]);
});

function page(id: string): {
  readonly runId: ReturnType<typeof runId>;
  readonly after: number;
  readonly limit: number;
} {
  return { runId: runId(id), after: 0, limit: ALL };
}
