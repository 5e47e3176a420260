#!/bin/bash
# Holds the running platform against its OpenAPI document: schemathesis makes requests from
# the document and fails on any 5xx, on any status, code, content type, header or field that
# the document does not have, and on any operation that answers without the token it asks for.
# Before that, the commands of INTEGRATING.md run as they stand.
#
#   test-openapi.sh [requests an operation and kind]      (60)
#
# Four callers in turn: a fan, a device at a door, nobody, an administrator. Same seed, same
# requests; half of the ids in them exist (test-openapi.py). URR names a program that is built
# already. Needs curl, jq and Python 3.10 or later with venv; schemathesis comes from PyPI, pinned with
# hashes, into $URR_CACHE/schemathesis, by default ~/.cache/urr/schemathesis, outside the tree.
set -euo pipefail
cd "$(dirname "$0")/../.."

examples=${1:-60}
# Fewer requests in all were no proof.
least=$((examples < 60 ? 5000 : 20000))
# What gateways decide before they look at methods (entry tokens, preflights) is not what
# `unsupported_method` and `allow_header_conformance` expect, and what a random id finds or
# a random body means is not what the other checks expect.
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks+=,response_headers_conformance,response_schema_conformance,ignored_auth
pins=services/urr/test-openapi.txt
cache=${URR_CACHE:-$HOME/.cache/urr}/schemathesis/$(sha256sum $pins | cut -c1-16)

fail() { echo "test-openapi.sh: $*" >&2; exit 1; }

fetch() {
    [ -e "$cache/complete" ] && return
    python3 -c 'import ensurepip, venv' || fail "venv is missing (Debian: python3-venv)"
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

command -v jq >/dev/null || fail "jq is missing"
fetch
if [ -z "${URR:-}" ]; then
    # The whole workspace, as `make test` has it: with fewer packages cargo would choose other
    # features and compile most of it again.
    cargo test --locked --no-run --workspace --test it
    URR=${CARGO_TARGET_DIR:-target}/debug/urr
fi

# Limits would be all that answers; a crowd of requests is one client here.
export RATE_LIMIT_AUTH_RPM=10000000 RATE_LIMIT_QUEUE_RPM=10000000
export RATE_LIMIT_BOOKING_RPM=10000000 RATE_LIMIT_GENERAL_RPM=10000000
export RATE_LIMIT_DOOR_RPM=10000000
# A machine that is busy with the crowd is no reason to be refused.
export REDIS_TIMEOUT_MS=10000
# Nobody goes through the line a second time when an hour is over.
export QUEUE_ENTRY_TOKEN_TTL_SECONDS=86400 JWT_EXPIRATION_SECONDS=86400
setpriv --pdeathsig TERM "$URR" up --quiet --dir "$scratch/run" --port 0 --demo-fans 1 >"$scratch/log" 2>&1 &
platform=$!
until grep -q '^URR is ready' "$scratch/log"; do
    kill -0 "$platform" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.2
done
API=$(sed -n 's/^URR is ready: \([^ ]*\).*/\1/p' "$scratch/log")/api/v1
"$URR" openapi >"$scratch/openapi.json"

# The blocks of INTEGRATING.md that are commands.
sed -n '/^```sh$/,/^```$/{/^```/!p}' INTEGRATING.md >"$scratch/integrating.sh"
API=$API bash -euo pipefail "$scratch/integrating.sh" >"$scratch/integrating.log" 2>&1 || {
    cat "$scratch/integrating.log" >&2
    fail "a command of INTEGRATING.md failed"
}
echo "INTEGRATING.md: bought and given back"

# sign_in PATH BODY: the access token in the answer.
sign_in() {
    curl -sS --fail-with-body "$API/auth/$1" -H 'Content-Type: application/json' -d "$2" | jq -er .token
}
password=$(sed -n 's/^  Administrator .*, password //p' "$scratch/log")
admin=$(sign_in login "{\"email\":\"admin@urr.com\",\"password\":\"$password\"}")
fan=$(sign_in register "{\"email\":\"fuzzed@example.com\",\"password\":\"$password\",\"name\":\"김우르\"}")
"$cache/bin/python" services/urr/test-openapi.py "$API" "$fan" "$admin" >"$scratch/known.json"
export SCHEMATHESIS_HOOKS=$PWD/services/urr/test-openapi.py URR_KNOWN=$scratch/known.json
# It leaves notes where it is started.
cd "$scratch"

# fuzz CALLER [OPTION...]: prints the failures; notes how many requests were made.
fuzz() {
    local caller=$1 code=0
    shift
    "$cache/bin/schemathesis" --no-color run "$scratch/openapi.json" --url "$API" --seed 1 \
        --max-examples "$examples" --workers 1 --continue-on-failure --suppress-health-check all \
        --checks $checks "$@" >"$scratch/$caller.log" 2>&1 || code=$?
    if [ $code != 0 ]; then
        cat "$scratch/$caller.log" >&2
        fail "what $caller was told is not what the document says"
    fi
    made=$(sed -n 's/^  \([0-9]*\) generated.*/\1/p' "$scratch/$caller.log")
    echo "$caller: $made requests, all answered as described"
    total=$((total + made))
}
total=0
# Whoever is signed in must not end the session or the account that all else stands on.
stay=(--exclude-operation-id logout --exclude-operation-id eraseMe --exclude-operation-id eraseUser)
fuzz fan --header "Authorization: Bearer $fan" "${stay[@]}"
# The header is the proof, so nothing is left to be ignored.
fuzz device --header "X-Check-In-Token: $(jq -er .device "$scratch/known.json")" \
    --exclude-checks ignored_auth --include-path-regex '^/check-ins'
fuzz nobody
# Last, because administrators take away what the others find.
fuzz admin --header "Authorization: Bearer $admin" "${stay[@]}"
echo "$total requests in all"
[ "$total" -ge "$least" ] || fail "fewer than $least"
