import { sql, type Kysely } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Migrations } from '../../../event/migrations.ts';
import { asAdmin, freshDatabase, type FreshDatabase } from '../../../../test/support/postgres-database.ts';
import { planMigrations } from '../../database/migration-plan.ts';
import { provision, type ReadyDatabase } from '../provision.ts';

const STOCK = 'CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER)';

test('every table has an owner, a forced policy, and rights for rows alone', async () => {
  await using migrated = await Migrated.with({
    '001': `${STOCK}; CREATE TABLE bare (a INTEGER)`,
    '002': 'CREATE TABLE event (at INTEGER, name TEXT) PARTITION BY RANGE (at)',
    '003': 'CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10)',
  });

  const tables = await migrated.ask(
    `SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS forced,
            (SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies,
            (SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM aclexplode(c.relacl)
              WHERE grantee = '${migrated.ready.roles.agent}'::regrole) AS rights,
            (SELECT count(*)::int FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] =
              (SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = 'enginehouse_owner')) AS indexes
       FROM pg_class c WHERE relnamespace = 'enginehouse_data'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname`,
  );

  const expected = { forced: true, policies: 'migrations own', rights: 'DELETE INSERT SELECT UPDATE', indexes: 1 };
  expect(tables).toEqual(
    ['bare', 'enginehouse_users', 'event', 'event_1', 'stock'].map((name) => ({ name, ...expected })),
  );
});

test('keys, unique constraints and references begin with the owner and keep what else they are', async () => {
  await using migrated = await Migrated.with({
    '001': `
      ${STOCK};
      CREATE TABLE sale (
        id INTEGER GENERATED ALWAYS AS IDENTITY,
        sku TEXT CONSTRAINT of_stock REFERENCES stock ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
        line INTEGER,
        day DATE,
        parent INTEGER,
        CONSTRAINT sale_key PRIMARY KEY (id),
        CONSTRAINT one_a_day UNIQUE NULLS NOT DISTINCT (day, line) INCLUDE (sku) DEFERRABLE,
        CONSTRAINT of_sale FOREIGN KEY (parent) REFERENCES sale ON DELETE CASCADE
      );
      CREATE TABLE part (
        a INTEGER, b INTEGER, c INTEGER,
        UNIQUE (a, b),
        CONSTRAINT of_part FOREIGN KEY (b, c) REFERENCES part (a, b) ON DELETE SET DEFAULT (c)
      );`,
    '002': 'CREATE UNIQUE INDEX lines ON sale (lower(sku) DESC, line) WHERE line > 3',
  });

  const constraints = await migrated.ask(
    `SELECT conname || ': ' || replace(pg_get_constraintdef(oid), 'enginehouse_data.', '') AS text FROM pg_constraint
      WHERE connamespace = 'enginehouse_data'::regnamespace AND contype IN ('p', 'u', 'f') ORDER BY 1`,
  );

  expect(constraints.map(({ text }) => text)).toEqual([
    'enginehouse_users_pkey: PRIMARY KEY (enginehouse_owner)',
    'of_part: FOREIGN KEY (enginehouse_owner, b, c) REFERENCES part(enginehouse_owner, a, b) ON DELETE SET DEFAULT (c)',
    'of_sale: FOREIGN KEY (enginehouse_owner, parent) REFERENCES sale(enginehouse_owner, id) ON DELETE CASCADE',
    'of_stock: FOREIGN KEY (enginehouse_owner, sku) REFERENCES stock(enginehouse_owner, sku) ON UPDATE CASCADE ON DELETE SET NULL (sku) DEFERRABLE INITIALLY DEFERRED',
    'one_a_day: UNIQUE NULLS NOT DISTINCT (enginehouse_owner, day, line) INCLUDE (sku) DEFERRABLE',
    'part_a_b_key: UNIQUE (enginehouse_owner, a, b)',
    'sale_key: PRIMARY KEY (enginehouse_owner, id)',
    'stock_pkey: PRIMARY KEY (enginehouse_owner, sku)',
  ]);
  const [lines] = await migrated.ask(`SELECT indexdef FROM pg_indexes WHERE indexname = 'lines'`);
  expect(lines?.['indexdef']).toBe(
    'CREATE UNIQUE INDEX lines ON enginehouse_data.sale USING btree (enginehouse_owner, lower(sku) DESC, line) WHERE (line > 3)',
  );
});

