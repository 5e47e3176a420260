#!/usr/bin/env bash
# Makes localhost/redis:7 out of Debian's own files: redis.sh OUT.tar
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/image-lib.sh"
out=$1 root=$(new_root)
trap 'rm -rf "$root"' EXIT
for program in redis-server redis-cli; do add "$root" "$(readlink -f "$(command -v $program)")" /usr/bin/$program; done
pack "$out" localhost/redis:7 "$root" -user 65532:65532 -entrypoint redis-server -env PATH=/usr/bin
