/**
 * RLS: what row-level security costs. Two databases of one server, made by the
 * same migrations and filled with the same rows; in one of them the policies are
 * switched off. The same statements run on both in turn, each a transaction of
 * one round trip as a runtime makes it, the principal included on both sides.
 */

import { Client, escapeIdentifier, type QueryConfig } from 'pg';

import { ResourceRegistry } from '../src/base/resource-registry.ts';
import { DEFAULT_TENANT, runId, threadId, userId, type Owner } from '../src/context/ids.ts';
import { resolveLimits } from '../src/context/resolve-limits.ts';
import type { Store } from '../src/event/store.ts';
import { deriveFrom, DATA_SCHEMA, ownerText, PRINCIPAL_SETTING, SYSTEM_SCHEMA } from '../src/store/postgres/layout.ts';
import { openPostgresStore, readyDatabase } from '../src/store/postgres/index.ts';
import { signPrincipal } from '../src/store/postgres/principal.ts';
import type { ReadyDatabase } from '../src/store/postgres/provision.ts';
import { urlAs } from '../src/store/postgres/target.ts';
import { BenchServer } from './bench-server.ts';
import { quantile, report, type Result } from './report.ts';

const USERS = 2_000;
const NOTES = 20;
const ROUNDS = 7;
const TIMES = 150;
const WRITERS = 20;

const owners: readonly Owner[] = Array.from({ length: USERS }, (_, index) => ({
  tenantId: DEFAULT_TENANT,
  userId: userId(`user-${index}`),
}));

/** One database: as a runtime finds it, or without its policies. */
class Side implements AsyncDisposable {
  readonly store: Store;
  readonly #agent: Client;
  readonly #key: Buffer;

  private constructor(store: Store, agent: Client, key: Buffer) {
    this.store = store;
    this.#agent = agent;
    this.#key = key;
  }

  static async open(url: string, policies: 'on' | 'off'): Promise<Side> {
    const migrations = { '001_note': 'CREATE TABLE note (id integer PRIMARY KEY, body text NOT NULL)' };
    const ready = await readyDatabase({ url }, migrations);
    await fill(url);
    if (policies === 'off') await switchOff(url);
    const limits = resolveLimits();
    const store = await openPostgresStore({ database: ready, limits, resources: new ResourceRegistry() });
    const { agentPassword, principalKey } = deriveFrom(ready.secret);
    const agent = new Client({ connectionString: urlAs(ready.url, agentOf(ready), agentPassword), pipeline: true });
    await agent.connect();
    return new Side(store, agent, principalKey);
  }

  /** One transaction of one round trip, as a user. */
  async run(owner: Owner, statement: QueryConfig): Promise<number> {
    const principal = signPrincipal(this.#key, Date.now() + 60_000, owner);
    const [, , result] = await Promise.all([
      this.#agent.query({ name: 'begin', text: 'BEGIN' }),
      this.#agent.query({
        name: 'who',
        text: `SELECT set_config('${PRINCIPAL_SETTING}', $1, true)`,
        values: [principal],
      }),
      this.#agent.query(statement),
      this.#agent.query({ name: 'commit', text: 'COMMIT' }),
    ]);
    return result.rowCount ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.end();
    await this.store.close();
  }
}

function agentOf({ roles }: ReadyDatabase): string {
  return roles.agent;
}

async function fill(url: string): Promise<void> {
  await asSuperuser(url, [
    `INSERT INTO ${DATA_SCHEMA}.note (enginehouse_owner, id, body)
       SELECT '["default","user-' || u || '"]', n, repeat('x', 200) FROM generate_series(0, ${USERS - 1}) u, generate_series(1, ${NOTES}) n`,
    `ANALYZE ${DATA_SCHEMA}.note`,
  ]);
}

