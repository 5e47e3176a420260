#!/usr/bin/env bash
# Makes localhost/postgres:15 out of Debian's own files: postgres.sh OUT.tar
#
# Its entry point takes the official image's variables: POSTGRES_USER, POSTGRES_PASSWORD,
# POSTGRES_DB, PGDATA. It runs as user 10001.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/image-lib.sh"
out=$1 root=$(new_root)
trap 'rm -rf "$root"' EXIT
lib=/usr/lib/postgresql/15 share=/usr/share/postgresql/15

busybox "$root"
echo 'postgres:x:10001:10001::/tmp:/bin/sh' >>"$root/etc/passwd"
echo 'postgres:x:10001:' >>"$root/etc/group"
for program in postgres initdb pg_isready psql; do add "$root" $lib/bin/$program; done
# llvmjit would bring 100 MB for queries that we do not have.
for library in $lib/lib/*.so; do case $library in *llvmjit*) ;; *) add "$root" "$library" ;; esac; done
mkdir -p "$root$share" "$root/usr/share" "$root/var/run/postgresql" "$root/var/lib/postgresql/data"
cp -rL $share/. "$root$share/"
[ ! -d /usr/share/zoneinfo ] || cp -rL /usr/share/zoneinfo "$root/usr/share/"
cat >"$root/entry" <<'END'
#!/bin/sh
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	# Beside its place first, so that an interrupted start leaves nothing half done.
	new=$PGDATA.new
	rm -rf "$new"
	printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
	initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile=/tmp/password \
		--encoding=UTF8 --locale=C --auth-local=trust --auth-host=scram-sha-256
	rm /tmp/password
	echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
	echo "create database \"$POSTGRES_DB\"" | postgres --single -D "$new" postgres >/dev/null
	mv "$new" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql "$@"
END
chmod 755 "$root/entry"
pack "$out" localhost/postgres:15 "$root" -user 10001:10001 -entrypoint /entry \
	-env PATH=$lib/bin:/usr/bin:/bin -env PGDATA=/var/lib/postgresql/data/pgdata
