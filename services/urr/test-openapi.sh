#!/bin/bash
# Holds the running platform against its OpenAPI document: schemathesis makes requests from
# the document and fails on any 5xx, on any status, code, content type, header or field that
# the document does not have, and on any operation that answers without the token it asks for.
#
#   test-openapi.sh [requests an operation and caller]      (100)
#
# Three callers in turn: an administrator, a fan, nobody. Same seed, same requests. Needs
# Python 3.10 or later with venv; schemathesis comes from PyPI, pinned with hashes, into
# $URR_CACHE/schemathesis, by default ~/.cache/urr/schemathesis, outside the tree.
set -euo pipefail
cd "$(dirname "$0")/../.."

examples=${1:-100}
# Fewer were no proof.
least=20000
# What gateways decide before they look at methods (entry tokens, preflights) is not what
# `unsupported_method` and `allow_header_conformance` expect, and what a random id finds or
# a random body means is not what the other checks expect.
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks+=,response_headers_conformance,response_schema_conformance,ignored_auth
pins=services/urr/test-openapi.txt
cache=${URR_CACHE:-$HOME/.cache/urr}/schemathesis/$(sha256sum $pins | cut -c1-16)

fetch() {
    [ -e "$cache/complete" ] && return
    python3 -c 'import ensurepip, venv' || { echo "test-openapi.sh: venv is missing (Debian: python3-venv)" >&2; exit 1; }
    rm -rf "$cache"
    python3 -m venv "$cache"
    "$cache/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement $pins
    touch "$cache/complete"
}

scratch=$(mktemp -d /tmp/urr-openapi.XXXXXX)
platform=
stop() {
    [ -z "$platform" ] || { kill "$platform" 2>/dev/null && wait "$platform" || true; }
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

fetch
cargo build --locked --package urr-urr
urr=${CARGO_TARGET_DIR:-target}/debug/urr

# Limits would be all that answers; a crowd of requests is one client here.
export RATE_LIMIT_AUTH_RPM=10000000 RATE_LIMIT_QUEUE_RPM=10000000
export RATE_LIMIT_BOOKING_RPM=10000000 RATE_LIMIT_GENERAL_RPM=10000000
export RATE_LIMIT_DOOR_RPM=10000000
setpriv --pdeathsig TERM "$urr" up --quiet --dir "$scratch/run" --port 0 --demo-fans 1 >"$scratch/log" 2>&1 &
platform=$!
until grep -q '^URR is ready' "$scratch/log"; do
    kill -0 "$platform" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.2
done
url=$(sed -n 's/^URR is ready: \([^ ]*\).*/\1/p' "$scratch/log")
"$urr" openapi >"$scratch/openapi.json"

# sign_in PATH BODY: the access token in the answer.
sign_in() {
    "$cache/bin/python" -c '
import sys, requests
answer = requests.post(sys.argv[1], json=dict(pair.split("=", 1) for pair in sys.argv[2:]))
answer.raise_for_status()
print(answer.json()["token"])' "$url/api/v1/auth/$1" "${@:2}"
}
password=$(sed -n 's/^  Administrator .*, password //p' "$scratch/log")
admin=$(sign_in login email=admin@urr.com "password=$password")
fan=$(sign_in register email=fuzzed@example.com "password=$password" "name=김우르")

# fuzz CALLER [OPTION...]: prints the failures; notes how many requests were made.
fuzz() {
    local caller=$1 code=0
    shift
    "$cache/bin/schemathesis" --no-color run "$scratch/openapi.json" --url "$url/api/v1" --seed 1 \
        --max-examples "$examples" --workers 2 --continue-on-failure --suppress-health-check all \
        --checks $checks --report json --report-json-path "$scratch/$caller.json" "$@" \
        >"$scratch/$caller.log" 2>&1 || code=$?
    if [ $code != 0 ]; then
        echo "test-openapi.sh: what $caller was told is not what the document says" >&2
        cat "$scratch/$caller.log" >&2
        return $code
    fi
    made=$(sed -n 's/^  \([0-9]*\) generated.*/\1/p' "$scratch/$caller.log")
    echo "$caller: $made requests, all answered as described"
    total=$((total + made))
}
total=0
# Whoever is signed in must not end the session or the account that all else stands on.
stay=(--exclude-operation-id logout --exclude-operation-id eraseMe --exclude-operation-id eraseUser)
fuzz admin --header "Authorization: Bearer $admin" "${stay[@]}"
fuzz fan --header "Authorization: Bearer $fan" "${stay[@]}"
fuzz nobody
echo "$total requests in all"
[ $total -ge $least ] || { echo "test-openapi.sh: fewer than $least" >&2; exit 1; }
