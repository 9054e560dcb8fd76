"""Produces with a registry of AWS Glue: glue-schemas.py BROKER ENDPOINT prints the versions of the schemas used."""

import json
import sys
import zlib
from uuid import UUID

import boto3
from aws_schema_registry import DataAndSchema, KafkaSerializer, SchemaRegistryClient
from aws_schema_registry.avro import AvroSchema
from aws_schema_registry.codec import encode
from confluent_kafka import Producer

ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": ["null", "string"]}],
}

# Its messages by their names: demo.Other is 0, demo.Reading is 1.
READING = 'syntax = "proto3"; package demo; message Reading { string sensor_id = 1; } message Other { int32 x = 1; }'


def main(broker, endpoint):
    glue = boto3.client("glue", region_name="us-east-1", endpoint_url=endpoint)
    glue.create_registry(RegistryName="shop")
    registry = SchemaRegistryClient(glue, registry_name="shop")
    producer = Producer({"bootstrap.servers": broker})

    write = KafkaSerializer(registry)
    schema = AvroSchema(json.dumps(ORDER))
    record = write.serialize("avro", DataAndSchema({"id": 2**40, "note": "ü"}, schema))
    producer.produce("avro", value=record)
    # As serializers of Java compress, which this one does not.
    producer.produce("avro", value=record[:1] + b"\x05" + record[2:18] + zlib.compress(record[18:]))

    version = glue.create_schema(
        RegistryId={"RegistryName": "shop"},
        SchemaName="proto",
        DataFormat="PROTOBUF",
        Compatibility="NONE",
        SchemaDefinition=READING,
    )["SchemaVersionId"]
    # Serializers of Glue's for protobuf are Java alone: the index of the message, then the message.
    producer.produce("proto", value=encode(b"\x01\x0a\x03s-1", UUID(version)))
    producer.flush()
    print(json.dumps({"proto": version}))


if __name__ == "__main__":
    main(*sys.argv[1:])
