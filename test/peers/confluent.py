# Takes confluent-kafka, librdkafka's binding for Python, through one part of its API; prints what it saw as JSON.
"""Usage: confluent.py HOST:PORT PART"""

import json
import sys
import time

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

SERVERS = sys.argv[1]
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
PATIENCE_S = 20


def client(kind, **settings):
    """Settings are written as Python spells them: group_id for group.id."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return kind({"bootstrap.servers": SERVERS, **named})


def consumer(group, **settings):
    return client(
        Consumer,
        group_id=group,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=200,
        **settings,
    )


def results(futures):
    """What each future of an admin call gave, by its key's name; the error's name where it failed."""
    seen = {}
    for key, future in futures.items():
        name = getattr(key, "name", None) or getattr(key, "topic", None) or str(key)
        try:
            seen[name] = future.result(PATIENCE_S)
        except KafkaException as error:
            seen[name] = error.args[0].name()
    return seen


# One for the whole run: the answers of a client that is gone never come.
ADMIN = client(AdminClient)


def create(topic, partitions=1, **config):
    named = {name.replace("_", "."): str(value) for name, value in config.items()}
    return results(ADMIN.create_topics([NewTopic(topic, partitions, 1, config=named)]))[topic]


def send(topic, values, partition=0, **settings):
    """Sends and waits for all reports; the offsets they told."""
    offsets = []

    def report(error, message):
        offsets.append(error.name() if error else message.offset())

    producer = client(Producer, acks="all", linger_ms=50, **settings)
    for value in values:
        value = {"value": value} if isinstance(value, str) else value
        producer.produce(topic, partition=partition, on_delivery=report, **value)
    left = producer.flush(PATIENCE_S)
    return offsets if left == 0 else f"{left} left"


def read(members, count):
    """Polls members of a group until they have so many records, and a moment longer for ones too many."""
    seen = [[] for _ in members]
    end = time.monotonic() + PATIENCE_S
    while sum(map(len, seen)) < count and time.monotonic() < end:
        for member, records in zip(members, seen):
            message = member.poll(0.05)
            if message is None:
                continue
            records.append(message.error().name() if message.error() else message)
    return seen


def values(messages):
    return [message.value().decode() for message in messages]


def codecs():
    """Records of every codec, and offsets looked up by a time that lies inside of a batch."""
    seen = {}
    for codec in CODECS:
        topic = f"codecs-{codec}"
        create(topic)
        records = [{"value": f"{i} again" * 40, "timestamp": 1000 + 10 * i} for i in range(100)]
        offsets = send(topic, records, compression_type=codec)
        reader = consumer(topic)
        reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        (messages,) = read([reader], 100)
        times = reader.offsets_for_times([TopicPartition(topic, 0, 1501)], PATIENCE_S)
        seen[codec] = {
            "offsets": offsets == list(range(100)),
            "values": values(messages) == [record["value"] for record in records],
            "timestamps": [message.timestamp()[1] for message in messages[:3]],
            "at1501": times[0].offset,
            "watermarks": reader.get_watermark_offsets(TopicPartition(topic, 0), PATIENCE_S),
        }
        reader.close()
    return seen


def group(strategy):
    """Two members share four partitions; one leaves, and the other goes on with all of them."""
    topic = f"group-{strategy}"
    create(topic, 4)

    def member():
        each = consumer(topic, partition_assignment_strategy=strategy)
        each.subscribe([topic])
        return each

    members = [member(), member()]
    end = time.monotonic() + PATIENCE_S
    while [len(each.assignment()) for each in members] != [2, 2] and time.monotonic() < end:
        read(members, 0)
        for each in members:
            each.poll(0.05)
    shared = [len(each.assignment()) for each in members]
    for partition in range(4):
        send(topic, [f"{partition}-{i}" for i in range(10)], partition)
    first, second = read(members, 40)
    described = results(ADMIN.describe_consumer_groups([topic]))[topic]
    members[0].close()
    while len(members[1].assignment()) != 4 and time.monotonic() < end + PATIENCE_S:
        members[1].poll(0.05)
    send(topic, ["after"], 0)
    (after,) = read([members[1]], 1)
    members[1].close()
    return {
        "shared": shared,
        "values": sorted(values(first + second)),
        "counts": [len(first), len(second)],
        "state": described.state.name,
        "assignor": described.partition_assignor,
        "members": sorted(len(each.assignment.topic_partitions) for each in described.members),
        "after": values(after),
    }


def once():
    """An idempotent producer, small batches, many in flight."""
    create("once")
    texts = [str(i) for i in range(500)]
    offsets = send("once", texts, enable_idempotence=True, batch_num_messages=10)
    reader = consumer("once")
    reader.assign([TopicPartition("once", 0, OFFSET_BEGINNING)])
    (messages,) = read([reader], 500)
    reader.close()
    return {"offsets": offsets == list(range(500)), "values": values(messages) == texts}


def configs():
    """A topic's configs: given at creation, described, changed by one, set back; wrong ones refused."""
    created = create("configs", 2, retention_ms=60000, max_message_bytes=2000)
    resource = ConfigResource(ResourceType.TOPIC, "configs")

    def described(name):
        entries = results(ADMIN.describe_configs([resource]))["configs"]
        return [entries[name].value, entries[name].is_default]

    def alter(name, value, operation):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        changed = ConfigResource(ResourceType.TOPIC, "configs", incremental_configs=[entry])
        return results(ADMIN.incremental_alter_configs([changed]))["configs"]

    before = described("retention.ms")
    large = send("configs", ["x" * 3000])
    alter("retention.ms", "70000", AlterConfigOpType.SET)
    changed = described("retention.ms")
    alter("retention.ms", None, AlterConfigOpType.DELETE)
    return {
        "created": created,
        "before": before,
        "large": large,
        "changed": changed,
        "back": described("retention.ms"),
        "unknown": alter("no.such.config", "1", AlterConfigOpType.SET),
        "wrongAtCreation": create("wrong", 1, retention_ms="soon"),
    }


