-- Takes Enginehouse out of a database, as a superuser: every run, every user's rows, the three roles. Stop the runtimes
-- first. What was taken from PUBLIC in this database stays taken; a database that held nothing else is better dropped.
--
--   psql "$ADMIN_URL" -f remove.sql        (a URL of that database)
\set ON_ERROR_STOP on

SELECT o.rolname AS owner, regexp_replace(o.rolname, '_owner$', '_system') AS system,
       regexp_replace(o.rolname, '_owner$', '_agent') AS agent
  FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname = 'enginehouse' \gset
BEGIN;
-- Both schemas with all that is in them, and every right that was given to the roles here.
DROP OWNED BY :"owner", :"system", :"agent" CASCADE;
-- Fails while the roles own something in another database: then run this there first, or leave them.
DROP ROLE :"owner", :"system", :"agent";
COMMIT;
