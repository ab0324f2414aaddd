/** Ways to become somebody else: the setting of the principal, roles, the functions that read them. */

import { CANARY, exceeds, reads, type Attack, type House, type Where } from './attack.ts';

const SHARED: readonly Where[] = ['agent login', 'door'];
const LOGIN: readonly Where[] = ['agent login', 'system login', 'door'];

const LOOK: Readonly<Record<string, string>> = { 'system login': 'SELECT * FROM runs' };
const look = (house: House): string => LOOK[house.where] ?? 'SELECT * FROM stock';

/** `expression` makes the forged principal from Bob's own, which is `$own`. */
function forges(name: string, expression: string): Attack {
  const own = "current_setting('enginehouse.principal')";
  const sql = `SELECT set_config('enginehouse.principal', ${expression.replaceAll('$own', own)}, true)`;
  return reads({ name, where: LOGIN, sql: (house) => [sql, look(house)], proof: becomesAda });
}

/** A genuine principal of Ada, put there by the same statement, shows her rows: it is the setting that decides. */
function becomesAda(house: House): readonly string[] {
  const principal = house.principal?.('ada') ?? '';
  return [`SELECT set_config('enginehouse.principal', ${text(principal)}, true)`, look(house)];
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

const TO_ADA = String.raw`replace($own, '["default","bob"]', '["default","ada"]')`;

export const FORGED: readonly Attack[] = [
  forges('claims to be another without a code', String.raw`E'\n9999999999\n["default","ada"]'`),
  forges(
    'claims to be another with a code of zeros',
    String.raw`repeat('0', 64) || E'\n9999999999\n["default","ada"]'`,
  ),
  forges('puts another owner under its own code', TO_ADA),
  forges('adds another owner under its own code', String.raw`$own || E'\n["default","ada"]'`),
  forges('puts another owner before its own', String.raw`regexp_replace($own, E'\n\\[', E'\n["default","ada"]\n[')`),
  forges('claims the other tenant under its own code', String.raw`replace($own, 'default', 'elsewhere')`),
  forges(
    'lengthens its own time and changes the owner',
    String.raw`regexp_replace(${TO_ADA}, E'\n[0-9]+\n', E'\n999999999999\n')`,
  ),
  forges('cuts its own code to one digit', String.raw`substr(${TO_ADA}, 64)`),
  forges('says no owner at all', String.raw`split_part($own, E'\n', 1) || E'\n' || split_part($own, E'\n', 2)`),
  forges('says a wildcard', String.raw`replace($own, 'bob', '%')`),
  forges('says nothing', "''"),
  forges('says a single line break', String.raw`E'\n'`),
  forges(
    'hashes the way the database does, without the key',
    String.raw`encode(sha256(convert_to(E'9999999999\n["default","ada"]', 'UTF8')), 'hex') || E'\n9999999999\n["default","ada"]'`,
  ),
  forges('says ten million characters', String.raw`repeat('x', 10000000) || E'\n9999999999\n["default","ada"]'`),
  forges('says a hundred thousand owners', String.raw`$own || repeat(E'\n["default","ada"]', 100000)`),
  forges('replays its own principal, which is still its own', '$own'),
  reads({
    name: 'uses a genuine principal of another that has expired',
    where: LOGIN,
    sql: (house) => [
      `SELECT set_config('enginehouse.principal', ${text(house.principal?.('ada', true) ?? '')}, true)`,
      look(house),
    ],
    proof: becomesAda,
  }),
  reads({
    name: 'sets the principal with set',
    where: LOGIN,
    sql: (house) => [String.raw`SET enginehouse.principal = E'x\n9999999999\n["default","ada"]'`, look(house)],
    proof: becomesAda,
  }),
  reads({
    name: 'sets the principal by an escaped identifier',
    where: LOGIN,
    sql: (house) => [
      String.raw`SET LOCAL U&"engineh\006fuse".U&"princip\0061l" = E'x\n9999999999\n["default","ada"]'`,
      look(house),
    ],
    proof: becomesAda,
  }),
  reads({
    name: 'sets the principal in the middle of a statement',
    where: SHARED,
    sql: [
      String.raw`SELECT s.* FROM (SELECT set_config('enginehouse.principal', E'x\n9999999999\n["default","ada"]', true) OFFSET 0) c, LATERAL (SELECT * FROM stock WHERE c IS NOT NULL) s`,
    ],
    proof: becomesAda,
  }),
  reads({
    name: 'resets the principal',
    where: LOGIN,
    sql: (house) => ['RESET enginehouse.principal', look(house)],
    proof: becomesAda,
  }),
  reads({ name: 'resets everything', where: LOGIN, sql: (house) => ['RESET ALL', look(house)], proof: becomesAda }),
  reads({
    name: 'looks for the principals of others in the settings',
    where: SHARED,
    sql: [
      "SELECT name, setting, reset_val FROM pg_settings WHERE name LIKE 'enginehouse%'",
      "SELECT current_setting('enginehouse.principal', true)",
    ],
    proof: ['SELECT * FROM stock'],
  }),
  reads({
    name: 'lets a default write the owner that it claims',
    where: SHARED,
    sql: [
      String.raw`SELECT set_config('enginehouse.principal', E'x\n9999999999\n["default","ada"]', true)`,
      "INSERT INTO stock (sku, count) VALUES ('gift', 1)",
    ],
    proof: (house) => [
      ...becomesAda(house).slice(0, 1),
      `INSERT INTO stock (sku, count) VALUES ('${CANARY}-gift', 1) RETURNING sku`,
    ],
  }),
];

export const ROLES: readonly Attack[] = [
  exceeds({ name: 'becomes the owner role', where: LOGIN, sql: (house) => [`SET ROLE ${role(house, 'owner')}`] }),
  exceeds({
    name: 'becomes the other login',
    where: LOGIN,
    sql: (house) => [`SET ROLE ${role(house, house.where === 'system login' ? 'agent' : 'system')}`],
  }),
  exceeds({ name: 'becomes the role that reads everything', where: LOGIN, sql: ['SET ROLE pg_read_all_data'] }),
  exceeds({
    name: 'becomes the role with set_config',
    where: LOGIN,
    sql: (house) => [`SELECT set_config('role', '${role(house, 'owner')}', true)`],
  }),
  exceeds({
    name: 'authorizes its session anew',
    where: LOGIN,
    sql: (house) => [`SET SESSION AUTHORIZATION ${role(house, 'owner')}`],
  }),
  reads({
    name: 'resets its role',
    where: LOGIN,
    sql: (house) => ['RESET ROLE', 'RESET SESSION AUTHORIZATION', look(house)],
    proof: (house) => [look(house)],
  }),
  exceeds({
    name: 'turns row security off',
    where: LOGIN,
    sql: (house) => ['SET LOCAL row_security = off', look(house)],
  }),
  exceeds({
    name: 'turns row security off with set_config',
    where: LOGIN,
    sql: (house) => ["SELECT set_config('row_security', 'off', true)", look(house)],
  }),
  exceeds({ name: 'reads the key of principals', where: LOGIN, sql: ['SELECT * FROM enginehouse.keys'] }),
  exceeds({ name: 'reads the secret', where: LOGIN, sql: ['SELECT * FROM enginehouse.settings'] }),
  exceeds({ name: 'reads the record of migrations', where: LOGIN, sql: ['SELECT * FROM enginehouse.migrations'] }),
  exceeds({
    name: 'changes the key of principals',
    where: LOGIN,
    sql: ["UPDATE enginehouse.keys SET inner_block = ''"],
  }),
  exceeds({ name: 'reads passwords', where: LOGIN, sql: ['SELECT rolpassword FROM pg_authid'] }),
  exceeds({
    name: 'changes the function that checks principals',
    where: LOGIN,
    sql: [
      String.raw`CREATE OR REPLACE FUNCTION enginehouse.owners() RETURNS text[] LANGUAGE sql STABLE AS $$ SELECT ARRAY['["default","ada"]'] $$`,
    ],
  }),
  exceeds({
    name: 'makes a function beside the one that checks principals',
    where: LOGIN,
    sql: [
      String.raw`CREATE FUNCTION enginehouse_data.owners() RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY['["default","ada"]'] $$`,
    ],
  }),
  exceeds({
    name: 'gives itself the right of the owner role',
    where: LOGIN,
    sql: (house) => [`GRANT ${role(house, 'owner')} TO ${role(house, 'agent')}`],
  }),
  exceeds({
    name: 'lets itself pass row-level security',
    where: LOGIN,
    sql: (house) => [`ALTER ROLE ${role(house, 'agent')} BYPASSRLS`],
  }),
];

function role(house: House, which: 'owner' | 'system' | 'agent'): string {
  return house.roles?.[which] ?? which;
}
