# Takes boto3's Lambda client through the life of a function and of a mapping; prints what it saw as JSON.
"""Usage: tour.py AWS_URL KAFKA_HOST_PORT"""

import base64
import json
import sys
import time

from aws import archive, connect, refusal

HANDLER = """
export const handler = async (event, context) => {
  if (event.fail) throw new RangeError('no such gear')
  console.log('greeting', event.name)
  return { greeting: `%s ${event.name}`, function: context.functionName, table: process.env.TABLE }
}
"""
ROLE = "arn:aws:iam::000000000000:role/any"
NOBODY = "00000000-0000-0000-0000-000000000000"


def refused(call, **parameters):
    """What the error of a call looks like to a program; None when there was none."""
    error = refusal(call, **parameters)
    if error is None:
        return None
    metadata = error.response["ResponseMetadata"]
    return {
        "class": type(error).__name__,
        "code": error.response["Error"]["Code"],
        "message": error.response["Error"]["Message"],
        "status": metadata["HTTPStatusCode"],
        "requestId": bool(metadata.get("RequestId")),
    }


def invoke(client, event, **parameters):
    answer = client.invoke(
        FunctionName="tour", Payload=json.dumps(event), LogType="Tail", **parameters
    )
    return {
        "status": answer["StatusCode"],
        "error": answer.get("FunctionError"),
        "version": answer.get("ExecutedVersion"),
        "payload": json.loads(answer["Payload"].read() or "null"),
        "log": base64.b64decode(answer.get("LogResult", "")).decode(),
    }


def function_tour(client):
    seen = {}
    created = client.create_function(
        FunctionName="tour",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": archive(HANDLER % "hello")},
        Timeout=5,
        Environment={"Variables": {"TABLE": "first"}},
    )
    seen["created"] = {
        key: created[key]
        for key in ("FunctionName", "FunctionArn", "Runtime", "Handler", "MemorySize", "Timeout", "Version")
    }
    client.get_waiter("function_active_v2").wait(FunctionName="tour")
    seen["invoked"] = invoke(client, {"name": "mill"})
    seen["failed"] = invoke(client, {"fail": True})
    seen["dryRun"] = client.invoke(FunctionName="tour", InvocationType="DryRun")["StatusCode"]
    pages = client.get_paginator("list_functions").paginate()
    seen["listed"] = [f["FunctionName"] for page in pages for f in page["Functions"]]
    changed = client.update_function_code(FunctionName="tour", ZipFile=archive(HANDLER % "good morning"))
    seen["codeChanged"] = changed["CodeSha256"] != created["CodeSha256"]
    client.get_waiter("function_updated_v2").wait(FunctionName="tour")
    client.update_function_configuration(
        FunctionName="tour", MemorySize=512, Environment={"Variables": {"TABLE": "second"}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="tour")
    configuration = client.get_function(FunctionName="tour")["Configuration"]
    seen["memory"] = configuration["MemorySize"]
    seen["invokedAgain"] = invoke(client, {"name": "mill"})["payload"]
    return seen


def concurrency_tour(client):
    seen = {"unset": client.get_function_concurrency(FunctionName="tour").get("ReservedConcurrentExecutions")}
    put = client.put_function_concurrency(FunctionName="tour", ReservedConcurrentExecutions=0)
    seen["put"] = put["ReservedConcurrentExecutions"]
    seen["get"] = client.get_function_concurrency(FunctionName="tour")["ReservedConcurrentExecutions"]
    seen["function"] = client.get_function(FunctionName="tour")["Concurrency"]
    try:
        client.invoke(FunctionName="tour", Payload=b"{}")
    except client.exceptions.TooManyRequestsException as error:
        seen["throttled"] = [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response.get("Reason")]
    client.put_function_concurrency(FunctionName="tour", ReservedConcurrentExecutions=40)
    settings = client.get_account_settings()
    seen["limits"] = [
        settings["AccountLimit"][key] for key in ("ConcurrentExecutions", "UnreservedConcurrentExecutions")
    ]
    seen["functions"] = settings["AccountUsage"]["FunctionCount"]
    seen["tooMuch"] = refused(
        client.put_function_concurrency, FunctionName="tour", ReservedConcurrentExecutions=901
    )
    client.delete_function_concurrency(FunctionName="tour")
    seen["deleted"] = "Concurrency" in client.get_function(FunctionName="tour")
    seen["invoked"] = invoke(client, {"name": "mill"})["status"]
    return seen


def wait_for_state(client, uuid, state):
    deadline = time.monotonic() + 20
    found = None
    while time.monotonic() < deadline:
        found = client.get_event_source_mapping(UUID=uuid)["State"]
        if found == state:
            return found
        time.sleep(0.05)
    return found


def mapping_tour(client, kafka):
    seen = {}
    source = {
        "FunctionName": "tour",
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka]}},
        "Topics": ["tour"],
        "StartingPosition": "TRIM_HORIZON",
    }
    created = client.create_event_source_mapping(
        **source,
        BatchSize=50,
        MaximumBatchingWindowInSeconds=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"value": {"n": [1]}})}]},
    )
    uuid = created["UUID"]
    seen["created"] = {
        key: created[key]
        for key in ("State", "BatchSize", "MaximumBatchingWindowInSeconds", "Topics", "StartingPosition")
    }
    seen["enabled"] = wait_for_state(client, uuid, "Enabled")
    duplicate = refused(client.create_event_source_mapping, **source)
    seen["duplicate"] = {**duplicate, "message": duplicate["message"].replace(uuid, "UUID")}
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName="tour")
    seen["listed"] = [m["UUID"] == uuid for page in pages for m in page["EventSourceMappings"]]
    updated = client.update_event_source_mapping(UUID=uuid, Enabled=False, BatchSize=7)
    seen["updated"] = [updated["State"], updated["BatchSize"]]
    seen["disabled"] = wait_for_state(client, uuid, "Disabled")
    seen["deleted"] = client.delete_event_source_mapping(UUID=uuid)["State"]
    deadline = time.monotonic() + 20
    gone = None
    while gone is None and time.monotonic() < deadline:
        gone = refused(client.get_event_source_mapping, UUID=uuid)
        time.sleep(0.05)
    seen["gone"] = gone
    return seen


