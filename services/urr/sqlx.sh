#!/bin/sh
# Renews services/*/.sqlx, the checked-in answers of the database that let queries be
# checked without one. Starts a throw-away PostgreSQL, applies migrations/, and lets the
# compiler ask it; the server is gone when this ends.
#
#     services/urr/sqlx.sh            all crates
#     services/urr/sqlx.sh ticket     one crate
set -eu
cd "$(dirname "$0")/../.."

bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
scratch=$(mktemp -d /tmp/urr-sqlx.XXXXXX)
as_postgres() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}
[ "$(id -u)" != 0 ] || chown postgres "$scratch"
stop() {
    as_postgres "$bin/pg_ctl" -D "$scratch/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

as_postgres "$bin/initdb" -D "$scratch/data" -U urr -A trust --no-sync >/dev/null
as_postgres "$bin/pg_ctl" -D "$scratch/data" -w -l "$scratch/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$scratch' -c fsync=off" start >/dev/null

export PGHOST="$scratch" PGUSER=urr
for folder in migrations/*/; do
    database=$(basename "$folder")
    psql -q -d postgres -c "create database $database"
    for file in "$folder"*.sql; do psql -q -v ON_ERROR_STOP=1 -d "$database" -f "$file"; done
    variable=$(echo "$database" | tr a-z A-Z)_DB_URL
    export "$variable=postgres://urr@localhost/$database?host=$scratch"
done

# The folder is filled while compiling, and only by what is really compiled: every crate is
# made to look new.
export SQLX_OFFLINE=false
for manifest in services/*/sqlx.toml; do
    folder=$(dirname "$manifest")
    crate=$(basename "$folder")
    [ $# = 0 ] || case " $* " in *" $crate "*) ;; *) continue ;; esac
    rm -rf "$folder/.sqlx"
    mkdir "$folder/.sqlx"
    find "$folder/src" "$folder/tests" -name '*.rs' -exec touch {} + 2>/dev/null || true
    SQLX_OFFLINE_DIR="$PWD/$folder/.sqlx" cargo check -q --locked -p "urr-$crate" --all-targets
    echo "$folder/.sqlx: $(ls "$folder/.sqlx" | wc -l) queries"
done
