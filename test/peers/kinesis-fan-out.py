# Subscribes to a shard with boto3 over HTTP/1.1 and prints what was pushed, and how the subscription ended.
"""Usage: kinesis-fan-out.py KINESIS_URL"""

import json
import sys
import threading

from aws import connect

STREAM = "laps"


def put(client, first):
    records = [{"PartitionKey": f"car-{n}", "Data": str(n).encode()} for n in range(first, first + 20)]
    client.put_records(StreamName=STREAM, Records=records)


def pushed(client, arn, position, until):
    """Reads until `until` says that it is enough; the rest of the subscription is left."""
    stream = client.subscribe_to_shard(ConsumerARN=arn, ShardId="shardId-000000000000", StartingPosition=position)
    events = []
    for event in stream["EventStream"]:
        events.append(event["SubscribeToShardEvent"])
        if until(events):
            break
    stream["EventStream"].close()
    return events


def numbers(events):
    return [int(record["Data"]) for event in events for record in event["Records"]]


def main():
    client = connect("kinesis", sys.argv[1])
    client.create_stream(StreamName=STREAM, ShardCount=1)
    stream_arn = client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=stream_arn, ConsumerName="pit-wall")["Consumer"]
    arn = consumer["ConsumerARN"]
    put(client, 0)
    later = threading.Timer(0.3, put, (connect("kinesis", sys.argv[1]), 20))
    later.start()
    first = pushed(client, arn, {"Type": "TRIM_HORIZON"}, lambda events: len(numbers(events)) >= 40)
    later.join()
    place = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": first[-1]["ContinuationSequenceNumber"]}
    put(client, 40)
    second = pushed(client, arn, place, lambda events: len(numbers(events)) >= 20)
    client.split_shard(
        StreamName=STREAM, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    place = {"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": second[-1]["ContinuationSequenceNumber"]}
    last = pushed(client, arn, place, lambda events: False)
    print(
        json.dumps(
            {
                "status": consumer["ConsumerStatus"],
                "listed": [each["ConsumerName"] for each in client.list_stream_consumers(StreamARN=stream_arn)["Consumers"]],
                "first": numbers(first),
                "second": numbers(second),
                "record": sorted(first[0]["Records"][0]),
                "last": numbers(last),
                "children": [child["ShardId"] for child in last[-1]["ChildShards"]],
            }
        )
    )


main()