def error_tour(client, kafka):
    servers = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka]}}
    new_function = {
        "FunctionName": "tour",
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": archive(HANDLER % "hello")},
    }
    new_mapping = {
        "FunctionName": "tour",
        "SelfManagedEventSource": servers,
        "Topics": ["other"],
        "StartingPosition": "LATEST",
    }
    create = client.create_event_source_mapping
    bad_filter = {"Filters": [{"Pattern": json.dumps({"value": {"n": "text"}})}]}
    return {
        "noSuchFunction": refused(client.get_function, FunctionName="nobody"),
        "invokeNoSuchFunction": refused(client.invoke, FunctionName="nobody", Payload=b"{}"),
        "functionExists": refused(client.create_function, **new_function),
        "notJson": refused(client.invoke, FunctionName="tour", Payload=b"{not json"),
        "notAZip": refused(client.update_function_code, FunctionName="tour", ZipFile=b"text"),
        "noSuchMapping": refused(client.get_event_source_mapping, UUID=NOBODY),
        "mappingOfNobody": refused(create, **{**new_mapping, "FunctionName": "nobody"}),
        "noSource": refused(create, FunctionName="tour", Topics=["tour"], StartingPosition="LATEST"),
        "badPosition": refused(create, **{**new_mapping, "StartingPosition": "SOMEWHERE"}),
        "badFilter": refused(create, **new_mapping, FilterCriteria=bad_filter),
    }


def main():
    aws, kafka = sys.argv[1:]
    # Bounds are for the platform to check, and it is its words that the test wants to see.
    client = connect("lambda", aws, parameter_validation=False)
    seen = {
        "function": function_tour(client),
        "concurrency": concurrency_tour(client),
        "mapping": mapping_tour(client, kafka),
        "errors": error_tour(client, kafka),
    }
    client.delete_function(FunctionName="tour")
    seen["functionGone"] = refused(client.get_function, FunctionName="tour")
    print(json.dumps(seen))


main()
