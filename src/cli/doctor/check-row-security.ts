import { escapeIdentifier } from 'pg';

import { DATA_SCHEMA, SYSTEM_SCHEMA, type Roles } from '../../store/postgres/layout.ts';
import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

const NAME = 'row security';
const SCHEMAS = [SYSTEM_SCHEMA, DATA_SCHEMA];

interface TableRow {
  readonly schema: string;
  readonly table: string;
  readonly kind: string;
  readonly owner: string;
  readonly secured: boolean;
  /** Policies for our logins that do not ask whose the row is. */
  readonly open: readonly string[];
  readonly readable: boolean;
}

// A policy asks through enginehouse.owners(), or it is not for our logins. What has none lets nobody in.
const TABLES = `
  SELECT n.nspname AS schema, c.relname AS table, c.relkind AS kind, o.rolname AS owner,
         c.relrowsecurity AND c.relforcerowsecurity AS secured,
         ARRAY (SELECT p.polname::text FROM pg_policy p
                 WHERE p.polrelid = c.oid AND p.polpermissive
                   AND (0 = ANY (p.polroles) OR EXISTS (
                     SELECT FROM pg_roles r WHERE r.oid = ANY (p.polroles) AND r.rolname = ANY ($2)))
                   AND NOT EXISTS (
                     SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
                        AND d.refobjid = to_regprocedure('enginehouse.owners()'))
                 ORDER BY 1) AS open,
         EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $3 AND has_table_privilege(r.oid, c.oid, 'SELECT')) AS readable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
   WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'm', 'f')
   ORDER BY 1, 2`;

/** That row-level security is on and forced on every table of ours, and that every policy asks for the owner. */
export async function* checkRowSecurity(session: DatabaseSession, roles: Roles): AsyncGenerator<Finding> {
  const { system, agent } = roles;
  const tables = await session.rows<TableRow>(TABLES, [SCHEMAS, [system, agent], agent]);
  const faults = tables.flatMap((table) => faultsOf(table, roles));
  for (const { says, sql } of faults) yield curedBySql(finding('fail', NAME, says), sql);
  if (faults.length === 0) yield finding('ok', NAME, `on and forced on all ${tables.length} tables`);
}

function faultsOf(row: TableRow, { owner, agent }: Roles): readonly { says: string; sql: string }[] {
  const { schema, table } = row;
  const name = `${schema}.${escapeIdentifier(table)}`;
  if (row.kind === 'm' || row.kind === 'f') {
    if (!row.readable) return [];
    const says = `${schema}.${table} cannot have row-level security, and every user reads it`;
    return [{ says, sql: `REVOKE ALL ON ${name} FROM ${escapeIdentifier(agent)}, PUBLIC;` }];
  }
  const secured = `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`;
  return [
    ...(row.secured ? [] : [{ says: `it is off, or not forced, on ${schema}.${table}`, sql: `${secured}` }]),
    ...row.open.map((policy) => ({
      says: `the policy ${policy} of ${schema}.${table} does not ask whose the row is`,
      sql: `DROP POLICY ${escapeIdentifier(policy)} ON ${name};`,
    })),
    ...(row.owner === owner
      ? []
      : [
          {
            says: `${schema}.${table} belongs to ${row.owner}, who may switch it off`,
            sql: `ALTER TABLE ${name} OWNER TO ${escapeIdentifier(owner)};`,
          },
        ]),
  ];
}
