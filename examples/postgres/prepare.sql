-- Once per database, as a superuser: a role that may migrate, its database, and a role that backs it up and looks at it.
--
--   psql "$ADMIN_URL" -v database=app -v migrator=app_migrator -v migrator_password=… \
--     -v backup=app_backup -v backup_password=… -f prepare.sql
\set ON_ERROR_STOP on

CREATE ROLE :"migrator" LOGIN CREATEROLE PASSWORD :'migrator_password';
CREATE DATABASE :"database" OWNER :"migrator";

-- It reads every row of every database of the server, and who is connected, and writes nothing.
CREATE ROLE :"backup" LOGIN BYPASSRLS PASSWORD :'backup_password';
GRANT pg_read_all_data, pg_monitor TO :"backup";
