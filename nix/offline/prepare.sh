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
# Of the machine, what a build finds in it: compilers, and programs and headers that configure
# scripts ask for, with their versions or that they are not there.
version() { dpkg-query -W -f '${Version}' "$1" 2> /dev/null || echo none; }
major=$(cc -dumpversion | cut -d. -f1)
found=$(for package in bash binutils cmake coreutils findutils "g++-$major" gawk grep gzip jq libc6-dev make mawk \
    nasm ninja-build patch perl-base python3-minimal rapidjson-dev sed tar; do
    echo "$package $(version "$package")"
done)
"$root/images/certificates.sh" > "$target/certificates.crt"
version ca-certificates > "$target/certificates.version"
cd "$root"
jq -n --sort-keys \
    --arg rustc "$(rustc -vV | tr '\n' ';')" \
    --arg rustcVersion "$(rustc -vV | sed -n 's/^release: //p')" \
    --arg cc "$(version "gcc-$major")" \
    --arg libc "$(version libc6)" \
    --arg tools "$("$here/tools.sh" --versions)" \
    --arg found "$found" \
    '{$rustc, $rustcVersion, $cc, $libc, $tools, $found}' > "$target/host.json"

cargo fetch --locked --quiet

# nix-store takes the name from the file; one that is there already is not written again.
crates=$(mktemp -d)
trap 'rm -rf "$crates"' EXIT
awk -F'"' '/^name = /{name = $2} /^version = /{version = $2} /^checksum = /{print name "-" version, $2}' Cargo.lock |
    while read -r crate checksum; do
        # Several registries may hold a crate of this name, a mirror's beside the original.
        for file in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$crate.crate"; do
            [ "$(sha256sum "$file" | cut -d' ' -f1)" != "$checksum" ] || break
        done
        cp "$file" "$crates/crate-$crate.tar.gz"
    done
nix-store --add-fixed sha256 -- "$crates"/* > /dev/null
