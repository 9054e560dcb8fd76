#!/usr/bin/env bash
# Builds librdkafka from Debian's source package into .cache/peers/librdkafka: its library, its load tool
# (examples/rdkafka_performance), its test suite (tests/test-runner), and its mock broker as a program (mock-broker).
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/peers/apt.sh
mkdir -p .cache/peers
home=$(cd .cache/peers && pwd -P)/librdkafka

# One build at a time, whoever asks for it.
exec 9>"$home.lock"
flock 9

# Tests that want three replicas of a topic, and nothing else of them: there is one broker.
replicated=(0098-consumer-txn.cpp 0103-transactions.c 0107-topic_recreate.c 0111-delay_create_topics.cpp)
three='(create_topic\(.*), 3\);'

# Without rapidjson four tests of the suite skip themselves, without zstd a part of one.
is_built() {
  [ -x "$home/examples/rdkafka_performance" ] && [ -x "$home/tests/test-runner" ] &&
    grep -q 'WITH_RAPIDJSON 1' "$home/config.h" && grep -q 'WITH_ZSTD 1' "$home/config.h" &&
    (cd "$home/tests" && ! grep -Eq "$three" "${replicated[@]}")
}

# From where the machine has its packages, in a list of our own: its own list need not have sources, and stays.
fetch_source() {
  local options target='deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)'
  mkdir -p "$1/lists/partial"
  apt-get indextargets --format "$target" 'Created-By: Packages' 'Origin: Debian' >"$1/sources.list"
  options=(-qq -o "Dir::Etc::SourceList=$1/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$1/lists" -o APT::Sandbox::User=)
  apt-get "${options[@]}" update
  (cd "$1" && apt-get "${options[@]}" source --download-only librdkafka >/dev/null)
}

build() (
  cd "$1" &&
    export LDFLAGS="-Wl,-rpath,$home/src -Wl,-rpath,$home/src-cpp" &&
    ./configure --disable-curl --disable-sasl --disable-gssapi &&
    make -j2 libs &&
    make -C examples rdkafka_performance &&
    make -C tests -j2 test-runner
)

if ! is_built; then
  for tool in gcc g++ make; do command -v "$tool" >/dev/null || apt_install "$tool"; done
  [ -e /usr/include/zlib.h ] || apt_install zlib1g-dev
  [ -e /usr/include/openssl/ssl.h ] || apt_install libssl-dev
  [ -e /usr/include/zstd.h ] || apt_install libzstd-dev
  [ -e /usr/include/rapidjson/schema.h ] || apt_install rapidjson-dev
  echo "test-peers: building librdkafka into $home (a minute or two)"
  work=$(mktemp -d "$home.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch_source "$work"
  mkdir "$work/build"
  tar -xf "$work"/librdkafka_*.orig.tar.* -C "$work/build" --strip-components=1
  (cd "$work/build/tests" && sed -Ei "s/$three/\1, 1);/" "${replicated[@]}")
  build "$work/build" >"$home.out" 2>&1 || {
    tail -n 20 "$home.out" >&2
    echo "test-peers: librdkafka could not be built; see $home.out" >&2
    exit 1
  }
  # Its programs find the library by the folder's last name, so it is of use from here on.
  rm -rf "$home"
  mv "$work/build" "$home"
  is_built
fi

mock=test/peers/mock-broker.c
if [ ! -x "$home/mock-broker" ] || [ "$mock" -nt "$home/mock-broker" ]; then
  gcc -O2 -Wall "-I$home/src" "$mock" "-L$home/src" "-Wl,-rpath,$home/src" -lrdkafka -o "$home/mock-broker"
fi

# Programs of the suite's own that stand in for Kafka's Java clients.
test/peers/kafka.sh
if [ ! -e "$home/tests/java/TransactionProducerCli.class" ]; then
  command -v javac >/dev/null || apt_install openjdk-17-jdk-headless
  javac -classpath "$(echo "$home"/../kafka/libs/kafka-clients-*.jar)" "$home"/tests/java/*.java
fi

hex='(..)(..)(..)..$'
version=$(sed -nE "s/^#define RD_KAFKA_VERSION +0x$hex/\1 \2 \3/p" "$home/src/rdkafka.h")
printf 'test-peers: librdkafka %d.%d.%d in .cache/peers/librdkafka\n' $(printf '0x%s ' $version)
