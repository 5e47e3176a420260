#!/bin/bash
# Runs the tests that need a server that speaks Amazon's S3 and SQS. The server is gone when
# this ends.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d /tmp/urr-aws.XXXXXX)
server=
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" || true; }
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Compiled first, so that no server idles meanwhile. The whole workspace, as `make test` has
# it: with fewer packages cargo would choose other features and compile most of it again.
cargo test --locked --no-run --workspace --test it
services/kit/moto.sh --fetch

# Below the range of outgoing connections.
port=$((20000 + RANDOM % 10000))
while listens $port; do port=$((port + 1)); done
setpriv --pdeathsig TERM services/kit/moto.sh $port >"$scratch/log" 2>&1 &
server=$!
until listens $port; do
    kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.2
done

export AWS_ENDPOINT=http://127.0.0.1:$port
cargo test --locked --workspace --test it aws_ -- --ignored
