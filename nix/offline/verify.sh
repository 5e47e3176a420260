#!/usr/bin/env bash
# What CI runs of Nix, on a machine without a binary cache. README.md says what it proves.
#
#   verify.sh evaluate    every output of every system; documents change nothing
#   verify.sh build       the above, then programs, images and checks in the sandbox, twice.
#                         What was compared once is not again until its inputs change
#   verify.sh changed     evaluate; build where what decides how has changed since all of that
#                         was last compared here: the flake, a dependency, a compiler. A change of
#                         our sources alone does not ask for it
#
# OPTIONAL=1: where Nix cannot be installed, say so and succeed. UNTIL: the time (seconds since 1970)
# at which `changed` ends although not all is built; what was stays, and the next one goes on there.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
here=$root/nix/offline
level=${1:-evaluate}
case $level in
evaluate | build | changed) ;;
*) echo "verify.sh: evaluate, build or changed, not $level" >&2; exit 64 ;;
esac

say() { printf 'nix: %s\n' "$*"; }
fail() { printf 'nix: %s\n' "$*" >&2; exit 1; }

if ! "$root/services/urr/bootstrap.sh" --nix; then
    [ -n "${OPTIONAL:-}" ] || fail "Nix is missing"
    say "SKIPPED: Nix is missing and could not be installed"
    exit 0
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

    # Of each output, that it is what its name promises.
    "$here/nix.sh" flake check --no-build "$root" 2> "$work/log" || { tail -n 20 "$work/log" >&2; fail "an output is not of its kind"; }

    # An overlay is a function of a nixpkgs: of ours it gives what the package is.
    [ "$(of_overlay "$root")" = "$(derivation_of "$root" urr)" ] || fail "the overlay gives another urr"

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
    [ "$(derivation_of "$root" workspace.dependencies)" = "$(derivation_of "path:$work/copy" workspace.dependencies)" ] ||
        fail "a changed source compiles the dependencies anew"
    say "a changed source changes what is built from it, and compiles no dependency anew"

    # Nor is it built with another compiler than cargo's.
    sed -i 's/^channel = .*/channel = "1.0.0"/' "$work/copy/rust-toolchain.toml"
    "$here/nix.sh" eval --raw "path:$work/copy#urr.drvPath" > /dev/null 2> "$work/log" || true
    grep -q 'rust-toolchain.toml pins 1.0.0' "$work/log" || fail "another compiler than the pinned one is accepted"
    say "another compiler than the one of rust-toolchain.toml is refused"
}

# of_overlay FLAKE: the derivation of `urr` in nixpkgs with the overlay.
of_overlay() {
    "$here/nix.sh" eval --impure --raw "$1#overlays" --apply "overlays:
        let pkgs = (builtins.getFlake \"path:$cache/nixpkgs\").legacyPackages.\${builtins.currentSystem};
        in (overlays.default pkgs { }).urr.drvPath" 2> /dev/null
}

# derivation_of FLAKE OUTPUT
derivation_of() { "$here/nix.sh" eval --raw "$1#$2.drvPath" 2> /dev/null; }

# twice OUTPUT: builds it, then again from nothing, and compares every byte.
twice() {
    local started=$SECONDS seen
    seen=$cache/compared/$(basename "$(derivation_of "$root" "$1")")
    "$here/nix.sh" build --no-link --print-build-logs "$root#$1" 2> "$work/log" || { tail -n 60 "$work/log" >&2; fail "$1 does not build"; }
    if [ ! -e "$seen" ]; then
        "$here/nix.sh" build --no-link --rebuild --keep-failed "$root#$1" 2> "$work/log" || differs "$1"
        mkdir -p "$cache/compared"
        : > "$seen"
    fi
    say "$1: the same bytes twice, $((SECONDS - started)) s, $(size_of "$(out "$1")") bytes, $(nix hash path "$(out "$1")")"
}
# differs OUTPUT: tells which of its files are not the same, where Nix kept the second ones.
differs() {
    local first
    first=$(out "$1")
    tail -n 20 "$work/log" >&2
    [ ! -e "$first.check" ] || diff --recursive --brief "$first" "$first.check" >&2 || true
    fail "$1 is not the same twice"
}
out() { "$here/nix.sh" eval --raw "$root#$1.outPath" 2> /dev/null; }
size_of() { nix path-info --size "$1" 2> /dev/null | awk '{print $2}'; }

build() {
    for output in workspace.dependencies workspace urr urr-operator crds charts sbom image-urr image-operator; do twice $output; done
    for image in image-urr image-operator; do
        say "$image: $("$(out $image)" | wc -c) bytes, $("$(out $image)" | sha256sum | cut -d' ' -f1)"
    done
    for program in urr urr-operator; do
        say "closure of $program:" $(nix-store --query --requisites "$(out $program)" | sed 's|.*/[0-9a-z]*-||')
    done
    "$here/nix.sh" flake check --print-build-logs "$root" 2> "$work/log" || { tail -n 60 "$work/log" >&2; fail "a check fails"; }
    say "every check passes"

    # A build that reads the clock must be caught, or the comparison above proves nothing.
    local clock='derivation { name = "clock"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "/usr/bin/date +%s%N > $out" ]; }'
    nix build --no-link --impure --expr "$clock" 2> /dev/null
    nix build --no-link --impure --rebuild --expr "$clock" 2> "$work/log" || true
    grep -q 'may not be deterministic' "$work/log" || fail "a build that reads the clock was not caught"
    say "a build that reads the clock is caught"
    mkdir -p "${built%/*}"
    : > "$built"
}

# how: a hash of what decides how all is built, beside our sources.
how() {
    local manifests
    mapfile -t manifests < <(git -C "$root" ls-files -- '*Cargo.toml')
    (cd "$root" && cat "${manifests[@]}" Cargo.lock rust-toolchain.toml flake.nix nix/*.nix images/sbom.py "$cache"/nixpkgs/*) |
        sha256sum | cut -c1-16
}

build_if_changed() {
    local left=86400
    [ -z "${UNTIL:-}" ] || left=$((UNTIL - $(date +%s)))
    if [ -e "$built" ]; then
        say "what decides how all is built has not changed since it was compared: not built again"
    elif [ "$left" -le 0 ]; then
        say "NOT BUILT: there is no time left"
    else
        timeout --kill-after=60 "$left" "$here/verify.sh" build || {
            [ $? = 124 ] || exit 1
            say "NOT ALL BUILT: the time was up; the next run goes on from there"
        }
    fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/copy"
[ "$level" != build ] || "$here/tools.sh" > /dev/null
"$here/prepare.sh"
built=$cache/compared/all-$(how)
evaluate
case $level in
build) build ;;
changed) build_if_changed ;;
esac
