"""Produces with Confluent's serializers and a registry, and reads Lambda's events as functions with Powertools do.

schema-registry.py produce BROKER REGISTRY   prints what was produced, topic by topic
schema-registry.py headers BROKER            the same with ids in headers and no registry; prints its schemas by GUID
schema-registry.py read                      an event of the topic `proto` or `avro` on standard input; prints its records
"""

import json
import sys
import uuid

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

OPTIONAL, STRING, DOUBLE, INT32, INT64, MESSAGE = 1, 9, 1, 5, 3, 11

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "total", "type": "shop.Money"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "weights", "type": {"type": "array", "items": "float"}},
        {"name": "tags", "type": {"type": "map", "values": "boolean"}},
    ],
}
MONEY = {
    "type": "record",
    "name": "Money",
    "namespace": "shop",
    "fields": [
        {"name": "cents", "type": "int"},
        {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"]}},
    ],
}
# Without a reference, as a function that reads the bytes itself has it.
WHOLE = json.dumps({**ORDER, "fields": [{"name": "id", "type": "long"}, {"name": "total", "type": MONEY}, *ORDER["fields"][2:]]})
VISIT = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Visit",
    "type": "object",
    "properties": {"page": {"type": "string"}, "seconds": {"type": "integer", "minimum": 0}},
    "required": ["page"],
}


def messages():
    file = descriptor_pb2.FileDescriptorProto(
        name="reading.proto",
        package="field",
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )
    from google.protobuf import timestamp_pb2  # noqa: F401 - in the pool from here on

    # The first of its file: of others Powertools takes the indexes, which are signed, for unsigned ones.
    reading = file.message_type.add(name="Reading")
    reading.nested_type.add(name="Point").field.add(
        name="lat_deg", number=1, type=DOUBLE, label=OPTIONAL
    )
    for number, (name, kind, of) in enumerate(
        [
            ("sensor_id", STRING, None),
            ("taken_at", MESSAGE, ".google.protobuf.Timestamp"),
            ("place", MESSAGE, ".field.Reading.Point"),
            ("count", INT64, None),
        ],
        start=1,
    ):
        field = reading.field.add(name=name, number=number, type=kind, label=OPTIONAL)
        if of is not None:
            field.type_name = of
    file.message_type.add(name="Unused").field.add(name="x", number=1, type=INT32, label=OPTIONAL)
    pool = descriptor_pool.Default()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return (
        message_factory.GetMessageClass(find("field.Reading")),
        message_factory.GetMessageClass(find("field.Reading.Point")),
    )


def produce(broker, url):
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.schema_registry.json_schema import JSONSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    registry = SchemaRegistryClient({"url": url})
    producer = Producer({"bootstrap.servers": broker})

    def send(topic, value, key=None):
        producer.produce(topic, key=key, value=value)

    def context(topic, field=MessageField.VALUE):
        return SerializationContext(topic, field)

    registry.register_schema("shop.Money", Schema(json.dumps(MONEY), "AVRO"))
    order = Schema(json.dumps(ORDER), "AVRO", [SchemaReference("shop.Money", "shop.Money", 1)])
    orders = AvroSerializer(registry, order)
    keys = AvroSerializer(registry, '"string"')
    value = {
        "id": 2**53 + 1,
        "total": {"cents": -5, "currency": "USD"},
        "note": "ü",
        "weights": [0.1, 2.5],
        "tags": {"a": True},
    }
    for note in ("ü", None):
        key = keys("k1", context("avro", MessageField.KEY))
        send("avro", orders({**value, "note": note}, context("avro")), key)

    Reading, Point = messages()
    readings = ProtobufSerializer(Reading, registry, {"use.deprecated.format": False})
    reading = Reading(sensor_id="s-1", count=2**53 + 1)
    reading.taken_at.FromMilliseconds(1_700_000_000_123)
    reading.place.lat_deg = 52.5
    send("proto", readings(reading, context("proto")))
    points = ProtobufSerializer(Point, registry, {"use.deprecated.format": False})
    send("proto", points(Point(lat_deg=-1), context("proto")))

    visits = JSONSerializer(json.dumps(VISIT), registry)
    good = visits({"page": "/", "seconds": 3}, context("json"))
    send("json", good)
    # What no serializer lets through: of the schema's id, and not of the schema.
    send("json", good[:5] + b'{"seconds":-1}')
    producer.flush()
    print(json.dumps({"subjects": sorted(registry.get_subjects())}))


def headers(broker):
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    registry = SchemaRegistryClient.new_client({"url": "mock://registry"})
    producer = Producer({"bootstrap.servers": broker})
    conf = {"schema.id.serializer": header_schema_id_serializer}
    guids = set()

    def send(topic, **parts):
        made, ids = {}, []
        for name, (serializer, value) in parts.items():
            field = MessageField.KEY if name == "key" else MessageField.VALUE
            made[name] = serializer(value, SerializationContext(topic, field, ids))
        guids.update(value[1:17].hex() for _, value in ids)
        producer.produce(topic, headers=ids, **made)

    keys = AvroSerializer(registry, '"string"', conf=conf)
    sizes = AvroSerializer(registry, json.dumps({**MONEY, "fields": MONEY["fields"][:1]}), conf=conf)
    send("avro-headers", key=(keys, "k1"), value=(sizes, {"cents": -5}))
    _, Point = messages()
    points = ProtobufSerializer(Point, registry, {"use.deprecated.format": False, **conf})
    send("proto-headers", value=(points, Point(lat_deg=-1)))
    producer.flush()
    schemas = {}
    for guid in map(str, map(uuid.UUID, guids)):
        schema = registry.get_schema_by_guid(guid)
        schemas[guid] = {"schema": schema.schema_str, "schemaType": schema.schema_type, "guid": guid}
    print(json.dumps(schemas))


def read():
    from aws_lambda_powertools.utilities.kafka import ConsumerRecords, SchemaConfig, kafka_consumer

    event = json.load(sys.stdin)
    topic = next(iter(event["records"])).rsplit("-", 1)[0]
    if topic == "avro":
        config = SchemaConfig(value_schema_type="AVRO", value_schema=WHOLE)
    else:
        config = SchemaConfig(value_schema_type="PROTOBUF", value_schema=messages()[0])

    @kafka_consumer(schema_config=config)
    def handler(records: ConsumerRecords, _):
        return [record.value for record in records.records]

    print(json.dumps(handler(event, None), default=str))


if __name__ == "__main__":
    if sys.argv[1] == "produce":
        produce(*sys.argv[2:])
    elif sys.argv[1] == "headers":
        headers(*sys.argv[2:])
    else:
        read()
