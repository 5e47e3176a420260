#!/usr/bin/env bash
# Makes localhost/kafka:3.9.1 out of Maven Central's jars and Debian's Java: kafka.sh OUT.tar
#
# Its entry point is services/kit/kafka.sh: port, data directory, host under which clients
# reach it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/image-lib.sh"
out=$1 root=$(new_root)
trap 'rm -rf "$root"' EXIT
script=$here/../../services/kit/kafka.sh
cache=${URR_CACHE:-$HOME/.cache/urr}

"$script" --fetch
busybox "$root"
java=$(readlink -f "$(command -v java)")
java=${java%/bin/java}
mkdir -p "$root/opt/kafka" "$root/opt/java"
cp -rL "$cache"/kafka/kafka_2.13-* "$root/opt/kafka/"
# A JDK would double the image: what a server needs is bin/java, conf and lib.
mkdir "$root/opt/java/bin"
cp -L "$java/bin/java" "$root/opt/java/bin/"
cp -rL "$java/conf" "$root/opt/java/"
tar -C "$java" -ch --exclude=src.zip --exclude=ct.sym lib 2>/dev/null | tar -C "$root/opt/java" -x
for program in "$root"/opt/java/bin/java "$root"/opt/java/lib/*.so "$root"/opt/java/lib/server/*.so; do
	libraries "$root" "$program"
done
cp "$script" "$root/opt/kafka.sh"
pack "$out" localhost/kafka:3.9.1 "$root" -user 65532:65532 -entrypoint /bin/sh -entrypoint /opt/kafka.sh \
	-env PATH=/opt/java/bin:/bin -env URR_CACHE=/opt -env HOME=/tmp
