#!/bin/sh
# Holds Cargo.lock against deny.toml with cargo-deny, where that is installed or was built once:
#
#   deny.sh            checks
#   deny.sh install    builds cargo-deny into the cache first
#
# Elsewhere nothing is lost: `make test` holds the same rules of the same file.
set -eu
version=0.20.2
tools=${URR_CACHE:-$HOME/.cache/urr}/deny
PATH=$PATH:$tools/bin

if [ "${1:-}" = install ] && ! command -v cargo-deny >/dev/null; then
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/target" --version "=$version" cargo-deny
    rm -rf "$tools/target"
fi
if ! command -v cargo-deny >/dev/null; then
    echo "deny: cargo-deny is not installed (services/urr/deny.sh install); \`make test\` holds the same rules"
    exit
fi
cargo deny --locked --offline check --hide-inclusion-graph bans licenses sources
