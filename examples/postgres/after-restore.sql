-- What the backup does not say, or must not say again. restore.sh runs it; run it yourself after another kind of restore.

-- A right on the database, not in it: without this an agent may leave temporary tables on its connection.
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec

-- A run that had not ended goes on from here, perhaps differently. A client that saw more of it than the backup has is
-- told so by the new epoch, and reads the log again from its start.
BEGIN;
SELECT format('SET LOCAL ROLE %I', r.rolname)
  FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'enginehouse' \gexec
ALTER TABLE enginehouse.runs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE enginehouse.states NO FORCE ROW LEVEL SECURITY;
UPDATE enginehouse.runs r SET epoch = gen_random_uuid()
  FROM enginehouse.states s WHERE s.run = r.run AND s.ended_at IS NULL;
ALTER TABLE enginehouse.runs FORCE ROW LEVEL SECURITY;
ALTER TABLE enginehouse.states FORCE ROW LEVEL SECURITY;
COMMIT;
