import { escapeIdentifier } from 'pg';

import type { Roles } from '../../store/postgres/layout.ts';
import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

const NAME = 'roles';

interface RoleRow {
  readonly role: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  /** What it could become. */
  readonly memberOf: readonly string[];
}

/** That none of our roles passes by row-level security, and that no login becomes another role. */
export async function* checkRoles(session: DatabaseSession, roles: Roles): AsyncGenerator<Finding> {
  const rows = await session.rows<RoleRow>(
    `SELECT r.rolname AS role, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
            ARRAY (SELECT o.rolname::text FROM pg_roles o
                    WHERE NOT r.rolsuper AND o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER')
                    ORDER BY 1) AS "memberOf"
       FROM pg_roles r WHERE r.rolname = ANY ($1) ORDER BY 1`,
    [Object.values(roles)],
  );
  const missing = Object.values(roles).filter((name) => !rows.some(({ role }) => role === name));
  if (missing.length > 0) {
    const says = `${missing.join(', ')} is missing: the database came from another server`;
    yield finding('fail', NAME, says, 'Run `enginehouse database migrate`, which makes the roles.');
  }
  const faults = rows.flatMap((row) => faultsOf(row));
  for (const { says, sql } of faults) yield curedBySql(finding('fail', NAME, says), sql);
  if (missing.length === 0 && faults.length === 0) yield await whoSeesAll(session, roles);
  yield* sharedWith(session, roles);
}

function faultsOf({ role, superuser, bypasses, memberOf }: RoleRow): readonly { says: string; sql: string }[] {
  const name = escapeIdentifier(role);
  return [
    ...(superuser ? [{ says: `${role} is a superuser`, sql: `ALTER ROLE ${name} NOSUPERUSER;` }] : []),
    ...(bypasses ? [{ says: `${role} sees the rows of every user`, sql: `ALTER ROLE ${name} NOBYPASSRLS;` }] : []),
    ...memberOf.map((other) => ({
      says: `${role} can become ${other}`,
      sql: `REVOKE ${escapeIdentifier(other)} FROM ${name};`,
    })),
  ];
}

/** Who stands above row-level security is for the operator to know, and right for whoever makes backups. */
async function whoSeesAll(session: DatabaseSession, { owner }: Roles): Promise<Finding> {
  const rows = await session.rows<{ role: string }>(
    `SELECT rolname AS role FROM pg_roles
      WHERE rolcanlogin AND (rolsuper OR rolbypassrls OR pg_has_role(oid, $1, 'MEMBER')) ORDER BY 1`,
    [owner],
  );
  const above = rows.map(({ role }) => role).join(', ');
  return finding('ok', NAME, `none passes by row-level security; these logins of the server do: ${above}`);
}

/** Roles belong to the server, not to a database: two databases with the same ones must have the same secret. */
async function* sharedWith(session: DatabaseSession, { owner }: Roles): AsyncGenerator<Finding> {
  const rows = await session.rows<{ name: string }>(
    `SELECT DISTINCT d.datname AS name
       FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles o ON o.oid = s.refobjid
      WHERE s.refclassid = 'pg_authid'::regclass AND o.rolname = $1 AND d.datname <> current_database() ORDER BY 1`,
    [owner],
  );
  if (rows.length === 0) return;
  const says = `${owner} owns tables in ${rows.map(({ name }) => name).join(', ')} too`;
  const cure =
    'Keep the same ENGINEHOUSE_DATABASE_SECRET for them all, or give each its own roles with ENGINEHOUSE_DATABASE_ROLES.';
  yield finding('warn', NAME, says, cure);
}
