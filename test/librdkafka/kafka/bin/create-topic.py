# Creates a topic as kafka-topics.sh would: kafka-topics of Kafka 4.4 refuses small segments before it asks the broker.
import sys

from confluent_kafka.admin import AdminClient, NewTopic

args = sys.argv[1:]


def after(name):
    return args[args.index(name) + 1]


configs = [value for flag, value in zip(args, args[1:]) if flag == "--config"]
topic = NewTopic(after("--topic"), int(after("--partitions")), 1, config=dict(each.split("=", 1) for each in configs))
admin = AdminClient({"bootstrap.servers": after("--bootstrap-server")})
for future in admin.create_topics([topic]).values():
    future.result(20)
