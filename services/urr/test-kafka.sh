#!/bin/bash
# Runs the tests that need a real Kafka: those of the bus against one broker, and a crowd
# over `urr up --kafka`. The broker is gone when this ends.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d /tmp/urr-kafka.XXXXXX)
log=$scratch/broker.log
broker=
stop() {
    [ -z "$broker" ] || { kill "$broker" 2>/dev/null && wait "$broker" || true; }
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Compiled first, so that no broker idles meanwhile. The whole workspace, as `make test` has
# it: with fewer packages cargo would choose other features and compile most of it again.
cargo test --locked --no-run --workspace --test it
services/kit/kafka.sh --fetch

# Below the range of outgoing connections; the broker also takes the next port.
port=$((20000 + RANDOM % 10000))
while listens $port || listens $((port + 1)); do port=$((port + 2)); done
setpriv --pdeathsig TERM services/kit/kafka.sh $port "$scratch/data" >"$log" 2>&1 &
broker=$!
until listens $port; do
    kill -0 "$broker" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.2
done

export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$port
cargo test --locked --workspace --test it bus:: -- --ignored
unset KAFKA_BOOTSTRAP_SERVERS
cargo test --locked --workspace --test it a_crowd_is_served_over_kafka -- --ignored
