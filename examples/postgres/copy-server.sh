#!/bin/sh
# Copies a whole server, with all its databases and roles, into an empty folder from which `postgres` can be started.
#
#   DATABASE_URL=postgres://postgres:…@host:5432/postgres  copy-server.sh <folder> [options of pg_basebackup]
#
# The role must be a superuser or have REPLICATION, and pg_hba.conf must let it in for `replication`.
set -eu
folder=${1:?name a folder for the copy}
shift
: "${DATABASE_URL:?set DATABASE_URL}"
pg_basebackup --dbname="$DATABASE_URL" --pgdata="$folder" --checkpoint=fast --wal-method=stream "$@"
pg_verifybackup "$folder"
