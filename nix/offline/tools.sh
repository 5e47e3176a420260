#!/bin/sh
# The two cargo programs that nixpkgs has and Debian has not, built once by cargo into
# $URR_CACHE. `--versions` prints them without building; otherwise prints the folder.
set -eu
auditable=0.7.7
cyclonedx=0.5.9
if [ "${1:-}" = --versions ]; then
    echo "cargo-auditable $auditable, cargo-cyclonedx $cyclonedx"
    exit
fi
tools=${URR_CACHE:-$HOME/.cache/urr}/nix/tools
install() {
    grep -qs "^\"$1 $2 " "$tools/.crates.toml" ||
        cargo install --quiet --locked --root "$tools" --target-dir "$tools/target" --version "=$2" "$1" >&2
}
mkdir -p "$tools"
install cargo-auditable $auditable
install cargo-cyclonedx $cyclonedx
rm -rf "$tools/target"
echo "$tools"
