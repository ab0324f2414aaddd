import { escapeIdentifier, type Client } from 'pg';

import { DATA_SCHEMA, type Roles } from '../layout.ts';

/** What the agents' role may do in the application's schema, however it was before. Nobody else may do anything. */
export async function grantRights(admin: Client, roles: Roles): Promise<void> {
  const agent = escapeIdentifier(roles.agent);
  const within = `IN SCHEMA ${DATA_SCHEMA}`;
  const everybody = `FROM PUBLIC, ${agent}`;
  await admin.query(`
    REVOKE ALL ON ALL TABLES ${within} ${everybody};
    REVOKE ALL ON ALL SEQUENCES ${within} ${everybody};
    REVOKE ALL ON ALL ROUTINES ${within} ${everybody};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES ${within} TO ${agent}`);
  // An identity column needs no right on its sequence, and a trigger none on its function.
  const { rows } = await admin.query<{ sql: string }>(
    `SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', c.oid::regclass, $1::text) AS sql
      FROM pg_class c
     WHERE c.relnamespace = '${DATA_SCHEMA}'::regnamespace AND c.relkind = 'S'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
    UNION ALL
    SELECT format('GRANT EXECUTE ON ROUTINE %s TO %I', p.oid::regprocedure, $1::text)
      FROM pg_proc p
     WHERE p.pronamespace = '${DATA_SCHEMA}'::regnamespace
       AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)`,
    [roles.agent],
  );
  if (rows.length > 0) await admin.query(rows.map(({ sql }) => sql).join(';\n'));
}
