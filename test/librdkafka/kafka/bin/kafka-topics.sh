#!/bin/sh
# Kafka's own tool as librdkafka's suite expects it under KAFKA_PATH: from the jars that test/peers/kafka.sh fetches.
libs=$(cd "$(dirname "$0")/../../../.." && pwd -P)/.cache/peers/kafka/libs
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -cp "$libs/*" org.apache.kafka.tools.TopicCommand "$@"
