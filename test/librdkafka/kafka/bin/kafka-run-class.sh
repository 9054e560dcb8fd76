#!/bin/sh
# Runs a Java class with Kafka's jars, as librdkafka's suite expects it under KAFKA_PATH: its own Java programs.
libs=$(cd "$(dirname "$0")/../../../.." && pwd -P)/.cache/peers/kafka/libs
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "$CLASSPATH:$libs/*" "$@"
