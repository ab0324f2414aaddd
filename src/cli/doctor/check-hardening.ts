import { hardeningOf } from '../../store/postgres/harden.ts';
import type { Roles } from '../../store/postgres/layout.ts';
import type { DatabaseSession } from './database-session.ts';
import { curedBySql, finding, type Finding } from './finding.ts';

/** What is said, and weighs more, as a finding of the roles. */
const OF_ROLES: readonly string[] = ['rights of our roles', 'memberships of our logins'];

/** What is open to SQL of one user beside the rows, and could not or may not be closed by a migration. */
export async function* checkHardening(session: DatabaseSession, roles: Roles): AsyncGenerator<Finding> {
  const name = 'hardening';
  const all = await session.look((client) => hardeningOf(client, roles));
  const open = all.filter((each) => !OF_ROLES.includes(each.name));
  for (const { name: what, meaning, sql } of open)
    yield curedBySql(finding('warn', name, `${what}: ${meaning}`), `${sql};`);
  if (open.length === 0) yield finding('ok', name, 'nothing is open that can be closed');
}
