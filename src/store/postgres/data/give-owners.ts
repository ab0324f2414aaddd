/**
 * Gives every table of the application's schema its owner: who a row belongs
 * to, that nobody else sees it, and that what is unique is unique per user. Run
 * after each migration, in its transaction, as the owner role; what is as it
 * should be is only looked at.
 *
 *   O1. Every table has the owner column, row-level security that is forced, and
 *       the policy `own`. A second policy lets migrations see all rows: it asks
 *       who logged in, so no code that runs as the owner role opens it.
 *   O2. Keys, unique indexes and references begin with the owner: a row can
 *       neither refer to another user's nor collide with it.
 *   O3. What cannot be given an owner, or would pass by the policy, is refused.
 *   O4. The agents' role reads and writes rows, and nothing else.
 */

import { escapeIdentifier, type Client } from 'pg';

import { OWNER_COLUMN, type Roles } from '../layout.ts';
import { keepPerOwner } from './owned-keys.ts';
import { relationsOf, type Relation } from './relations.ts';
import { refuseUnfit } from './refuse-unfit.ts';
import { grantRights } from './agent-rights.ts';
import type { StandIns } from './stand-ins.ts';
import { Unfit } from './unfit.ts';
import { OWNER_TYPE } from './users-table.ts';

/** @throws `Unfit`, and what PostgreSQL says when it cannot be done */
export async function giveOwners(admin: Client, roles: Roles, standIns: StandIns): Promise<void> {
  const relations = await relationsOf(admin);
  await refuseUnfit(admin, relations, roles);
  const tables = relations.filter(({ kind }) => kind === 'table');
  for (const table of tables) await addOwner(admin, table);
  await keepPerOwner(admin, standIns);
  for (const table of tables) await protect(admin, table, roles);
  for (const { name, kind, invoker } of relations) {
    if (kind === 'view' && !invoker) await admin.query(`ALTER VIEW ${name} SET (security_invoker = true)`);
  }
  await grantRights(admin, roles);
}

async function addOwner(admin: Client, { name, partition, owned }: Relation): Promise<void> {
  // A partition gets it with its parent.
  if (owned || partition) return;
  const { rows } = await admin.query(`SELECT FROM ${name} LIMIT 1`);
  if (rows.length > 0) {
    throw new Unfit(
      `it puts rows into ${name}, which would be nobody's`,
      'Put first rows into database.seed: on PostgreSQL a migration runs once for all users.',
    );
  }
  await admin.query(`ALTER TABLE ${name} ADD COLUMN ${OWNER_COLUMN} ${OWNER_TYPE}`);
}

async function protect(admin: Client, { name, policies, forced }: Relation, roles: Roles): Promise<void> {
  if (!forced) {
    await admin.query(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
  }
  if (!policies.includes(OWN_POLICY)) {
    await admin.query(
      `CREATE POLICY ${OWN_POLICY} ON ${name} USING (${OWNER_COLUMN} = ANY ((SELECT enginehouse.owners())::text[]))`,
    );
  }
  if (!policies.includes(MIGRATIONS_POLICY)) {
    await admin.query(
      `CREATE POLICY ${MIGRATIONS_POLICY} ON ${name} TO ${escapeIdentifier(roles.owner)}
        USING ((SELECT pg_has_role(session_user, current_user, 'MEMBER')))`,
    );
  }
}

const OWN_POLICY = 'own';
const MIGRATIONS_POLICY = 'migrations';
