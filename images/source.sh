#!/bin/sh
# Prints the hash of what the programs are made of: files that git knows, as they are now,
# without documents. nix/packages.nix names the same ones.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z -- Cargo.toml Cargo.lock migrations operator services e2e/Cargo.toml ':!*.md' |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32