test('what a later migration adds to an older table is kept per user too', async () => {
  await using migrated = await Migrated.with({ '001': STOCK });
  await migrated.with({
    '001': STOCK,
    '002': `ALTER TABLE stock ADD COLUMN code TEXT, ADD CONSTRAINT code_once UNIQUE (code);
            ALTER TABLE stock DROP CONSTRAINT stock_pkey;
            ALTER TABLE stock ADD PRIMARY KEY (code)`,
    '003': 'ALTER TABLE stock DISABLE ROW LEVEL SECURITY',
    '004': `GRANT ALL ON stock TO PUBLIC`,
  });

  const constraints = await migrated.ask(
    `SELECT pg_get_constraintdef(c.oid) AS text, relforcerowsecurity AND relrowsecurity AS forced,
            EXISTS (SELECT FROM aclexplode(t.relacl) WHERE grantee = 0) AS everybody
       FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid WHERE relname = 'stock' AND contype IN ('p', 'u') ORDER BY 1`,
  );
  expect(constraints).toEqual([
    { text: 'PRIMARY KEY (enginehouse_owner, code)', forced: true, everybody: false },
    { text: 'UNIQUE (enginehouse_owner, code)', forced: true, everybody: false },
  ]);
});

test('a migration changes the rows of all users, and copies them with their owners', async () => {
  await using migrated = await Migrated.with({ '001': STOCK });
  const data = 'enginehouse_data';
  await asAdmin(
    migrated.url,
    `INSERT INTO ${data}.stock VALUES ('otter', 1, '["default","ada"]'), ('otter', 2, '["default","bob"]')`,
  );

  await migrated.with({
    '001': STOCK,
    '002': 'UPDATE stock SET count = count + 10',
    '003': 'CREATE TABLE shelf (LIKE stock INCLUDING ALL); INSERT INTO shelf SELECT * FROM stock; DROP TABLE stock',
    '004': async (db: Kysely<never>) => {
      const { rows } = await sql<{ n: number }>`UPDATE shelf SET count = count + ${100} RETURNING count AS n`.execute(
        db,
      );
      expect(rows).toHaveLength(2);
    },
  });

  expect(await migrated.ask(`SELECT * FROM ${data}.shelf ORDER BY count`)).toEqual([
    { sku: 'otter', count: 111, enginehouse_owner: '["default","ada"]' },
    { sku: 'otter', count: 112, enginehouse_owner: '["default","bob"]' },
  ]);
});

test('a later migration may refer to an older table, however it is written', async () => {
  await using migrated = await Migrated.with({
    '001': `${STOCK}; CREATE TABLE "Odd ""one" (a INTEGER, b INTEGER UNIQUE, PRIMARY KEY (a, b))`,
  });
  const data = 'enginehouse_data';
  await asAdmin(
    migrated.url,
    `INSERT INTO ${data}.stock VALUES ('otter', 1, '["default","ada"]'), ('otter', 2, '["default","bob"]')`,
  );
  await migrated.with({
    '001': `${STOCK}; CREATE TABLE "Odd ""one" (a INTEGER, b INTEGER UNIQUE, PRIMARY KEY (a, b))`,
    '002': `
      CREATE TABLE sale (sku TEXT NOT NULL REFERENCES stock (sku), other TEXT references /* the */ Enginehouse_Data . STOCK);
      COMMENT ON TABLE sale IS 'it REFERENCES stock';
      CREATE TABLE line (a INTEGER, b INTEGER REFERENCES "Odd ""one" (b), FOREIGN KEY (a, b) REFERENCES "Odd ""one" ON DELETE CASCADE)`,
    '003': async (db: Kysely<never>) => {
      await db.schema
        .createTable('box')
        .addColumn('sku', 'text', (c) => c.references('stock.sku').onDelete('set null'))
        .execute();
    },
    '004':
      'ALTER TABLE stock ADD COLUMN twin TEXT; UPDATE stock SET twin = sku; ALTER TABLE stock ADD FOREIGN KEY (twin) REFERENCES stock',
  });

  const references = await migrated.ask(
    `SELECT conrelid::regclass || ' ' || replace(pg_get_constraintdef(oid), 'enginehouse_data.', '') AS text
       FROM pg_constraint WHERE contype = 'f' AND connamespace = 'enginehouse_data'::regnamespace ORDER BY 1`,
  );
  expect(references.map(({ text }) => text)).toEqual([
    'enginehouse_data.box FOREIGN KEY (enginehouse_owner, sku) REFERENCES stock(enginehouse_owner, sku) ON DELETE SET NULL (sku)',
    'enginehouse_data.line FOREIGN KEY (enginehouse_owner, a, b) REFERENCES "Odd ""one"(enginehouse_owner, a, b) ON DELETE CASCADE',
    'enginehouse_data.line FOREIGN KEY (enginehouse_owner, b) REFERENCES "Odd ""one"(enginehouse_owner, b)',
    'enginehouse_data.sale FOREIGN KEY (enginehouse_owner, other) REFERENCES stock(enginehouse_owner, sku)',
    'enginehouse_data.sale FOREIGN KEY (enginehouse_owner, sku) REFERENCES stock(enginehouse_owner, sku)',
    'enginehouse_data.stock FOREIGN KEY (enginehouse_owner, twin) REFERENCES stock(enginehouse_owner, sku)',
  ]);
  expect(await migrated.ask(`SELECT relname FROM pg_class WHERE relname LIKE 'stand%'`)).toEqual([]);
});

