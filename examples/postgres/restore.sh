#!/bin/sh
# Restores a backup into a database that is there and empty, on this server or another, under any name.
#
#   DATABASE_URL=postgres://postgres:…@host:5432/app  restore.sh <folder>
#
# Afterwards `enginehouse database migrate` gives the two logins their passwords; no runtime gets in before.
set -eu
folder=${1:?name the folder of the backup}
: "${DATABASE_URL:?set DATABASE_URL}"
run() { psql "$DATABASE_URL" --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }

run --file="$folder/roles.sql"
# All or nothing. Rights on the server's own functions are a superuser's to give.
superuser=$(run --tuples-only --no-align --command="SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
contents=$(mktemp)
trap 'rm -f "$contents"' EXIT
only_superusers=$([ "$superuser" = t ] && echo nothing || echo ' ACL pg_catalog ')
pg_restore --list "$folder/database.dump" | grep -v "$only_superusers" >"$contents"
pg_restore --use-list="$contents" --single-transaction --exit-on-error --dbname="$DATABASE_URL" "$folder/database.dump"
run --file="$(dirname "$0")/after-restore.sql"
