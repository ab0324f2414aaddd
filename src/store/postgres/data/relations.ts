import type { Client } from 'pg';

import { DATA_SCHEMA, OWNER_COLUMN } from '../layout.ts';

/** A table or something like one in the application's schema. */
export interface Relation {
  /** Quoted where it must be. */
  readonly name: string;
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table';
  readonly partition: boolean;
  /** It inherits, or others inherit from it, in the way that is not partitioning. */
  readonly inherits: boolean;
  /** The role that owns it. */
  readonly role: string;
  /** It has a column of the owner column's name. */
  readonly owned: boolean;
  /** That column is the one that we make. */
  readonly ownedByUs: boolean;
  readonly forced: boolean;
  /** A view that reads with the rights of who asks. */
  readonly invoker: boolean;
  readonly policies: readonly string[];
  /** Policies that would show more than our own. */
  readonly widening: readonly string[];
  readonly rules: readonly string[];
}

/** All of them, as they are now. */
export async function relationsOf(admin: Client): Promise<readonly Relation[]> {
  const { rows } = await admin.query<Relation>(
    `SELECT quote_ident(c.relname) AS name,
            CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
            c.relispartition AS partition,
            EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                     WHERE c.oid IN (i.inhrelid, i.inhparent) AND p.relkind <> 'p') AS inherits,
            pg_get_userbyid(c.relowner)::text AS role,
            a.attnum IS NOT NULL AS owned,
            a.atttypid = 'text'::regtype AND a.attcollation = '"C"'::regcollation AND a.attnotnull
              AND pg_get_expr(d.adbin, d.adrelid) IS NOT DISTINCT FROM 'enginehouse.claimed_owner()' AS "ownedByUs",
            c.relrowsecurity AND c.relforcerowsecurity AS forced,
            coalesce(c.reloptions, '{}') @> '{security_invoker=true}' AS invoker,
            ARRAY (SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) AS policies,
            ARRAY (SELECT polname::text FROM pg_policy
                    WHERE polrelid = c.oid AND polpermissive AND polname NOT IN ('own', 'migrations')) AS widening,
            ARRAY (SELECT rulename::text FROM pg_rewrite WHERE ev_class = c.oid AND rulename <> '_RETURN') AS rules
       FROM pg_class c
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = '${OWNER_COLUMN}' AND NOT a.attisdropped
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relnamespace = '${DATA_SCHEMA}'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      ORDER BY c.relispartition, c.oid`,
  );
  return rows;
}