async function switchOff(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('${SYSTEM_SCHEMA}', '${DATA_SCHEMA}') AND c.relkind = 'r'`,
  );
  for (const { schema, name } of rows)
    await client.query(`ALTER TABLE ${schema}.${escapeIdentifier(name)} DISABLE ROW LEVEL SECURITY`);
  await client.end();
}

async function asSuperuser(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

let next = 1_000;

interface Work {
  readonly name: string;
  /** Milliseconds of one operation. */
  readonly perform: (side: Side) => Promise<number>;
}

function statement(name: string, expected: number, make: (owner: Owner, index: number) => QueryConfig): Work {
  return {
    name,
    perform: async (side) => {
      const startedAt = performance.now();
      for (let index = 0; index < TIMES; index += 1) {
        const owner = owners[(index * 37) % USERS] ?? owners[0];
        if (owner === undefined) throw new Error('there are no users');
        const rows = await side.run(owner, make(owner, index));
        if (rows !== expected) throw new Error(`${name} met ${rows} rows, not ${expected}`);
      }
      return (performance.now() - startedAt) / TIMES;
    },
  };
}

const works: readonly Work[] = [
  statement('read one row by its key', 1, (owner, index) => ({
    name: 'one',
    text: 'SELECT body FROM note WHERE enginehouse_owner = $1 AND id = $2',
    values: [ownerText(owner), (index % NOTES) + 1],
  })),
  statement("read a user's 20 rows", NOTES, (owner) => ({
    name: 'all',
    text: 'SELECT body FROM note WHERE enginehouse_owner = $1',
    values: [ownerText(owner)],
  })),
  statement('update one row', 1, (owner, index) => ({
    name: 'update',
    text: 'UPDATE note SET body = $3 WHERE enginehouse_owner = $1 AND id = $2',
    values: [ownerText(owner), (index % NOTES) + 1, 'y'.repeat(200)],
  })),
  statement('insert one row', 1, () => ({
    name: 'insert',
    text: 'INSERT INTO note (id, body) VALUES ($1, $2)',
    values: [(next += 1), 'z'.repeat(200)],
  })),
  statement('insert 100 rows', 100, () => ({
    name: 'insert100',
    text: `INSERT INTO note (id, body) SELECT $1 + n, $2 FROM generate_series(1, 100) n`,
    values: [(next += 100), 'z'.repeat(200)],
  })),
  { name: `append an event, ${WRITERS} runs at once`, perform: append },
];

async function append({ store }: Side): Promise<number> {
  const appends = 100;
  const runs = await Promise.all(Array.from({ length: WRITERS }, (_, index) => accept(store, index)));
  const startedAt = performance.now();
  await Promise.all(
    runs.map(async ({ owner, id }) => {
      const { log } = store.for(owner);
      for (let head = 1; head <= appends; head += 1) {
        const event = { type: 'message_delta', at: head, data: '{"delta":"hello"}' } as const;
        await log.append(id, { generation: 1, after: head, events: [event] });
      }
    }),
  );
  return (performance.now() - startedAt) / (appends * WRITERS);
}

async function accept(store: Store, index: number) {
  const owner = owners[index] ?? { tenantId: DEFAULT_TENANT, userId: userId('nobody') };
  const id = runId(crypto.randomUUID());
  await store.for(owner).runs.accept({
    runId: id,
    threadId: threadId('bench'),
    agent: 'bench',
    version: '1',
    origin: 'request',
    parentRunId: undefined,
    inputDigest: 'none',
    context: '{}',
    holder: 'bench',
    accepted: { type: 'run_accepted', at: 0, data: '{}' },
  });
  return { owner, id };
}

await using server = await BenchServer.open();
await using guarded = await Side.open(await server.create('rls_on'), 'on');
await using open = await Side.open(await server.create('rls_off'), 'off');

const results: Result[] = [];
for (const { name, perform } of works) {
  const pairs: [number, number][] = [];
  // The first round warms up, and who begins changes each time.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const first = round % 2 === 0 ? guarded : open;
    const one = await perform(first);
    const other = await perform(first === guarded ? open : guarded);
    if (round > 0) pairs.push(first === guarded ? [one, other] : [other, one]);
  }
  const on = pairs.map(([with_]) => with_ * 1_000);
  const off = pairs.map(([, without]) => without * 1_000);
  results.push({
    name: `${name}, with policies`,
    value: quantile(on, 0.5),
    unit: 'µs',
    range: [Math.min(...on), Math.max(...on)],
    peer: `without ${quantile(off, 0.5).toFixed(0)} µs [${Math.min(...off).toFixed(0)} … ${Math.max(...off).toFixed(0)}]`,
  });
}
report('RLS', results, [
  await server.describe(),
  'both sides set the principal, which is a statement of the round trip',
]);