def topics():
    """Topics: created, described, grown, listed, deleted; refusals by their names."""
    created = create("topics", 2)
    again = create("topics", 2)
    grown = results(ADMIN.create_partitions([NewPartitions("topics", 3)]))["topics"]
    shrunk = results(ADMIN.create_partitions([NewPartitions("topics", 1)]))["topics"]
    listed = ADMIN.list_topics(timeout=PATIENCE_S).topics["topics"]
    send("topics", ["a", "b", "c"], 1)
    asked = {TopicPartition("topics", 1): OffsetSpec.latest()}
    latest = [future.result(PATIENCE_S).offset for future in ADMIN.list_offsets(asked).values()]
    deleted = results(ADMIN.delete_topics(["topics"], operation_timeout=PATIENCE_S))["topics"]
    gone = results(ADMIN.delete_topics(["topics"], operation_timeout=PATIENCE_S))["topics"]
    return {
        "created": created,
        "again": again,
        "grown": grown,
        "shrunk": shrunk,
        "partitions": sorted(listed.partitions),
        "latest": latest,
        "deleted": deleted,
        "gone": gone,
    }


def records():
    """Records deleted from a partition's start: what is left, where it starts, and what is out of range."""
    create("records")
    send("records", [str(i) for i in range(10)])

    def delete(offset):
        wanted = [TopicPartition("records", 0, offset)]
        return results(ADMIN.delete_records(wanted))["records"]

    deleted = delete(7)
    reader = consumer("records")
    reader.assign([TopicPartition("records", 0, OFFSET_BEGINNING)])
    (left,) = read([reader], 3)
    marks = reader.get_watermark_offsets(TopicPartition("records", 0), PATIENCE_S)
    reader.close()
    beyond = delete(11)
    return {
        "lowWatermark": deleted.low_watermark,
        "left": values(left),
        "watermarks": marks,
        "beyond": beyond,
    }


def cluster():
    """The cluster and a topic as descriptions of the Admin API have them, and the latest record by its time."""
    create("cluster", 3)
    for value, timestamp in (("a", 1000), ("b", 3000), ("c", 2000)):
        send("cluster", [{"value": value, "timestamp": timestamp}], 2)
    described = ADMIN.describe_cluster(include_authorized_operations=True).result(PATIENCE_S)
    asked = ADMIN.describe_topics(TopicCollection(["cluster", "nowhere"]))
    topics = results(asked)
    latest = ADMIN.list_offsets({TopicPartition("cluster", 2): OffsetSpec.max_timestamp()})
    (newest,) = [future.result(PATIENCE_S) for future in latest.values()]
    nodes = [[node.id, f"{node.host}:{node.port}"] for node in described.nodes]
    return {
        "nodes": nodes,
        "controller": described.controller.id,
        "hasId": bool(described.cluster_id),
        "partitions": [each.id for each in topics["cluster"].partitions],
        "leaders": sorted({each.leader.id for each in topics["cluster"].partitions}),
        "isInternal": topics["cluster"].is_internal,
        "topicId": str(topics["cluster"].topic_id),
        "nowhere": topics["nowhere"],
        "newest": [newest.offset, newest.timestamp],
    }


