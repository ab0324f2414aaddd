/** What the attacks rest on, read from the catalog: for every table, role and function, those of later versions too. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { AttackedDatabase } from './attacked-database.ts';

const OURS = "n.nspname IN ('enginehouse', 'enginehouse_data')";

let database: AttackedDatabase;

beforeAll(async () => {
  database = await AttackedDatabase.make();
});

afterAll(() => database[Symbol.asyncDispose]());

/** The first column of all rows. */
async function names(sql: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
  const { rows } = await database.root.query<unknown[]>({ text: sql, values: [...values], rowMode: 'array' });
  return rows.map(([name]) => name);
}

test('row-level security is on and forced on every table of both schemas', async () => {
  const tables = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE ${OURS} AND c.relkind IN ('r', 'p')`;

  expect((await names(tables)).length).toBeGreaterThan(12);
  expect(await names(`${tables} AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`)).toEqual([]);
});

test('nothing else in both schemas holds rows, and a view looks as whoever asks', async () => {
  const others = await names(`SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OURS} AND c.relkind NOT IN ('r', 'p', 'v', 'i', 'I', 'S', 't', 'c')`);
  const blind = await names(`SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OURS} AND c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)`);

  expect({ others, blind }).toEqual({ others: [], blind: [] });
});

test('the only policy that lets a login see a row asks for its owner', async () => {
  const policies = `SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p
                      JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE ${OURS} AND p.polpermissive
                       AND (0 = ANY (p.polroles) OR p.polroles && ARRAY(SELECT oid FROM pg_roles WHERE rolname = ANY ($1)))`;
  const { system, agent } = database.ready.roles;
  const asked = await names(policies, [[system, agent]]);

  expect(asked.length).toBeGreaterThan(9);
  for (const one of asked)
    expect(one).toMatch(/^\((enginehouse_)?owner (= ANY|IN) \(.*SELECT .*enginehouse\.owners\(\).*\)$/);
});

test('our roles are no superusers, make no roles, and pass no policy; the owner of the tables cannot log in', async () => {
  const { system, agent, owner } = database.ready.roles;
  const strong = await names(
    `SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)
      AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit)`,
    [[system, agent, owner]],
  );
  const logins = await names('SELECT rolname FROM pg_roles WHERE rolname = ANY ($1) AND rolcanlogin ORDER BY 1', [
    [system, agent, owner],
  ]);

  expect({ strong, logins }).toEqual({ strong: [], logins: [agent, system] });
});

test('our logins are members of nothing, and own nothing', async () => {
  const { system, agent } = database.ready.roles;
  const logins = [[system, agent]];
  const memberships = await names(
    'SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ANY ($1)',
    logins,
  );
  const owned = await names(
    `SELECT d.objid FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
      WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND r.rolname = ANY ($1)`,
    logins,
  );

  expect({ memberships, owned }).toEqual({ memberships: [], owned: [] });
});

test('nobody in general may call a function of the system, or reach into both schemas', async () => {
  const functions = await names(
    `SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
            LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      WHERE n.nspname = 'enginehouse' AND a.grantee = 0`,
  );
  const schemas = await names(
    `SELECT n.nspname FROM pg_namespace n, LATERAL aclexplode(n.nspacl) a WHERE ${OURS} AND a.grantee = 0`,
  );
  const tables = await names(
    `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
            LATERAL aclexplode(c.relacl) a WHERE ${OURS} AND a.grantee = 0`,
  );

  expect({ functions, schemas, tables }).toEqual({ functions: [], schemas: [], tables: [] });
});

test('a function that runs as the owner of the tables has a fixed search path that ends with pg_temp', async () => {
  const definers = `SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE ${OURS} AND p.prosecdef`;

  expect((await names(definers)).length).toBeGreaterThan(3);
  expect(
    await names(`${definers} AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s ~ '^search_path=.*, pg_temp$')`),
  ).toEqual([]);
});

test("the agents' login has no right on the system's tables, and the log's none on the application's", async () => {
  const { system, agent } = database.ready.roles;
  const rights = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $2 AND c.relkind IN ('r', 'p', 'v', 'S')
                     AND (CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1, c.oid, 'USAGE, SELECT, UPDATE')
                               ELSE has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
                                    OR has_table_privilege($1, c.oid, 'DELETE, TRUNCATE, TRIGGER') END)`;

  expect(await names(rights, [agent, 'enginehouse'])).toEqual([]);
  expect(await names(rights, [system, 'enginehouse_data'])).toEqual([]);
});

test('our logins may delete rows, and never truncate, refer to or put triggers on tables', async () => {
  const { system, agent } = database.ready.roles;
  const strong = `SELECT DISTINCT c.oid::regclass::text
                    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest($1::text[]) role
                   WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v')
                     AND has_table_privilege(role, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')`;

  expect(await names(strong, [[system, agent]])).toEqual([]);
});

test('our logins may make nothing that lasts, nor anything temporary', async () => {
  const { system, agent } = database.ready.roles;
  const makers = `SELECT role FROM unnest($1::text[]) role
                   WHERE has_database_privilege(role, current_database(), 'CREATE, TEMPORARY')
                      OR EXISTS (SELECT FROM pg_namespace n WHERE has_schema_privilege(role, n.oid, 'CREATE'))`;

  expect(await names(makers, [[system, agent]])).toEqual([]);
});

test("every key of the application's tables begins with the owner, so that nobody's key is in anybody's way", async () => {
  const keys = `SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'enginehouse_owner'
                 WHERE c.relnamespace = 'enginehouse_data'::regnamespace AND i.indisunique`;

  expect((await names(keys)).length).toBeGreaterThan(3);
  expect(await names(`${keys} AND i.indkey[0] <> a.attnum`)).toEqual([]);
});

test("every reference between the application's tables carries the owner on both sides", async () => {
  const references = `SELECT f.conname FROM pg_constraint f
                        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attname = 'enginehouse_owner'
                        JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attname = 'enginehouse_owner'
                       WHERE f.connamespace = 'enginehouse_data'::regnamespace AND f.contype = 'f'`;

  expect(await names(references)).toEqual(['orders_sku_fkey']);
  expect(await names(`${references} AND NOT (f.conkey[1] = a.attnum AND f.confkey[1] = b.attnum)`)).toEqual([]);
});
