/**
 * Takes from the agents' login what PostgreSQL gives to everybody and what
 * passes by row-level security: statistics over all rows, other sessions and
 * what they run, places where one user leaves something for the next.
 *
 *   H1. What concerns our own roles alone is done at every migration.
 *   H2. What is taken from PUBLIC concerns the whole database. It is done at the
 *       first migration, and only where the database holds nobody else's tables.
 *   H3. Nothing is left open in silence: `hardeningOf` names what is, whoever
 *       opened it and whenever, with the SQL that closes it.
 */

import { escapeIdentifier, escapeLiteral, type Client } from 'pg';

import { DATA_SCHEMA, SYSTEM_SCHEMA, type Roles } from './layout.ts';
import { sqlState } from './postgres-error.ts';

/** Something that is open, and what closes it. */
export interface HardeningFinding {
  readonly name: string;
  /** What SQL of one user can do through it. */
  readonly meaning: string;
  /** For a superuser, in this database. */
  readonly sql: string;
}

interface Measure {
  readonly name: string;
  readonly meaning: string;
  readonly touches: 'our roles' | 'the database';
  /** A query of one row and one column: the SQL that closes it, or null when it is closed. */
  readonly cure: (roles: Roles) => string;
}

const NOT_ALLOWED = '42501';

/** Bytes that the temporary files of one session may have together; SQL that sorts or joins without end stops there. */
const TEMPORARY_FILES = '1GB';

const MEASURES: readonly Measure[] = [
  {
    name: 'rights of our roles',
    meaning: 'a role that is a superuser, may make roles, or passes row-level security, reads the rows of every user',
    touches: 'our roles',
    cure: (roles) => `
      SELECT string_agg(format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', rolname), '; ')
        FROM pg_roles WHERE rolname IN (${list(Object.values(roles))})
         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)`,
  },
  {
    name: 'memberships of our logins',
    meaning: 'a login that is a member of another role can become it with SET ROLE',
    touches: 'our roles',
    cure: ({ system, agent }) => `
      SELECT string_agg(DISTINCT format('REVOKE %I FROM %I', r.rolname, m.rolname), '; ')
        FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
       WHERE m.rolname IN (${list([system, agent])})`,
  },
  {
    name: 'text of running statements',
    meaning: 'pg_stat_activity shows the statements of other users, with the values that are written in them',
    touches: 'our roles',
    cure: ({ agent }) => setting(agent, 'track_activities', 'off'),
  },
  {
    name: 'size of temporary files',
    meaning: 'one statement that sorts or joins without end can fill the disk',
    touches: 'our roles',
    cure: ({ agent }) => setting(agent, 'temp_file_limit', TEMPORARY_FILES),
  },
  {
    name: 'temporary tables',
    meaning: 'one user can leave a table on a connection that hides the real one from the next',
    touches: 'the database',
    cure: ({ agent }) => `
      SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database())
       WHERE has_database_privilege(${escapeLiteral(agent)}, current_database(), 'TEMPORARY')`,
  },
  {
    name: 'schemas that everybody may fill',
    meaning: 'one user can make tables and functions that the others meet',
    touches: 'the database',
    cure: ({ agent }) => `
      SELECT string_agg(format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', nspname), '; ')
        FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege(${escapeLiteral(agent)}, oid, 'CREATE')`,
  },
  {
    name: 'ending the statements of others',
    meaning: 'one user can cancel the statements of the others and end their connections',
    touches: 'the database',
    cure: functions("p.proname IN ('pg_cancel_backend', 'pg_terminate_backend')", 'pg_signal_backend'),
  },
  {
    name: 'statistics of tables and sessions',
    meaning: 'one user sees how many rows all users have, when they change, and who holds which lock',
    touches: 'the database',
    cure: functions(
      `(p.proname ~ '^pg_stat_get_|^pg_(relation|table|total_relation|indexes|database)_size$'
         OR p.proname IN ('pg_lock_status', 'pg_blocking_pids', 'currtid2'))`,
      'pg_monitor',
    ),
  },
  {
    name: 'sizes in the catalog',
    meaning: 'one user sees in pg_class how many rows all users have, as the last ANALYZE counted them',
    touches: 'the database',
    cure: ({ owner, agent }) => `
      SELECT format('REVOKE SELECT ON pg_catalog.pg_class FROM PUBLIC; GRANT SELECT (%s) ON pg_catalog.pg_class TO PUBLIC; '
                    'GRANT SELECT ON pg_catalog.pg_class TO %I, pg_monitor',
                    string_agg(quote_ident(attname), ', ' ORDER BY attnum), ${escapeLiteral(owner)})
        FROM pg_attribute
       WHERE attrelid = 'pg_catalog.pg_class'::regclass AND attname !~ '^rel(tuples|pages|all)'
         AND has_column_privilege(${escapeLiteral(agent)}, 'pg_catalog.pg_class', 'reltuples', 'SELECT')
      HAVING count(*) > 0`,
  },
  {
    name: 'advisory locks',
    meaning: 'one user can take a lock that the others, or migrations, wait for',
    touches: 'the database',
    cure: functions("p.proname ~ '^pg_(try_)?advisory_'"),
  },
  {
    name: 'large objects',
    meaning: 'large objects belong to the login, not to a user: what one writes, the others read',
    touches: 'the database',
    cure: functions("(p.proname ~ '^lo_' OR p.proname IN ('loread', 'lowrite'))"),
  },
  {
    name: 'functions of extensions',
    meaning:
      'pg_stat_statements shows the statements of other users, pgrowlocks which rows they lock, dblink opens connections from the server',
    touches: 'the database',
    cure: functions(
      `EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                  AND d.refclassid = 'pg_extension'::regclass AND e.extname IN ('pg_stat_statements', 'pgrowlocks', 'dblink'))`,
      'pg_monitor',
    ),
  },
];

