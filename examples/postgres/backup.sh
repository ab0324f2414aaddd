#!/bin/sh
# Writes a backup of one database into a folder: database.dump, and roles.sql with the names of its three roles.
#
#   DATABASE_URL=postgres://backup:…@host:5432/app  backup.sh <folder>
#
# The role must pass row-level security (a superuser, or BYPASSRLS and pg_read_all_data); any other fails and writes no
# dump. Whoever has the folder has every user's data: keep it as you keep the database.
set -eu
umask 077
folder=${1:?name a folder for the backup}
: "${DATABASE_URL:?set DATABASE_URL}"
mkdir -p "$folder"
trap 'rm -f "$folder/database.dump.part"' EXIT

psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 >"$folder/roles.sql" <<'SQL'
SELECT 'SET client_min_messages = warning;' UNION ALL
SELECT format('SELECT %L WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %L) \gexec',
              format('CREATE ROLE %I NOLOGIN NOINHERIT', name), name)
  FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
 CROSS JOIN LATERAL unnest(ARRAY['owner', 'system', 'agent']) AS kind
 CROSS JOIN LATERAL regexp_replace(o.rolname, '_owner$', '_' || kind) AS name
 WHERE n.nspname = 'enginehouse'
UNION ALL
SELECT format('GRANT %I TO CURRENT_USER;', o.rolname)
  FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname = 'enginehouse';
SQL

# One snapshot: the log and the application's rows are of the same moment. Runtimes go on meanwhile.
pg_dump --format=custom --file="$folder/database.dump.part" "$DATABASE_URL"
mv "$folder/database.dump.part" "$folder/database.dump"
