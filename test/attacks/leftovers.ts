/** Things left on a connection for whoever comes next on it. */

import { CANARY, finds, leaves, type Attack, type Where } from './attack.ts';

const SHARED: readonly Where[] = ['agent login', 'door'];

const there = (condition: string): string => `SELECT 'there' AS it WHERE ${condition}`;

/** A setting of the session, by `SET` and by the function that hides in a select. */
function settings(name: string, value: string): readonly Attack[] {
  const trace = there(`current_setting('${name}', true) = '${value}'`);
  return [
    leaves({ name: `sets ${name} for the session`, where: SHARED, sql: [`SET SESSION ${name} = '${value}'`], trace }),
    leaves({
      name: `sets ${name} for the session in a select`,
      where: SHARED,
      sql: [`SELECT set_config('${name}', '${value}', false)`],
      trace,
    }),
  ];
}

export const LEFTOVERS: readonly Attack[] = [
  leaves({
    name: 'leaves a temporary table that hides the real one',
    where: SHARED,
    sql: [
      'CREATE TEMP TABLE stock (sku text, count integer)',
      "SELECT set_config('search_path', 'pg_temp, enginehouse_data', false)",
    ],
    trace: there("to_regclass('pg_temp.stock') IS NOT NULL"),
  }),
  leaves({
    name: 'leaves a temporary view that hides the real table',
    where: SHARED,
    sql: ["CREATE TEMP VIEW stock AS SELECT 'bear' AS sku, 1 AS count", 'SET search_path = pg_temp, enginehouse_data'],
    trace: there("to_regclass('pg_temp.stock') IS NOT NULL"),
  }),
  leaves({
    name: 'selects into a temporary table that stays',
    where: SHARED,
    sql: ['SELECT 1 AS sku INTO TEMP stock'],
    trace: there("to_regclass('pg_temp.stock') IS NOT NULL"),
  }),
  leaves({
    name: 'leaves a temporary function',
    where: SHARED,
    sql: ["CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"],
    trace: there("to_regprocedure('pg_temp.lower(text)') IS NOT NULL"),
  }),
  leaves({
    name: 'prepares a statement under the name that says the principal',
    where: SHARED,
    sql: [
      'DEALLOCATE ALL',
      `PREPARE enginehouse_principal (text, text) AS SELECT set_config('enginehouse.principal', 'forged', true), $1, $2`,
    ],
    trace: "SELECT name FROM pg_prepared_statements WHERE name = 'enginehouse_principal'",
  }),
  leaves({
    name: 'leaves a cursor that outlives its transaction',
    where: SHARED,
    sql: ['DECLARE left_open CURSOR WITH HOLD FOR SELECT 1'],
    trace: "SELECT name FROM pg_cursors WHERE name = 'left_open'",
  }),
  leaves({
    name: 'goes on listening',
    where: SHARED,
    sql: ['COMMIT', 'LISTEN news'],
    trace: 'SELECT * FROM pg_listening_channels()',
  }),
  leaves({
    name: 'keeps an advisory lock',
    where: SHARED,
    sql: ['SELECT pg_advisory_lock(42)'],
    trace: "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
  }),
  leaves({
    name: 'leaves the last value of a sequence',
    where: SHARED,
    sql: ["SELECT nextval('tickets')"],
    trace: 'SELECT lastval()',
  }),
  leaves({
    name: 'ends the transaction, and sets its own principal for the session',
    where: SHARED,
    sql: ['COMMIT', "SELECT set_config('enginehouse.principal', 'forged', false)"],
    trace: there("current_setting('enginehouse.principal') = 'forged'"),
  }),
  leaves({
    name: 'ends the transaction and begins one that stays',
    where: SHARED,
    sql: ['COMMIT', 'BEGIN', "SELECT set_config('enginehouse.remains', 'there', false)"],
    trace: there("current_setting('enginehouse.remains', true) = 'there'"),
  }),
  leaves({
    name: 'makes every later transaction read-only',
    where: SHARED,
    sql: ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'],
    trace: there("current_setting('default_transaction_read_only') = 'on'"),
  }),
  ...settings('search_path', 'pg_catalog'),
  ...settings('row_security', 'off'),
  ...settings('standard_conforming_strings', 'off'),
  ...settings('default_transaction_read_only', 'on'),
  ...settings('lock_timeout', '7ms'),
  ...settings('idle_in_transaction_session_timeout', '7min'),
  ...settings('client_min_messages', 'debug5'),
  ...settings('datestyle', 'SQL, DMY'),
  ...settings('enable_indexscan', 'off'),
  ...settings('enginehouse.remains', 'there'),
];

export const FINDS: readonly Attack[] = [
  finds({
    name: 'fetches from the cursor that another left',
    where: SHARED,
    left: ['DECLARE hers CURSOR WITH HOLD FOR SELECT * FROM stock'],
    look: 'FETCH ALL FROM hers',
  }),
  finds({
    name: 'reads the temporary table that another left',
    where: SHARED,
    left: ['CREATE TEMP TABLE hers AS SELECT * FROM stock'],
    look: 'SELECT * FROM pg_temp.hers',
  }),
  finds({
    name: 'reads the statements that another prepared',
    where: SHARED,
    left: [`PREPARE hers AS SELECT * FROM stock WHERE sku = '${CANARY}-otter'`],
    look: 'SELECT statement FROM pg_prepared_statements',
  }),
  finds({
    name: 'executes a statement that another prepared',
    where: SHARED,
    left: [`PREPARE hers AS SELECT '${CANARY}'::text AS word`],
    look: 'EXECUTE hers',
  }),
  finds({
    name: 'reads a setting that another left',
    where: SHARED,
    left: [`SELECT set_config('shop.note', max(sku), false) FROM stock WHERE sku LIKE '${CANARY}%'`],
    look: "SELECT current_setting('shop.note', true)",
  }),
  finds({
    name: 'reads the principal that another had',
    where: SHARED,
    left: [`SELECT set_config('enginehouse.principal', '${CANARY}', true)`],
    look: "SELECT current_setting('enginehouse.principal', true)",
  }),
];