/**
 * Closes what the role of the connection may close, as part of its transaction.
 *
 * @param first - nothing of Enginehouse is in the database yet
 */
export async function harden(admin: Client, roles: Roles, { first }: { readonly first: boolean }): Promise<void> {
  const alone = first && (await isOursAlone(admin));
  for (const { touches, cure } of MEASURES) {
    if (touches === 'the database' && !alone) continue;
    const sql = await cureOf(admin, cure(roles));
    if (sql !== undefined) await runIfAllowed(admin, sql);
  }
}

/** What is open. Every role may ask. */
export async function hardeningOf(client: Client, roles: Roles): Promise<readonly HardeningFinding[]> {
  const findings: HardeningFinding[] = [];
  for (const { name, meaning, cure } of MEASURES) {
    const sql = await cureOf(client, cure(roles));
    if (sql !== undefined) findings.push({ name, meaning, sql });
  }
  return findings;
}

async function cureOf(client: Client, query: string): Promise<string | undefined> {
  const { rows } = await client.query<[string | null]>({ text: query, rowMode: 'array' });
  return rows[0]?.[0] ?? undefined;
}

/** Runs the SQL where this role may. Where it may not, `hardeningOf` says that it is still open. */
async function runIfAllowed(admin: Client, sql: string): Promise<void> {
  await admin.query('SAVEPOINT hardening');
  try {
    await admin.query(sql);
  } catch (error) {
    if (sqlState(error) !== NOT_ALLOWED) throw error;
    await admin.query('ROLLBACK TO hardening');
  }
  await admin.query('RELEASE hardening');
}

/** True when nobody else has a table here. Those that came with an extension are nobody's. */
async function isOursAlone(admin: Client): Promise<boolean> {
  const { rows } = await admin.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
        AND n.nspname NOT IN ('information_schema', '${SYSTEM_SCHEMA}', '${DATA_SCHEMA}')
        AND NOT EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      LIMIT 1`,
  );
  return rows.length === 0;
}

function setting(role: string, name: string, value: string): string {
  const cure = `ALTER ROLE ${escapeIdentifier(role)} SET ${name} = ${escapeLiteral(value)}`;
  return `
    SELECT ${escapeLiteral(cure)}
     WHERE NOT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
                        WHERE r.rolname = ${escapeLiteral(role)} AND s.setdatabase = 0
                          AND ${escapeLiteral(`${name}=${value}`)} = ANY (s.setconfig))`;
}

/** Functions that everybody may call. The owner role keeps them, for whoever migrates, and so does `kept`. */
function functions(which: string, kept?: string): Measure['cure'] {
  return ({ owner, agent }) => {
    const keepers = [owner, ...(kept === undefined ? [] : [kept])].map((role) => escapeIdentifier(role)).join(', ');
    return `
      SELECT format('REVOKE EXECUTE ON FUNCTION %1$s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %1$s TO %2$s',
                    string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.proname, p.oid), ${escapeLiteral(keepers)})
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE p.prokind = 'f' AND has_function_privilege(${escapeLiteral(agent)}, p.oid, 'EXECUTE')
         AND n.nspname NOT IN ('${SYSTEM_SCHEMA}', '${DATA_SCHEMA}') AND ${which}
      HAVING count(*) > 0`;
  };
}

function list(roles: readonly string[]): string {
  return roles.map((role) => escapeLiteral(role)).join(', ');
}
