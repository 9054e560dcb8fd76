# Asks boto3's Kafka client for the clusters, and its Lambda client for a mapping with every parameter.
"""Usage: msk.py AWS_URL"""

import json
import sys

from aws import archive, connect, refusal

NOBODY = "arn:aws:kafka:us-east-1:000000000000:cluster/nobody/00000000-0000-0000-0000-000000000000-9"
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:ann-a1B2c3"


def refused(call, **parameters):
    error = refusal(call, **parameters)
    return [
        type(error).__name__,
        error.response["ResponseMetadata"]["HTTPStatusCode"],
        error.response.get("InvalidParameter"),
    ]


def clusters_tour(client):
    pages = client.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 1})
    listed = [c["ClusterArn"] for page in pages for c in page["ClusterInfoList"]]
    pages_v2 = client.get_paginator("list_clusters_v2").paginate(PaginationConfig={"PageSize": 1})
    listed_v2 = [c["ClusterArn"] for page in pages_v2 for c in page["ClusterInfoList"]]
    own = listed[0]
    described = client.describe_cluster(ClusterArn=own)["ClusterInfo"]
    described_v2 = client.describe_cluster_v2(ClusterArn=own)["ClusterInfo"]
    brokers = client.get_bootstrap_brokers(ClusterArn=own)
    return {
        "listed": listed,
        "listedV2": listed_v2,
        "filtered": len(client.list_clusters(ClusterNameFilter="ord")["ClusterInfoList"]),
        "described": [described["ClusterName"], described["State"], described["NumberOfBrokerNodes"]],
        "describedV2": [described_v2["ClusterType"], described_v2["Provisioned"]["NumberOfBrokerNodes"]],
        "brokers": brokers["BootstrapBrokerString"],
        "unknown": [
            refused(client.describe_cluster, ClusterArn=NOBODY),
            refused(client.describe_cluster_v2, ClusterArn=NOBODY),
            refused(client.get_bootstrap_brokers, ClusterArn=NOBODY),
            refused(client.describe_cluster, ClusterArn="orders"),
        ],
    }


def mapping_tour(client, own):
    client.create_function(
        FunctionName="msk",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive("export const handler = () => {}")},
    )
    asked = {
        "EventSourceArn": own,
        "Topics": ["every"],
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 3,
        "StartingPosition": "LATEST",
        "FilterCriteria": {"Filters": [{"Pattern": '{"value":{"a":[1]}}'}]},
        "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1",
        "MetricsConfig": {"Metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://dead"}},
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 3,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 2, "PollerGroupName": "g"},
        "SourceAccessConfigurations": [
            {"Type": "SASL_SCRAM_512_AUTH", "URI": SECRET},
            {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
        ],
        "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "every-group"},
    }
    created = client.create_event_source_mapping(
        FunctionName="msk", Enabled=False, Tags={"team": "a"}, **asked
    )
    got = client.get_event_source_mapping(UUID=created["UUID"])
    [listed] = client.list_event_source_mappings(EventSourceArn=own)["EventSourceMappings"]
    return {
        "asked": asked,
        "got": {name: got.get(name) for name in asked},
        "listedHidesFilters": "FilterCriteria" not in listed,
        "tags": client.list_tags(Resource=created["EventSourceMappingArn"])["Tags"],
    }


def main():
    clusters = clusters_tour(connect("kafka", sys.argv[1]))
    mapping = mapping_tour(connect("lambda", sys.argv[1]), clusters["listed"][0])
    print(json.dumps({"clusters": clusters, "mapping": mapping}))


main()
