# Goes through the Kinesis API with boto3: every operation on streams and shards, records in and out, and what is refused.
"""Usage: kinesis.py KINESIS_URL"""

import json
import sys
import time

from aws import connect, refusal

STREAM = "orders"


def refused(call, **parameters):
    answer = refusal(call, **parameters).response
    return [answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]]


def ids(shards):
    return [int(shard["ShardId"].removeprefix("shardId-")) for shard in shards]


def active(client):
    # Boto's own waiter looks every ten seconds.
    for _ in range(500):
        if client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        time.sleep(0.01)
    raise SystemExit("the stream does not become active")


def read(client, shard, **start):
    """All that a shard has, and how its end looks."""
    start = start or {"ShardIteratorType": "TRIM_HORIZON"}
    iterator = client.get_shard_iterator(StreamName=STREAM, ShardId=shard, **start)["ShardIterator"]
    records = []
    while True:
        answer = client.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if iterator is None:
            return records, ids(answer["ChildShards"])
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            return records, None


def records_tour(client):
    one = client.put_record(StreamName=STREAM, Data=b"first", PartitionKey="a")
    many = client.put_records(
        StreamName=STREAM,
        Records=[{"Data": bytes([n]), "PartitionKey": f"key-{n}"} for n in range(100)]
        + [{"Data": b"\xff\x00", "PartitionKey": "a", "ExplicitHashKey": str(2**128 - 1)}],
    )
    shards = [s["ShardId"] for s in client.list_shards(StreamName=STREAM)["Shards"]]
    found = {shard: read(client, shard)[0] for shard in shards}
    data = [bytes(r["Data"]) for records in found.values() for r in records]
    first = found[one["ShardId"]][0]
    after = read(
        client,
        one["ShardId"],
        ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        StartingSequenceNumber=one["SequenceNumber"],
    )[0]
    return {
        "failed": many["FailedRecordCount"],
        "all": sorted(data) == sorted([b"first", b"\xff\x00"] + [bytes([n]) for n in range(100)]),
        "first": [bytes(first["Data"]).decode(), first["PartitionKey"], first["SequenceNumber"] == one["SequenceNumber"]],
        "after": len(found[one["ShardId"]]) - len(after),
        "explicit": many["Records"][-1]["ShardId"] == shards[-1],
        "ordered": all(
            int(a["SequenceNumber"]) < int(b["SequenceNumber"])
            for records in found.values()
            for a, b in zip(records, records[1:])
        ),
    }


def resharding_tour(client):
    client.split_shard(StreamName=STREAM, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    active(client)
    _, children = read(client, "shardId-000000000000")
    client.merge_shards(
        StreamName=STREAM, ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001"
    )
    active(client)
    client.update_shard_count(StreamName=STREAM, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    active(client)
    # Boto's own pages name the stream beside the token, which AWS refuses.
    page = client.list_shards(StreamName=STREAM, MaxResults=2)
    listed = page["Shards"]
    while "NextToken" in page:
        page = client.list_shards(NextToken=page["NextToken"], MaxResults=2)
        listed += page["Shards"]
    return {
        "children": children,
        "listed": ids(listed),
        "open": client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["OpenShardCount"],
    }


def settings_tour(client):
    arn = client.describe_stream(StreamName=STREAM)["StreamDescription"]["StreamARN"]
    client.add_tags_to_stream(StreamName=STREAM, Tags={"team": "pit", "stage": "test"})
    client.remove_tags_from_stream(StreamName=STREAM, TagKeys=["stage"])
    client.increase_stream_retention_period(StreamName=STREAM, RetentionPeriodHours=48)
    client.decrease_stream_retention_period(StreamName=STREAM, RetentionPeriodHours=36)
    client.start_stream_encryption(StreamName=STREAM, EncryptionType="KMS", KeyId="alias/mine")
    monitored = client.enable_enhanced_monitoring(StreamName=STREAM, ShardLevelMetrics=["ALL"])
    client.disable_enhanced_monitoring(StreamName=STREAM, ShardLevelMetrics=["IncomingBytes"])
    client.put_resource_policy(ResourceARN=arn, Policy='{"Statement":[]}')
    summary = client.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    client.stop_stream_encryption(StreamName=STREAM, EncryptionType="KMS", KeyId="alias/mine")
    client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    mode = client.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["StreamModeDetails"]
    return {
        "arn": arn,
        "tags": client.list_tags_for_stream(StreamName=STREAM)["Tags"],
        "retention": summary["RetentionPeriodHours"],
        "key": summary["KeyId"],
        "monitored": len(monitored["DesiredShardLevelMetrics"]),
        "left": len(summary["EnhancedMonitoring"][0]["ShardLevelMetrics"]),
        "policy": client.get_resource_policy(ResourceARN=arn)["Policy"],
        "mode": mode["StreamMode"],
        "limits": client.describe_limits()["OnDemandStreamCount"],
    }


def refusals_tour(client):
    iterator = {"StreamName": STREAM, "ShardId": "shardId-000000000009", "ShardIteratorType": "LATEST"}
    return [
        refused(client.describe_stream, StreamName="none"),
        refused(client.create_stream, StreamName=STREAM, ShardCount=1),
        refused(client.get_records, ShardIterator="AAAA"),
        refused(client.get_shard_iterator, **iterator),
        refused(client.put_record, StreamName=STREAM, Data=b"", PartitionKey="a", ExplicitHashKey=str(2**128)),
        refused(client.put_record, StreamName=STREAM, Data=b"0" * (1024 * 1024 + 1), PartitionKey="a"),
    ]


def main():
    client = connect("kinesis", sys.argv[1])
    client.create_stream(StreamName=STREAM, ShardCount=2)
    client.get_waiter("stream_exists").wait(StreamName=STREAM)
    tour = {"records": records_tour(client)}
    tour["refusals"] = refusals_tour(client)
    tour["resharding"] = resharding_tour(client)
    tour["settings"] = settings_tour(client)
    tour["streams"] = client.list_streams()["StreamNames"]
    client.delete_stream(StreamName=STREAM)
    tour["left"] = client.list_streams()["StreamNames"]
    print(json.dumps(tour))


main()
