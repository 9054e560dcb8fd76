#!/bin/sh
# Kafka's own tool as librdkafka's suite expects it under KAFKA_PATH: from the jars that test/peers/kafka.sh fetches.
here=$(cd "$(dirname "$0")" && pwd -P)
peers=$here/../../../../.cache/peers
case "$*" in
  *segment.bytes=10000*) exec "$peers/bin/python" "$here/create-topic.py" "$@" ;;
esac
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -cp "$peers/kafka/libs/*" org.apache.kafka.tools.TopicCommand "$@"
