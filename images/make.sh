#!/usr/bin/env bash
# Builds the programs for release and packs an image of each, without Nix:
#
#   images/make.sh [FOLDER]     default: target/images/archives
#
# In the folder: urr-<source>.tar, urr-operator-<source>.tar (`docker load`, `ctr images import`)
# and the list of what is linked in each beside it (.cdx.json, CycloneDX); the list is also in
# the program, where `cargo audit bin` reads it. <source> is the hash of the sources, not of a
# commit: equal sources, equal bytes. `make e2e IMAGES=FOLDER` runs the platform on them.
set -euo pipefail
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=$(realpath -m "${CARGO_TARGET_DIR:-target}/images")
folder=$(realpath -m "${1:-$target/archives}")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
limit=$((60 * 1024 * 1024))

# shellcheck source=../e2e/cluster/image-lib.sh
. e2e/cluster/image-lib.sh
fail() { echo "images: $*" >&2; exit 1; }

PATH=$(nix/offline/tools.sh)/bin:$PATH
source=$(images/source.sh)

CARGO_TARGET_DIR=$target images/cargo.sh "auditable build" --package urr-urr --package urr-operator

# cargo-cyclonedx writes beside each manifest, so it gets a copy.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z -- Cargo.toml Cargo.lock services operator e2e | tar --create --null --files-from=- | tar --extract -C "$copy"
SOURCE_DATE_EPOCH=1 cargo cyclonedx --manifest-path "$copy/Cargo.toml" --quiet --format json --describe binaries --spec-version 1.5 --no-build-deps
mkdir -p "$folder"
rm -f "$folder"/{urr,urr-operator}-*.tar "$folder"/{urr,urr-operator}.cdx.json

# image NAME PACKAGE-FOLDER
image() {
	local name=$1 package=$2 archive=$folder/$1-$source.tar files
	sed "s|path+file://$copy|path+file:///urr|g" "$copy/$package/${name}_bin.cdx.json" >"$folder/$name.cdx.json"
	files=$(new_root)
	mkdir -p "$files/usr/bin"
	strip -o "$files/usr/bin/$name" "$target/release/$name"
	libraries "$files" "$files/usr/bin/$name"
	install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$files/etc/ssl/certs/ca-certificates.crt"
	images/pack.sh "$archive" "$name:$source" "$files" "/usr/bin/$name" \
		"org.opencontainers.image.title=$name" "org.opencontainers.image.version=$version" \
		"org.opencontainers.image.licenses=Apache-2.0" "internal.urr.source-hash=$source"
	rm -rf "$files"
	local size
	size=$(stat -c %s "$archive")
	[ "$size" -le $limit ] || { rm "$archive"; fail "$name is $size bytes, more than $limit"; }
	echo "$archive: $size bytes, $(sha256sum "$archive" | cut -d' ' -f1)"
}
image urr services/urr
image urr-operator operator
