#!/usr/bin/env bash
# What CI runs of Nix, on a machine without a binary cache. README.md says what it proves.
#
#   verify.sh evaluate    every output of every system; documents change nothing
#   verify.sh build       the above, then programs, images and checks in the sandbox, twice
set -euo pipefail
. "$(dirname "$0")/environment.sh"
here=$root/nix/offline
level=${1:-evaluate}
case $level in evaluate | build) ;; *) echo "verify.sh: evaluate or build, not $level" >&2; exit 64 ;; esac

say() { printf 'nix: %s\n' "$*"; }
fail() { printf 'nix: %s\n' "$*" >&2; exit 1; }

if ! command -v nix > /dev/null; then
    say "not installed: package nix-bin"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nix-bin jq > /dev/null
fi

# paths FLAKE: the derivation of every output of every system, one a line.
paths() {
    local output
    for output in packages checks devShells apps formatter; do
        "$here/nix.sh" eval --json "$1#$output" --apply 'builtins.mapAttrs (_: value:
            if value ? drvPath then value.drvPath
            else builtins.mapAttrs (_: v: v.drvPath or (builtins.getContext v.program)) value)' 2> /dev/null ||
            "$here/nix.sh" eval --json "$1#$output"
    done | jq -cS .
}

evaluate() {
    local started=$EPOCHREALTIME
    paths "$root" > "$work/here"
    say "evaluated $(grep -o '\.drv' "$work/here" | wc -l) derivations of every output and system in $(jq -n "$EPOCHREALTIME - $started | . * 10 | round / 10") s"

    # Another directory, other documents, no history: the same derivations.
    git -C "$root" ls-files -z | (cd "$root" && tar -c --null -T - --ignore-failed-read 2> /dev/null) | tar -x -C "$work/copy"
    for document in $(cd "$work/copy" && find . -name '*.md'); do echo "Edited." >> "$work/copy/$document"; done
    paths "path:$work/copy" > "$work/there"
    diff "$work/here" "$work/there" || fail "a document or a directory's name changes an output"
    say "another directory and edited documents change no output"

    # And a change of a source does: the comparison above can fail.
    echo "// changed" >> "$work/copy/services/urr/src/main.rs"
    paths "path:$work/copy" > "$work/changed"
    ! diff -q "$work/here" "$work/changed" > /dev/null || fail "a changed source changes no output"
}

# twice OUTPUT: builds it, then again from nothing, and compares every byte.
twice() {
    local started=$SECONDS
    "$here/nix.sh" build --no-link --print-build-logs "$root#$1" 2> "$work/log" || { tail -n 60 "$work/log" >&2; fail "$1 does not build"; }
    "$here/nix.sh" build --no-link --rebuild "$root#$1" 2> "$work/log" || { tail -n 20 "$work/log" >&2; fail "$1 is not the same twice"; }
    say "$1: the same bytes twice, $((SECONDS - started)) s, $(nix path-info --size "$(out "$1")" | awk '{print $2}') bytes, $(nix hash path "$(out "$1")")"
}
out() { "$here/nix.sh" eval --raw "$root#$1.outPath" 2> /dev/null; }

build() {
    twice workspace
    for output in urr urr-operator crds charts sbom image-urr image-operator; do twice $output; done
    for program in urr urr-operator; do
        say "closure of $program:" $(nix-store --query --requisites "$(out $program)" | sed 's|.*/[0-9a-z]*-||')
    done
    "$here/nix.sh" flake check --print-build-logs "$root" 2> "$work/log" || { tail -n 60 "$work/log" >&2; fail "a check fails"; }
    say "every check passes"

    # A build that reads the clock must be caught, or the comparison above proves nothing.
    local clock='derivation { name = "clock"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "/usr/bin/date +%s%N > $out" ]; }'
    nix build --no-link --impure --expr "$clock" 2> /dev/null
    ! nix build --no-link --impure --rebuild --expr "$clock" 2> /dev/null || fail "a build that reads the clock was not caught"
    say "a build that reads the clock is caught"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/copy"
[ "$level" = evaluate ] || "$here/tools.sh" > /dev/null
"$here/prepare.sh"
evaluate
if [ "$level" = build ]; then build; fi
