#!/usr/bin/env bash
# Builds the programs for release and packs an image of each, without Nix:
#
#   images/make.sh [FOLDER]     default: target/images/archives
#
# In the folder: urr-<tag>.tar, urr-operator-<tag>.tar (`docker load`, `ctr images import`) and
# the list of what is linked in each beside it (.cdx.json, CycloneDX); the list is also in the
# program, where `cargo audit bin` reads it. <tag> is the hash of what is in the image; the label
# internal.urr.source-hash is the one of its sources. `make e2e IMAGES=FOLDER` runs the platform
# on them.
set -euo pipefail
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=$(realpath -m "${CARGO_TARGET_DIR:-target}/images")
folder=$(realpath -m "${1:-$target/archives}")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# shellcheck source=../e2e/cluster/image-lib.sh
. e2e/cluster/image-lib.sh
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

# debian KIND PATHS...: the packages that they come from, as sbom.py takes them. Packages name
# libraries with or without the /usr that they are found below.
debian() {
	local kind=$1 path paths=() packages
	shift
	for path in "$@"; do paths+=("*${path#/usr}"); done
	packages=$(dpkg-query --search "${paths[@]}" | cut -d: -f1 | LC_ALL=C sort -u) || return
	# shellcheck disable=SC2086 # names of packages
	dpkg-query --show --showformat "$kind=pkg:deb/debian/\${Package}@\${Version}\n" $packages |
		LC_ALL=C sort -u | sed 's/+/%2B/g; s/:\([^/]*\)$/%3A\1/'
}

# image NAME PACKAGE-FOLDER
image() {
	local name=$1 package=$2 files archive libraries certificates list=$folder/$1.cdx.json
	files=$(TMPDIR=$copy new_root)
	mkdir -p "$files/usr/bin" "$files/etc/ssl/certs"
	strip -o "$files/usr/bin/$name" "$target/release/$name"
	libraries "$files" "$files/usr/bin/$name"
	images/certificates.sh >"$files/etc/ssl/certs/ca-certificates.crt"

	sed "s|path+file://$copy|path+file:///urr|g" "$copy/$package/${name}_bin.cdx.json" >"$list"
	# shellcheck disable=SC2046 # paths without spaces
	libraries=$(debian library $(cd "$files" && find . -name '*.so*' -printf '/%P\n'))
	certificates=$(debian data /usr/share/ca-certificates/mozilla)
	# shellcheck disable=SC2086 # words without spaces
	python3 images/sbom.py "$list" "$files/usr/bin/$name" $libraries $certificates

	archive=$(images/pack.sh "$folder" "$name" "$files" "/usr/bin/$name" \
		"org.opencontainers.image.title=$name" "org.opencontainers.image.version=$version" \
		"org.opencontainers.image.licenses=Apache-2.0" "internal.urr.source-hash=$source")
	rm -rf "$files"
	images/check.sh "$archive" "$name" || { rm "$archive"; exit 1; }
	echo "$archive: $(stat -c %s "$archive") bytes, $(sha256sum "$archive" | cut -d' ' -f1)"
}
image urr services/urr
image urr-operator operator
