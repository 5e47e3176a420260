#!/usr/bin/env bash
# Makes the image of a program of this workspace: program.sh NAME BINARY FOLDER
#
# Its tag is the hash of what is in it, and its name is printed: localhost/urr:3f2a9c04d1e2
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/image-lib.sh"
name=$1 binary=$2 folder=$3 root=$(new_root)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/usr/bin"
strip -o "$root/usr/bin/$name" "$binary"
libraries "$root" "$root/usr/bin/$name"
mkdir -p "$root/etc/ssl/certs"
"$here/../../images/certificates.sh" >"$root/etc/ssl/certs/ca-certificates.crt"
tag=$(find "$root" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12)
[ -e "$folder/$name-$tag.tar" ] || {
	rm -f "$folder/$name"-*.tar
	pack "$folder/$name-$tag.tar" "localhost/$name:$tag" "$root" -user 65532:65532 -entrypoint "/usr/bin/$name"
}
echo "localhost/$name:$tag"
