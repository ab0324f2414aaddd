/** Commands and functions that belong to nobody who only has rows. A superuser may use them. */

import { exceeds, type Attack, type Where } from './attack.ts';

const LOGIN: readonly Where[] = ['agent login', 'system login', 'door'];
const SHARED: readonly Where[] = ['agent login', 'door'];
const SYSTEM: readonly Where[] = ['system login'];
/** PostgreSQL lets a role do it to itself or to what it may write; only the door refuses it (docs/decisions). */
const DOOR: readonly Where[] = ['door'];

const one = (sql: string): readonly string[] => [sql];

export const DEFINITIONS: readonly Attack[] = [
  exceeds({ name: 'truncates', where: SHARED, sql: one('TRUNCATE stock CASCADE') }),
  exceeds({ name: 'truncates the log', where: SYSTEM, sql: one('TRUNCATE events') }),
  exceeds({ name: 'drops a table', where: SHARED, sql: one('DROP TABLE stock CASCADE') }),
  exceeds({ name: 'alters a table', where: SHARED, sql: one('ALTER TABLE stock ADD COLUMN mine text') }),
  exceeds({
    name: 'takes row-level security from a table',
    where: SHARED,
    sql: one('ALTER TABLE stock DISABLE ROW LEVEL SECURITY'),
  }),
  exceeds({
    name: 'takes row-level security from the log',
    where: SYSTEM,
    sql: one('ALTER TABLE events NO FORCE ROW LEVEL SECURITY'),
  }),
  exceeds({ name: 'drops the policy', where: SHARED, sql: one('DROP POLICY own ON stock') }),
  exceeds({
    name: 'adds a policy that lets everything through',
    where: SHARED,
    sql: one('CREATE POLICY mine ON stock USING (true)'),
  }),
  exceeds({ name: 'takes a table over', where: SHARED, sql: one('ALTER TABLE stock OWNER TO CURRENT_USER') }),
  exceeds({
    name: 'reassigns what the owner role has',
    where: LOGIN,
    sql: ({ roles }) => [`REASSIGN OWNED BY "${roles?.owner}" TO CURRENT_USER`],
  }),
  exceeds({
    name: 'drops what the owner role has',
    where: LOGIN,
    sql: ({ roles }) => [`DROP OWNED BY "${roles?.owner}" CASCADE`],
  }),
  exceeds({ name: 'makes a table', where: LOGIN, sql: one('CREATE TABLE enginehouse_data.mine (a text)') }),
  exceeds({ name: 'makes a table in the public schema', where: LOGIN, sql: one('CREATE TABLE public.mine (a text)') }),
  exceeds({
    name: 'makes a table of a select',
    where: SHARED,
    sql: one('SELECT * INTO enginehouse_data.mine FROM stock'),
  }),
  exceeds({ name: 'makes a temporary table', where: SHARED, sql: one('CREATE TEMPORARY TABLE stock (sku text)') }),
  exceeds({
    name: 'makes a temporary view',
    where: SHARED,
    sql: one('CREATE TEMPORARY VIEW mine AS SELECT * FROM stock'),
  }),
  exceeds({
    name: 'makes a view',
    where: SHARED,
    sql: one('CREATE VIEW enginehouse_data.mine AS SELECT * FROM stock'),
  }),
  exceeds({
    name: 'replaces a view',
    where: SHARED,
    sql: one('CREATE OR REPLACE VIEW names AS SELECT sku, note FROM stock'),
  }),
  exceeds({
    name: 'makes a materialized view',
    where: SHARED,
    sql: one('CREATE MATERIALIZED VIEW enginehouse_data.mine AS SELECT * FROM stock'),
  }),
  exceeds({ name: 'makes a schema', where: LOGIN, sql: one('CREATE SCHEMA mine') }),
  exceeds({
    name: 'makes a function',
    where: LOGIN,
    sql: one("CREATE FUNCTION public.mine() RETURNS text LANGUAGE sql AS 'SELECT 1::text'"),
  }),
  exceeds({
    name: 'makes a temporary function that leaks what it is shown',
    where: SHARED,
    sql: one(
      "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
    ),
  }),
  exceeds({
    name: 'makes a trigger',
    where: SHARED,
    sql: one(
      'CREATE TRIGGER mine BEFORE INSERT ON stock FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    ),
    proof: one(
      'CREATE TRIGGER mine BEFORE UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    ),
  }),
  exceeds({ name: 'disables triggers', where: SHARED, sql: one('ALTER TABLE stock DISABLE TRIGGER ALL') }),
  exceeds({
    name: 'turns triggers off for its session',
    where: LOGIN,
    sql: one('SET session_replication_role = replica'),
  }),
  exceeds({
    name: 'makes a rule',
    where: SHARED,
    sql: one('CREATE RULE mine AS ON INSERT TO stock DO ALSO DELETE FROM orders'),
  }),
  exceeds({
    name: 'makes an event trigger',
    where: LOGIN,
    sql: one('CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    proof: one("CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"),
  }),
  exceeds({
    name: 'makes an operator',
    where: LOGIN,
    sql: one('CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)'),
  }),
  exceeds({ name: 'makes a cast', where: LOGIN, sql: one('CREATE CAST (text AS bytea) WITHOUT FUNCTION') }),
  exceeds({ name: 'makes a type', where: LOGIN, sql: one("CREATE TYPE public.mine AS ENUM ('a')") }),
  exceeds({ name: 'makes an index', where: SHARED, sql: one('CREATE INDEX mine ON stock (note)') }),
  exceeds({
    name: 'makes statistics of a table',
    where: SHARED,
    sql: one('CREATE STATISTICS mine ON sku, note FROM stock'),
  }),
  exceeds({ name: 'makes a publication', where: LOGIN, sql: one('CREATE PUBLICATION mine FOR ALL TABLES') }),
  exceeds({
    name: 'alters the system',
    where: LOGIN,
    sql: one("ALTER SYSTEM SET log_statement = 'all'"),
    codes: ['42501', '25001'],
    proof: one("SET log_statement = 'all'"),
  }),
  exceeds({ name: 'comments on a table', where: SHARED, sql: one("COMMENT ON TABLE stock IS 'mine'") }),
  exceeds({ name: 'logs the statements of its session', where: LOGIN, sql: one("SET log_statement = 'all'") }),
  exceeds({ name: 'shows its statements to others again', where: SHARED, sql: one('SET track_activities = on') }),
  exceeds({ name: 'lifts the limit of temporary files', where: SHARED, sql: one("SET temp_file_limit = '-1'") }),
];

export const OUTSIDE: readonly Attack[] = [
  exceeds({
    name: 'copies a table to a file',
    where: LOGIN,
    sql: one("COPY (SELECT 1) TO '/tmp/enginehouse-attack'"),
    proof: one("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'"),
  }),
  exceeds({
    name: 'copies a table to a program',
    where: LOGIN,
    sql: one("COPY (SELECT 1) TO PROGRAM 'cat'"),
    proof: one("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'"),
  }),
  exceeds({
    name: 'copies a file into a table',
    where: SHARED,
    sql: one("COPY stock FROM '/etc/passwd'"),
    codes: ['42501', '0A000'],
    proof: one("SELECT pg_read_file('PG_VERSION')"),
  }),
  exceeds({
    name: 'copies rows in',
    where: SHARED,
    sql: one('COPY stock FROM STDIN'),
    codes: ['0A000'],
    proof: one('COPY stock TO STDOUT'),
  }),
  exceeds({ name: 'reads a file', where: LOGIN, sql: one("SELECT pg_read_file('PG_VERSION')") }),
  exceeds({ name: 'reads a file as bytes', where: LOGIN, sql: one("SELECT pg_read_binary_file('PG_VERSION')") }),
  exceeds({ name: 'lists a folder', where: LOGIN, sql: one("SELECT * FROM pg_ls_dir('.')") }),
  exceeds({
    name: 'lists the logs of the server',
    where: LOGIN,
    sql: one('SELECT * FROM pg_ls_logdir()'),
    proof: one('SELECT * FROM pg_ls_waldir()'),
  }),
  exceeds({ name: 'looks at a file', where: LOGIN, sql: one("SELECT * FROM pg_stat_file('PG_VERSION')") }),
  exceeds({
    name: 'imports a file as a large object',
    where: LOGIN,
    sql: one("SELECT lo_import('/etc/hostname')"),
    proof: one("SELECT lo_from_bytea(0, 'x')"),
  }),
  exceeds({
    name: 'exports a large object to a file',
    where: LOGIN,
    sql: one("SELECT lo_export(1, '/tmp/enginehouse-attack')"),
    proof: one("SELECT lo_from_bytea(0, 'x')"),
  }),
  exceeds({
    name: 'leaves a large object for others',
    where: SHARED,
    sql: one("SELECT lo_from_bytea(0, 'a message')"),
  }),
  exceeds({ name: 'makes a large object', where: SHARED, sql: one('SELECT lo_create(0)') }),
  exceeds({ name: 'reads large objects of others', where: SHARED, sql: one('SELECT * FROM pg_largeobject') }),
  exceeds({ name: 'makes the extension dblink', where: LOGIN, sql: one('CREATE EXTENSION dblink') }),
  exceeds({ name: 'makes the extension postgres_fdw', where: LOGIN, sql: one('CREATE EXTENSION postgres_fdw') }),
  exceeds({ name: 'makes the extension file_fdw', where: LOGIN, sql: one('CREATE EXTENSION file_fdw') }),
  exceeds({
    name: 'makes an extension that a database owner may make',
    where: LOGIN,
    sql: one('CREATE EXTENSION pgcrypto'),
  }),
  exceeds({
    name: 'makes a foreign server',
    where: LOGIN,
    sql: one('CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw'),
    proof: ['CREATE EXTENSION postgres_fdw', 'CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw'],
    codes: ['42501', '42704'],
  }),
  exceeds({ name: 'loads a library', where: LOGIN, sql: one("LOAD 'dblink'") }),
  exceeds({ name: 'ends the connections of others', where: SHARED, sql: one('SELECT pg_terminate_backend(0)') }),
  exceeds({ name: 'cancels the statements of others', where: SHARED, sql: one('SELECT pg_cancel_backend(0)') }),
  exceeds({
    name: 'takes the lock of migrations',
    where: LOGIN,
    sql: one('SELECT pg_try_advisory_lock(7308332045899067503)'),
  }),
  exceeds({
    name: 'takes an advisory lock for its transaction',
    where: LOGIN,
    sql: one('SELECT pg_advisory_xact_lock(1)'),
  }),
  exceeds({
    name: 'reloads the configuration',
    where: LOGIN,
    sql: one('SELECT pg_reload_conf()'),
    proof: one('SELECT pg_stat_reset()'),
  }),
  exceeds({ name: 'calls unfinished()', where: SHARED, sql: one('SELECT * FROM enginehouse.unfinished(NULL)') }),
  exceeds({ name: 'calls drop_leftovers()', where: SHARED, sql: one('SELECT enginehouse.drop_leftovers(NULL)') }),
  exceeds({ name: 'calls applied()', where: SHARED, sql: one('SELECT * FROM enginehouse.applied()') }),
  ...['runs', 'states', 'events', 'commands', 'artifacts', 'pieces', 'threads'].map((table) =>
    exceeds({
      name: `reads the system's table ${table}`,
      where: SHARED,
      sql: one(`SELECT * FROM enginehouse.${table}`),
    }),
  ),
];

/** What a login may do to itself, or to everybody's time. */
export const ONLY_THE_DOOR: readonly Attack[] = [
  exceeds({
    name: 'changes the password of its login',
    where: DOOR,
    sql: one("ALTER ROLE CURRENT_USER PASSWORD 'mine'"),
  }),
  exceeds({
    name: 'changes the settings of its login',
    where: DOOR,
    sql: one("ALTER ROLE CURRENT_USER SET search_path = 'public'"),
  }),
  exceeds({
    name: 'drops the rights of its login',
    where: DOOR,
    sql: one('DROP OWNED BY CURRENT_USER'),
    proof: ['CREATE ROLE enginehouse_attack', 'DROP OWNED BY enginehouse_attack'],
  }),
  exceeds({
    name: 'lets another login become its own',
    where: DOOR,
    sql: ({ roles }) => [`GRANT "${roles?.agent}" TO "${roles?.system}"`],
  }),
  exceeds({
    name: 'prepares its transaction, to be committed by somebody later',
    where: DOOR,
    sql: one("PREPARE TRANSACTION 'mine'"),
    proof: one('SELECT * FROM pg_prepared_xacts'),
  }),
  exceeds({
    name: 'hides a command behind a comment that a carriage return ends',
    where: DOOR,
    sql: one("--\rALTER ROLE CURRENT_USER --\nWITH PASSWORD 'mine'"),
  }),
  exceeds({
    name: 'hides an explain behind a comment that a carriage return ends',
    where: DOOR,
    sql: one('--\rEXPLAIN --\nSELECT * FROM stock'),
  }),
  exceeds({ name: 'hides a command behind nested comments', where: DOOR, sql: one('/* /* */ SELECT */ LISTEN news') }),
  exceeds({
    name: 'hides a command behind a bracket',
    where: DOOR,
    sql: one('(EXPLAIN SELECT 1)'),
    proof: one('EXPLAIN SELECT 1'),
  }),
  exceeds({ name: 'hides a command behind an empty statement', where: DOOR, sql: one(';LISTEN news') }),
  exceeds({
    name: 'hides a command behind a byte order mark',
    where: DOOR,
    sql: one('\uFEFFLISTEN news'),
    proof: one('LISTEN news'),
  }),
  exceeds({
    name: 'ends its text with a null byte',
    where: ['door', 'sqlite'],
    sql: one('SELECT 1\0; DROP TABLE stock'),
    proof: one('SELECT 1'),
  }),
  exceeds({
    name: 'calls a function by an escaped identifier',
    where: DOOR,
    sql: one('SELECT U&"pg\\005fcancel_backend"(0)'),
  }),
  exceeds({
    name: 'says set_config to free itself of the time limit, and does not end',
    where: DOOR,
    sql: [
      "SELECT set_config('statement_timeout', '0', true), set_config('statement_timeout', '0', false)",
      'SELECT count(*) FROM generate_series(1, 1000000000000)',
    ],
    proof: [
      "SELECT set_config('statement_timeout', '0', true), set_config('statement_timeout', '0', false)",
      'SELECT count(*) FROM generate_series(1, 10)',
    ],
  }),
  exceeds({
    name: 'returns rows without end',
    where: DOOR,
    sql: one("SELECT repeat('x', 1000) FROM generate_series(1, 1000000000)"),
    proof: one("SELECT repeat('x', 1000) FROM generate_series(1, 10)"),
  }),
  exceeds({
    name: 'returns one value of half a gigabyte',
    where: DOOR,
    sql: one("SELECT repeat('x', 500000000)"),
    proof: one("SELECT repeat('x', 5)"),
  }),
  exceeds({
    name: 'locks a table against everybody',
    where: DOOR,
    sql: one('LOCK TABLE stock IN ACCESS EXCLUSIVE MODE'),
  }),
  exceeds({ name: 'commits', where: DOOR, sql: one('COMMIT') }),
  exceeds({ name: 'listens', where: DOOR, sql: one('LISTEN news') }),
  exceeds({ name: 'notifies', where: DOOR, sql: one("NOTIFY news, 'x'") }),
  exceeds({ name: 'notifies with the function', where: DOOR, sql: one("SELECT pg_notify('news', 'x')") }),
  exceeds({
    name: 'says two statements in one text',
    where: ['agent login', 'system login', 'door', 'sqlite'],
    sql: one('SELECT 1; SELECT 2'),
    codes: ['42601'],
    proof: ['SELECT 1', 'SELECT 2'],
  }),
];
