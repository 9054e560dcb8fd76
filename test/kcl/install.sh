#!/usr/bin/env bash
# Fetches AWS's Kinesis libraries for Java, as Maven Central has them, into .cache/peers/kcl, and compiles our programs that use them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/peers/apt.sh
client=${KCL_VERSION:-3.5.1}
producer=${KPL_VERSION:-1.1.1}
mkdir -p .cache/peers
home=$(cd .cache/peers && pwd -P)/kcl

exec 9>"$home.lock"
flock 9

command -v javac >/dev/null || apt_install openjdk-17-jdk-headless
if ! { [ -e "$home/libs/amazon-kinesis-client-$client.jar" ] && [ -e "$home/libs/amazon-kinesis-producer-$producer.jar" ]; }; then
  command -v mvn >/dev/null || apt_install maven
  echo "test-kcl: fetching the Kinesis libraries for Java into $home"
  work=$(mktemp -d "$home.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Of a schema registry's clients only the classes that these two name are wanted: the rest is 50 MB.
  unused=
  for group in org.apache.kafka org.scala-lang org.jetbrains.kotlin org.jetbrains.kotlinx com.squareup.wire com.kjetland; do
    unused+="<exclusion><groupId>$group</groupId><artifactId>*</artifactId></exclusion>"
  done
  dependency() {
    echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version>${4:-}</dependency>"
  }
  # The producer needs a protobuf no older than the one that it was made with; Maven would take the client's.
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>peers</groupId>
  <artifactId>kcl</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    $(dependency software.amazon.kinesis amazon-kinesis-client "$client" "<exclusions>$unused</exclusions>")
    $(dependency software.amazon.kinesis amazon-kinesis-producer "$producer" "<exclusions>$unused</exclusions>")
    $(dependency com.google.protobuf protobuf-java 4.29.0)
    $(dependency org.slf4j slf4j-simple 2.0.13)
  </dependencies>
</project>
POM
  mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$work/libs"
  mkdir -p "$home"
  rm -rf "$home/libs" "$home/classes"
  mv "$work/libs" "$home/libs"
fi
sources=$(cat test/kcl/java/*.java | sha256sum | cut -c1-16)
if ! [ -e "$home/classes/$sources" ]; then
  rm -rf "$home/classes"
  javac -d "$home/classes" -cp "$home/libs/*" test/kcl/java/*.java
  touch "$home/classes/$sources"
fi
sdk=$(basename "$home"/libs/netty-nio-client-*.jar .jar)
echo "test-kcl: KCL $client, KPL $producer, AWS SDK for Java ${sdk##*-} in .cache/peers/kcl"