describe('what is refused', () => {
  let migrated: Migrated;
  beforeAll(async () => {
    migrated = await Migrated.with({ '001': STOCK });
  });
  afterAll(() => migrated[Symbol.asyncDispose]());

  test.for<[what: string, step: string, reason: string | RegExp, cure?: string]>([
    [
      'a materialized view',
      'CREATE MATERIALIZED VIEW m AS SELECT 1',
      'm is a materialized view, which cannot tell users apart',
    ],
    ['inheritance', 'CREATE TABLE child () INHERITS (stock)', 'stock is part of an inheritance'],
    ['an own owner column', 'CREATE TABLE t (enginehouse_owner TEXT)', 't has a column enginehouse_owner of its own'],
    [
      'a policy that widens',
      'CREATE POLICY all_rows ON stock USING (true)',
      'policy all_rows on stock would show rows of other users',
    ],
    ['a rule', 'CREATE RULE r AS ON DELETE TO stock DO INSTEAD NOTHING', 'stock has the rule r'],
    [
      'SECURITY DEFINER',
      "CREATE FUNCTION f() RETURNS INTEGER LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
      'f() is SECURITY DEFINER, and would run as the owner of every table',
    ],
    [
      'an exclusion',
      'CREATE TABLE t (a INT4RANGE, EXCLUDE USING gist (a WITH &&))',
      'constraint t_a_excl of t excludes rows of other users, which cannot be kept per user',
    ],
    [
      'ON UPDATE SET NULL',
      'CREATE TABLE t (sku TEXT REFERENCES stock ON UPDATE SET NULL)',
      'constraint t_sku_fkey of t changes the owner ON UPDATE, which cannot be kept per user',
    ],
    [
      'a reference to another schema',
      'CREATE TABLE t (run BIGINT REFERENCES enginehouse.runs (run))',
      'constraint t_run_fkey of t refers to a table that has no owners, which cannot be kept per user',
    ],
    [
      'rows in a new table',
      "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x')",
      "it puts rows into t, which would be nobody's",
      'seed',
    ],
    [
      'rows in an older table',
      "INSERT INTO stock VALUES ('otter', 1)",
      /null value in column "enginehouse_owner"/,
      'seed',
    ],
    ['the end of the transaction', 'SELECT 1; COMMIT', /transaction commands/],
    ['the end of the transaction, deeper', 'DO $$ BEGIN COMMIT; END $$', /invalid transaction termination/],
    ['another role', 'RESET ROLE; CREATE TABLE enginehouse_data.t (a INTEGER)', /^t belongs to /],
    ['what fails', 'CREATE TABLE half (a INTEGER); SELECT * FROM nowhere', 'relation "nowhere" does not exist'],
  ])('%s is refused by name, and nothing of its step stays', async ([, step, reason, cure = '']) => {
    const failed = migrated.with({ '001': STOCK, '002_bad': step });

    await expect(failed).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      details: {
        migration: '002_bad',
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      },
      cure: expect.stringContaining(cure),
    });
    expect(
      await migrated.ask(
        `SELECT string_agg(relname, ' ' ORDER BY relname) AS names FROM pg_class
        WHERE relnamespace = 'enginehouse_data'::regnamespace AND relkind IN ('r', 'm')`,
      ),
    ).toEqual([{ names: 'enginehouse_users stock' }]);
  });
});

