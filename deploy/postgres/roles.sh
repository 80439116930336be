#!/bin/sh
# Makes a login for each service and the schema that it owns; safe to repeat (it sets the passwords
# anew). The official image runs it once, on an empty volume; for any other PostgreSQL run it
# yourself as a superuser, with PGHOST, PGPASSWORD and their likes, POSTGRES_USER and POSTGRES_DB.
# The passwords are in the files postgres_<service> of the folder SECRETS.
set -eu
secrets="${SECRETS:-/run/secrets}"

for ROLE in intake quota notify reporting; do
  PASSWORD="$(cat "$secrets/postgres_$ROLE")"
  export ROLE PASSWORD
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --username "${POSTGRES_USER:-motcua}" --dbname "${POSTGRES_DB:-motcua}" <<'SQL'
\getenv role ROLE
\getenv password PASSWORD
SET client_min_messages = warning;
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('CREATE ROLE %I', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec
SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), :'role')
WHERE :'role' = 'reporting' \gexec
CREATE SCHEMA IF NOT EXISTS :"role" AUTHORIZATION :"role";
ALTER ROLE :"role" SET search_path = :"role";
SQL
done
