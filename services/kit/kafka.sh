#!/bin/sh
# Runs one Apache Kafka broker in the foreground, for development and tests.
#
#   kafka.sh [port] [data directory] [host]     (9092, $URR_CACHE/kafka/data, 127.0.0.1)
#   kafka.sh --fetch                      only fetches the broker
#
# Clients reach it under that host; with any but 127.0.0.1 it listens on all addresses.
# Needs a Java runtime (17 or later) and, the first time, Maven. The broker is fetched
# from Maven Central into $URR_CACHE/kafka, by default ~/.cache/urr/kafka, outside the
# tree. Data outlive the process; remove the data directory to begin anew.
set -eu

version=3.9.1
cache="${URR_CACHE:-$HOME/.cache/urr}/kafka"
libs="$cache/kafka_2.13-$version"

need() {
    command -v "$1" >/dev/null || { echo "kafka.sh: $1 is missing (Debian: $2)" >&2; exit 1; }
}

# Into a directory of its own first, so that an interrupted fetch leaves nothing half done.
fetch() {
    [ -d "$libs" ] && return
    need mvn maven
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cat >"$work/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>urr</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-reload4j</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
POM
    echo "kafka.sh: fetching Kafka $version into $libs" >&2
    mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/libs" >&2
    mv -T "$work/libs" "$libs" 2>/dev/null || [ -d "$libs" ]
    rm -rf "$work"
    trap - EXIT
}

need java default-jre-headless
fetch
[ "${1:-}" = --fetch ] && exit 0

port=${1:-9092}
data=${2:-$cache/data}
mkdir -p "$data"
data=$(cd "$data" && pwd)
host=${3:-127.0.0.1}
listen=$host
[ "$host" = 127.0.0.1 ] || listen=0.0.0.0

# The controller listens on a port of its own, chosen by the kernel's leave.
controller=$((port + 1))
cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://$listen:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://$host:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$data/log
auto.create.topics.enable=false
num.partitions=3
offsets.topic.num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES

cat >"$data/log4j.properties" <<PROPERTIES
log4j.rootLogger=WARN, stderr
log4j.appender.stderr=org.apache.log4j.ConsoleAppender
log4j.appender.stderr.target=System.err
log4j.appender.stderr.layout=org.apache.log4j.PatternLayout
log4j.appender.stderr.layout.ConversionPattern=%d %p %m (%c)%n
PROPERTIES

# The JVM itself expands the asterisk.
set -- -Xms128m -Xmx384m -XX:+UseSerialGC \
    "-Dlog4j.configuration=file:$data/log4j.properties" -cp "$libs/*"

if [ ! -f "$data/log/meta.properties" ]; then
    id=$(java "$@" kafka.tools.StorageTool random-uuid)
    java "$@" kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" >&2
fi
exec java "$@" kafka.Kafka "$data/server.properties"
