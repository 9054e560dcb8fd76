# Reads functions' logs with boto3, the AWS SDK for Python, and prints what it saw as JSON.
import json
import sys

from aws import connect, refusal

client = connect("logs", sys.argv[1])
group = sys.argv[2]


def refused(call, **parameters):
    error = refusal(call, **parameters)
    return [type(error).__name__, error.response["Error"]["Message"]]


groups = [g["logGroupName"] for page in client.get_paginator("describe_log_groups").paginate() for g in page["logGroups"]]
streams = client.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
pages = client.get_paginator("filter_log_events").paginate(
    logGroupName=group, filterPattern="INFO", PaginationConfig={"PageSize": 1}
)
filtered = [event["message"].split("\t")[-1].strip() for page in pages for event in page["events"]]
stream = streams[0]["logStreamName"]
events = client.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
print(
    json.dumps(
        {
            "groups": groups,
            "filtered": filtered,
            "first": events[0]["message"],
            "missing": refused(client.get_log_events, logGroupName="/none", logStreamName="x"),
            "badLimit": refused(client.filter_log_events, logGroupName=group, filterPattern='"open'),
        }
    )
)
