#!/bin/sh
# Prints the path of a Go that builds the cluster program: the machine's own where it is new
# enough, else one that is fetched from the Go module proxy (70 MB, once). Exit code 3 and a
# sentence where there is none to be had.
set -eu

version=1.26.8
checksum=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
cache="${URR_CACHE:-$HOME/.cache/urr}/go"
fetched="$cache/golang.org/toolchain@v0.0.1-go$version.linux-amd64/bin/go"

fail() { echo "go.sh: $*" >&2; exit 3; }

# new_enough GO: whether it is 1.24 or later.
new_enough() {
    found=$("$1" env GOVERSION 2>/dev/null) || return 1
    minor=${found#go1.}
    minor=${minor%%[!0-9]*}
    [ "${minor:-0}" -ge 24 ]
}

if own=$(command -v go) && new_enough "$own"; then
    echo "$own"
    exit
fi
if [ ! -x "$fetched" ]; then
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "Go 1.24 or later is missing"
    # An old Go is of use here: it knows where modules come from.
    proxy=${GOPROXY:-$(go env GOPROXY 2>/dev/null || true)}
    proxy=${proxy%%[,|]*}
    [ -n "$proxy" ] || fail "Go 1.24 or later is missing; install it, or set GOPROXY to fetch it"
    for program in curl unzip sha256sum; do
        command -v $program >/dev/null || fail "neither Go nor $program, with which it would be fetched"
    done
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "go.sh: fetching Go $version from $proxy" >&2
    curl -fsSL --retry 3 -o "$work/go.zip" "$proxy/golang.org/toolchain/@v/v0.0.1-go$version.linux-amd64.zip" ||
        fail "Go is missing and could not be fetched"
    echo "$checksum  $work/go.zip" | sha256sum --quiet --check - >&2 || fail "what was fetched is not Go $version"
    unzip -q "$work/go.zip" -d "$work"
    chmod -R a+x "$work"/golang.org/toolchain@*/bin "$work"/golang.org/toolchain@*/pkg/tool
    mv -T "$work/golang.org" "$cache/golang.org" 2>/dev/null || [ -x "$fetched" ]
fi
echo "$fetched"
