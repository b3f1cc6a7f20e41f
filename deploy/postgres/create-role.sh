#!/bin/sh
# Run once, by PostgreSQL's image, when the data directory is new: the service gets a role of its own, which owns its
# database and is no superuser. The superuser is left without a password: only who is in the container can be it.
set -eu
export PGOPTIONS="--client-min-messages=warning"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'END'
\getenv password DNS_PASSWORD
\getenv superuser POSTGRES_USER
CREATE ROLE dns LOGIN PASSWORD :'password';
CREATE DATABASE dns OWNER dns;
ALTER ROLE :"superuser" PASSWORD NULL;
END
