#!/bin/sh
# Runs once, when the database is made: the role that Convoke connects as owns its database and nothing else.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --variable ON_ERROR_STOP=1 \
    --variable word="$(cat /run/secrets/database)" <<'SQL'
CREATE ROLE convoke LOGIN PASSWORD :'word';
ALTER DATABASE convoke OWNER TO convoke;
SQL
