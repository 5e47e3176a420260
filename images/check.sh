#!/usr/bin/env bash
# check.sh ARCHIVE PROGRAM: whether an image of make.sh holds the program and what it needs, and
# nothing else.
set -euo pipefail
archive=$1 program=$2
fail() { echo "$archive: $*" >&2; exit 1; }

limit=$((60 * 1024 * 1024))
size=$(stat -c %s "$archive")
[ "$size" -le $limit ] || fail "is $size bytes, more than $limit"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/image" "$work/root"
tar -xf "$archive" -C "$work/image"
tar -xf "$work/image/layer.tar" -C "$work/root"
cd "$work/root"

config=$(cat ../image/*[0-9a-f].json)
case $config in *'"User":"65532:65532"'*) ;; *) fail "does not run as user 65532" ;; esac

bundle=etc/ssl/certs/ca-certificates.crt
readelf --wide --sections "usr/bin/$program" | grep -q '\.dep-v0' || fail "its program has lost the list of what is linked"
libraries=$(find . -type f -name '*.so*' -printf '%f\n' | LC_ALL=C sort -u)
needed=$(find . -type f \( -name '*.so*' -o -path "./usr/bin/$program" \) -exec readelf -d {} + |
	sed -n 's/.*(NEEDED).*\[\(.*\)]/\1/p' | LC_ALL=C sort -u)
[ "$libraries" = "$needed" ] || fail "holds the libraries ${libraries//$'\n'/ } instead of ${needed//$'\n'/ }"

others=$(find . ! -type d ! -name '*.so*' -printf '%P\n' | LC_ALL=C sort)
expected=$(printf '%s\n' $bundle etc/group etc/passwd "usr/bin/$program" | LC_ALL=C sort)
[ "$others" = "$expected" ] || fail "holds ${others//$'\n'/ } instead of ${expected//$'\n'/ }"

# By another way than the bundle was made: Debian's list of hashes against each certificate.
published=$(sed -n 's|^\([0-9a-f]*\)  usr/share/ca-certificates/.*\.crt$|\1|p' /var/lib/dpkg/info/ca-certificates.md5sums | LC_ALL=C sort -u)
mkdir ../certificates
csplit --quiet --elide-empty-files --prefix=../certificates/ --digits=4 $bundle '/-----BEGIN CERTIFICATE-----/' '{*}'
held=$(md5sum ../certificates/* | cut -d' ' -f1 | LC_ALL=C sort -u)
[ "$held" = "$published" ] || fail "holds other certificates than those of public authorities"
