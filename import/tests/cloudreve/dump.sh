#!/bin/sh
# Makes the dumps beside it again, with servers of its own in a temporary directory. Takes PostgreSQL
# and MariaDB in the PATH, and a user that is not root: neither server runs as root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'pg_ctl -D "$work/pg" -m immediate stop >/dev/null; [ -z "${my-}" ] || kill "$my"; wait; rm -r "$work"' EXIT

initdb --auth=trust -D "$work/pg" -E UTF8 --locale=C.UTF-8 >/dev/null
pg_ctl -D "$work/pg" -o "-k $work -c listen_addresses=" -l "$work/log" -w start >/dev/null
export PGHOST="$work" PGDATABASE=cloudreve
createdb cloudreve
psql -qv ON_ERROR_STOP=1 -f "$here/postgres-tables.sql"
PGTZ=UTC psql -qv ON_ERROR_STOP=1 -f "$here/rows.sql"
pg_dump_to() { name=$1; shift; PGTZ=Asia/Shanghai pg_dump --no-owner "$@" >"$here/$name"; }
pg_dump_to postgres.sql
pg_dump_to postgres-inserts.sql --inserts --rows-per-insert=3 --quote-all-identifiers
pg_dump_to postgres-columns.sql --data-only --column-inserts

mariadb-install-db --no-defaults --datadir="$work/my" --auth-root-authentication-method=normal >/dev/null
mariadbd --no-defaults --datadir="$work/my" --socket="$work/socket" --pid-file="$work/pid" \
    --skip-networking 2>"$work/log" &
my=$!
until mariadb --no-defaults -uroot -S "$work/socket" -e 'CREATE DATABASE cloudreve' 2>/dev/null; do sleep 1; done
my() { command=$1; shift; "$command" --no-defaults --default-character-set=utf8mb4 -uroot -S "$work/socket" "$@"; }
my mariadb cloudreve <"$here/mysql-tables.sql"
{ echo "SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ANSI_QUOTES';"; cat "$here/rows.sql"; } | my mariadb cloudreve
my mariadb cloudreve -e "UPDATE \`groups\` SET permissions = X'00FF275C0A'"
my mariadb-dump cloudreve >"$here/mariadb.sql"
my mariadb-dump --hex-blob --complete-insert --skip-extended-insert --databases cloudreve >"$here/mariadb-columns.sql"