def transactions():
    """Read, process, write: one committed, one aborted, and one of a producer that a newer one has fenced."""
    create("orders")
    create("invoices")
    send("orders", [str(i) for i in range(6)])
    reader = consumer("billing", enable_auto_commit=False)
    reader.subscribe(["orders"])
    read([reader], 6)
    writer = client(Producer, transactional_id="billing")
    writer.init_transactions(PATIENCE_S)

    def process(name, upto):
        writer.begin_transaction()
        for i in range(3):
            writer.produce("invoices", f"{name} {i}")
        position = [TopicPartition("orders", 0, upto)]
        writer.send_offsets_to_transaction(position, reader.consumer_group_metadata(), PATIENCE_S)

    process("committed", 3)
    writer.commit_transaction(PATIENCE_S)
    process("aborted", 6)
    writer.flush(PATIENCE_S)
    writer.abort_transaction(PATIENCE_S)
    process("fenced", 6)
    writer.flush(PATIENCE_S)
    newer = client(Producer, transactional_id="billing")
    newer.init_transactions(PATIENCE_S)
    try:
        writer.commit_transaction(PATIENCE_S)
        fenced = None
    except KafkaException as error:
        fenced = [error.args[0].name(), error.args[0].fatal()]
    newer.begin_transaction()
    newer.produce("invoices", "newer")
    newer.commit_transaction(PATIENCE_S)
    committed = reader.committed([TopicPartition("orders", 0)], PATIENCE_S)
    reader.close()

    def seen(isolation, count):
        each = consumer(f"auditor-{isolation}", isolation_level=isolation)
        each.assign([TopicPartition("invoices", 0, OFFSET_BEGINNING)])
        (messages,) = read([each], count)
        each.close()
        return values(messages)

    return {
        "committedOffsets": [each.offset for each in committed],
        "fenced": fenced,
        "readCommitted": seen("read_committed", 4),
        "readUncommitted": seen("read_uncommitted", 10),
    }


def offsets():
    """A group's offsets: committed by a member, altered and listed by an administrator, then deleted."""
    create("offsets")
    send("offsets", [str(i) for i in range(10)])
    member = consumer("offsets", enable_auto_commit=False)
    member.subscribe(["offsets"])
    (messages,) = read([member], 10)
    member.commit(message=messages[4], asynchronous=False)
    partitions = [TopicPartition("offsets", 0)]
    wanted = [ConsumerGroupTopicPartitions("offsets", partitions)]

    def listed():
        found = results(ADMIN.list_consumer_group_offsets(wanted))["offsets"]
        return [each.offset for each in found.topic_partitions]

    committed = listed()
    busy = results(ADMIN.delete_consumer_groups(["offsets"]))["offsets"]
    member.close()
    to = [ConsumerGroupTopicPartitions("offsets", [TopicPartition("offsets", 0, 7)])]
    results(ADMIN.alter_consumer_group_offsets(to))
    altered = listed()
    again = consumer("offsets")
    again.subscribe(["offsets"])
    (rest,) = read([again], 3)
    again.close()
    groups = ADMIN.list_consumer_groups().result(PATIENCE_S)
    return {
        "committed": committed,
        "busy": busy,
        "altered": altered,
        "rest": values(rest),
        "listed": [each.group_id for each in groups.valid if each.group_id == "offsets"],
        "deleted": results(ADMIN.delete_consumer_groups(["offsets"]))["offsets"],
        "gone": results(ADMIN.delete_consumer_groups(["offsets"]))["offsets"],
    }


PARTS = {
    "codecs": codecs,
    "eager": lambda: group("range"),
    "cooperative": lambda: group("cooperative-sticky"),
    "once": once,
    "configs": configs,
    "topics": topics,
    "records": records,
    "cluster": cluster,
    "transactions": transactions,
    "offsets": offsets,
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[2]]()))
