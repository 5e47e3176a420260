#!/usr/bin/env bash
# Prepares a Nix build on a machine that reaches package registries only: writes the
# stand-in nixpkgs flake into the cache and puts every crate that Cargo.lock names into the
# store under its checksum (cargo downloads and verifies them).
set -euo pipefail
. "$(dirname "$0")/environment.sh"
here=$root/nix/offline
target=$cache/nixpkgs

# The stand-in is an input of every hash: only what it is made of goes there.
rm -rf "$target"
mkdir -p "$target"
cp "$here"/{flake,lib,pkgs}.nix "$here"/{build,image,nuke-refs}.sh "$here"/attributes.txt "$target"/
"$root/images/certificates.sh" > "$target/certificates.crt"

compiler_package=gcc-$(cc -dumpversion | cut -d. -f1)
cd "$root"
jq -n --sort-keys \
    --arg rustc "$(rustc -vV | tr '\n' ';')" \
    --arg rustcVersion "$(rustc -vV | sed -n 's/^release: //p')" \
    --arg cc "$(dpkg-query -W -f '${Version}' "$compiler_package")" \
    --arg libc "$(dpkg-query -W -f '${Version}' libc6)" \
    --arg tools "$("$here/tools.sh" --versions)" \
    '{$rustc, $rustcVersion, $cc, $libc, $tools}' > "$target/host.json"

cargo fetch --locked --quiet

# nix-store takes the name from the file; one that is there already is not written again.
crates=$(mktemp -d)
trap 'rm -rf "$crates"' EXIT
awk -F'"' '/^name = /{name = $2} /^version = /{version = $2} /^checksum = /{print name "-" version}' Cargo.lock |
    while read -r crate; do
        cp "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$crate.crate" "$crates/crate-$crate.tar.gz"
    done
nix-store --add-fixed sha256 -- "$crates"/* > /dev/null
