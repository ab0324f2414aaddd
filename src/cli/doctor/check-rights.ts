import { escapeIdentifier } from 'pg';

import type { Roles } from '../../store/postgres/layout.ts';
import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

/** From here on CREATEROLE alone gives no right over roles that somebody else made. */
const ROLES_NEED_ADMIN = 160_000;

interface Rights {
  readonly role: string;
  readonly database: string;
  readonly superuser: boolean;
  readonly makesRoles: boolean;
  readonly ownsDatabase: boolean;
  /** True also while there is no owner role: whoever makes it is its member. */
  readonly becomesOwner: boolean;
  /** Whether it may set the passwords of those of our logins that exist. */
  readonly setsPasswords: boolean;
}

/** Whether the role of the URL may migrate; what it lacks is said as SQL for an administrator. */
export async function checkRights(session: DatabaseSession, roles: Roles): Promise<Finding> {
  const { version } = await session.row<{ version: number }>(
    `SELECT current_setting('server_version_num')::integer AS version`,
  );
  const rights = await session.row<Rights>(query(version), [roles.owner, roles.system, roles.agent]);
  return ofRights(rights, roles, version);
}

function ofRights(rights: Rights, roles: Roles, version: number): Finding {
  const name = 'rights';
  const { role } = rights;
  if (rights.superuser) return finding('ok', name, `${role} may migrate: it is a superuser`);
  const missing = missingRights(rights, roles, version);
  if (missing.length === 0) return finding('ok', name, `${role} may migrate`);
  const found = rights.becomesOwner
    ? finding('warn', name, `${role} may not migrate`)
    : finding('fail', name, `${role} may not look at what is kept, nor migrate`);
  return curedBySql(found, ...missing);
}

function missingRights(rights: Rights, { owner, system, agent }: Roles, version: number): readonly string[] {
  const role = escapeIdentifier(rights.role);
  const logins = `${escapeIdentifier(system)}, ${escapeIdentifier(agent)}`;
  const grant = `GRANT ${logins} TO ${role} WITH ADMIN OPTION;`;
  return [
    ...(rights.makesRoles ? [] : [`ALTER ROLE ${role} CREATEROLE;`]),
    ...(rights.ownsDatabase ? [] : [`ALTER DATABASE ${escapeIdentifier(rights.database)} OWNER TO ${role};`]),
    ...(rights.becomesOwner ? [] : [`GRANT ${escapeIdentifier(owner)} TO ${role};`]),
    ...(rights.setsPasswords || version < ROLES_NEED_ADMIN ? [] : [grant]),
  ];
}

function query(version: number): string {
  const become = version < ROLES_NEED_ADMIN ? 'MEMBER' : 'SET';
  return `
    SELECT r.rolname AS role, d.datname AS database, r.rolsuper AS superuser, r.rolcreaterole AS "makesRoles",
           pg_has_role(d.datdba, 'USAGE') AS "ownsDatabase",
           NOT EXISTS (SELECT FROM pg_roles o WHERE o.rolname = $1 AND NOT pg_has_role(o.oid, '${become}')) AS "becomesOwner",
           NOT EXISTS (SELECT FROM pg_roles l WHERE l.rolname IN ($2, $3)
                        AND NOT pg_has_role(l.oid, 'MEMBER WITH ADMIN OPTION')) AS "setsPasswords"
      FROM pg_roles r, pg_database d
     WHERE r.rolname = current_user AND d.datname = current_database()`;
}
