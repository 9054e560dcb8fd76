#!/usr/bin/env bash
# Fetches Apache Kafka, as Maven Central has it, into .cache/peers/kafka: all its jars, no scripts.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/peers/apt.sh
version=${KAFKA_VERSION:-4.4.0}
mkdir -p .cache/peers
home=$(cd .cache/peers && pwd -P)/kafka

exec 9>"$home.lock"
flock 9

command -v java >/dev/null || apt_install openjdk-17-jre-headless
if ! { [ -e "$home/libs/kafka_2.13-$version.jar" ] && [ -e "$home/libs/kafka-tools-$version.jar" ]; }; then
  command -v mvn >/dev/null || apt_install maven
  echo "test-peers: fetching Apache Kafka $version into $home"
  work=$(mktemp -d "$home.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>peers</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$work/libs"
  mkdir -p "$home"
  rm -rf "$home/libs"
  mv "$work/libs" "$home/libs"
fi
echo "test-peers: Apache Kafka $version in .cache/peers/kafka, $(java -version 2>&1 | sed -nE '1s/.*"(.*)".*/java \1/p')"
