import type { Client } from 'pg';

import { DATA_SCHEMA, OWNER_COLUMN, SYSTEM_SCHEMA, type Roles } from '../layout.ts';
import type { Relation } from './relations.ts';
import { PREFIX } from './stand-ins.ts';
import { Unfit } from './unfit.ts';

/** Refuses what cannot be given an owner, or would show the rows of others. @throws `Unfit` naming the first */
export async function refuseUnfit(admin: Client, relations: readonly Relation[], roles: Roles): Promise<void> {
  for (const relation of relations) {
    const unfit = unfitRelation(relation, roles);
    if (unfit !== undefined) throw unfit;
  }
  await refuseFunctions(admin);
  await refuseConstraints(admin);
}

function unfitRelation(relation: Relation, roles: Roles): Unfit | undefined {
  const { name, kind, inherits, role, owned, ownedByUs, widening, rules } = relation;
  const [policy] = widening;
  const [rule] = rules;
  if (role !== roles.owner)
    return new Unfit(`${name} belongs to ${role}`, 'Leave out SET ROLE and RESET ROLE: a migration is one role.');
  if (kind === 'materialized view' || kind === 'foreign table')
    return new Unfit(`${name} is a ${kind}, which cannot tell users apart`, 'Make it a table or a plain view.');
  if (inherits) return new Unfit(`${name} is part of an inheritance`, 'Use partitions, or tables of their own.');
  if (policy !== undefined)
    return new Unfit(`policy ${policy} on ${name} would show rows of other users`, 'Write it AS RESTRICTIVE.');
  if (rule !== undefined) return new Unfit(`${name} has the rule ${rule}`, 'Use a trigger instead.');
  if (kind === 'table' && owned && !ownedByUs)
    return new Unfit(`${name} has a column ${OWNER_COLUMN} of its own`, 'Rename the column: the name is taken.');
  return undefined;
}

async function refuseFunctions(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ name: string }>(
    `SELECT oid::regprocedure::text AS name FROM pg_proc
      WHERE pronamespace = '${DATA_SCHEMA}'::regnamespace AND prosecdef ORDER BY oid LIMIT 1`,
  );
  const [definer] = rows;
  if (definer === undefined) return;
  throw new Unfit(
    `${definer.name} is SECURITY DEFINER, and would run as the owner of every table`,
    'Write it SECURITY INVOKER: it then runs as the user who calls it.',
  );
}

async function refuseConstraints(admin: Client): Promise<void> {
  const elsewhere = `r.relnamespace <> t.relnamespace AND NOT (r.relnamespace = '${SYSTEM_SCHEMA}'::regnamespace AND r.relname ~ '^${PREFIX}')`;
  const { rows } = await admin.query<{ name: string; table: string; why: string }>(
    `SELECT c.conname AS name, c.conrelid::regclass::text AS "table",
            CASE WHEN c.contype = 'x' THEN 'excludes rows of other users'
                 WHEN ${elsewhere} THEN 'refers to a table that has no owners'
                 WHEN c.confupdtype IN ('n', 'd') THEN 'changes the owner ON UPDATE'
                 ELSE 'is MATCH FULL over several columns' END AS why
       FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid LEFT JOIN pg_class r ON r.oid = c.confrelid
      WHERE t.relnamespace = '${DATA_SCHEMA}'::regnamespace AND c.conparentid = 0
        AND (c.contype = 'x'
             OR c.contype = 'f' AND (${elsewhere} OR c.confupdtype IN ('n', 'd')
                                     OR c.confmatchtype = 'f' AND cardinality(c.conkey) > 1))
      ORDER BY c.oid LIMIT 1`,
  );
  const [unfit] = rows;
  if (unfit === undefined) return;
  throw new Unfit(
    `constraint ${unfit.name} of ${unfit.table} ${unfit.why}, which cannot be kept per user`,
    'Use a key, a unique constraint, a check, or a plain reference to another table of the application.',
  );
}