test('a function of Kysely is a step, whose own failure is the reason', async () => {
  await using migrated = await Migrated.with({
    '001': async (db) => {
      await db.schema
        .createTable('stock')
        .addColumn('sku', 'text', (column) => column.primaryKey())
        .execute();
    },
  });
  const failure = new Error('the lamp went out');

  const failed = migrated.with({
    '001': async () => undefined,
    '002': async (db) => {
      await sql`CREATE TABLE half (a INTEGER)`.execute(db);
      await expect(sql`COMMIT`.execute(db)).rejects.toMatchObject({ code: 'DATABASE_DENIED' });
      throw failure;
    },
  });

  await expect(failed).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    details: { migration: '002', reason: 'the lamp went out' },
    cause: failure,
  });
  expect(await migrated.ask(`SELECT to_regclass('enginehouse_data.half') AS half`)).toEqual([{ half: null }]);
});

test('a statement that a function did not await fails its step', async () => {
  await using migrated = await Migrated.with({ '001': STOCK });

  const failed = migrated.with({
    '001': STOCK,
    '002': async (db) => {
      void sql`CREATE TABLE t (a INTEGER)`.execute(db).catch(() => undefined);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    },
  });

  await expect(failed).rejects.toMatchObject({ code: 'MIGRATION_FAILED', details: { migration: '002' } });
});

test('views read as who asks, and functions and sequences are for the agents where they need them', async () => {
  await using migrated = await Migrated.with({
    '001': `
      CREATE TABLE note (id SERIAL PRIMARY KEY, other INTEGER GENERATED ALWAYS AS IDENTITY, body TEXT);
      CREATE VIEW bodies AS SELECT body FROM note;
      CREATE FUNCTION twice(a INTEGER) RETURNS INTEGER LANGUAGE sql AS 'SELECT a * 2';
      CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
      CREATE TRIGGER stamped BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION stamp();`,
  });
  const { agent } = migrated.ready.roles;

  const [may] = await migrated.ask(
    `SELECT 'security_invoker=true' = ANY (reloptions) AS invoker,
            has_table_privilege('${agent}', c.oid, 'SELECT') AS view,
            has_sequence_privilege('${agent}', 'enginehouse_data.note_id_seq', 'USAGE') AS sequence,
            has_sequence_privilege('${agent}', 'enginehouse_data.note_id_seq', 'UPDATE') AS setting,
            has_sequence_privilege('${agent}', 'enginehouse_data.note_other_seq', 'USAGE') AS identity,
            has_function_privilege('${agent}', 'enginehouse_data.twice(integer)', 'EXECUTE') AS twice,
            has_function_privilege('${agent}', 'enginehouse_data.stamp()', 'EXECUTE') AS stamp,
            has_table_privilege('${agent}', 'enginehouse_data.note', 'TRUNCATE, REFERENCES, TRIGGER') AS more
       FROM pg_class c WHERE oid = 'enginehouse_data.bodies'::regclass`,
  );

  expect(may).toEqual({
    invoker: true,
    view: true,
    sequence: true,
    setting: false,
    identity: false,
    twice: true,
    stamp: false,
    more: false,
  });
});

class Migrated implements AsyncDisposable {
  readonly #fresh: FreshDatabase;
  ready: ReadyDatabase;

  constructor(fresh: FreshDatabase, ready: ReadyDatabase) {
    this.#fresh = fresh;
    this.ready = ready;
  }

  static async with(migrations: Migrations): Promise<Migrated> {
    const fresh = await freshDatabase();
    const ready = await provision({ url: fresh.url }, planMigrations(migrations, 'postgres'));
    return new Migrated(fresh, ready);
  }

  get url(): string {
    return this.#fresh.url;
  }

  /** Runs what is new in them. */
  async with(migrations: Migrations): Promise<void> {
    this.ready = await provision({ url: this.url }, planMigrations(migrations, 'postgres'));
  }

  ask(query: string): Promise<readonly Record<string, unknown>[]> {
    return asAdmin(this.url, query);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fresh[Symbol.asyncDispose]();
  }
}
