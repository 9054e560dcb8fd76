"""A tour of versions, aliases, provisioned concurrency and tags with boto3; prints what it saw as JSON."""
import json
import sys
import time

from aws import archive, connect, refusal

NAME = "versioned"
HANDLER = "export const handler = async (_, context) => ({ word: '%s', version: context.functionVersion })"


def invoke(client, **parameters):
    answer = client.invoke(FunctionName=NAME, **parameters)
    return [answer["ExecutedVersion"], json.loads(answer["Payload"].read())["word"]]


def code_of(call, **parameters):
    error = refusal(call, **parameters)
    return None if error is None else error.response["Error"]["Code"]


def main():
    client = connect("lambda", sys.argv[1])
    seen = {}
    created = client.create_function(
        FunctionName=NAME,
        Runtime="nodejs24.x",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive(HANDLER % "one")},
        Publish=True,
        Tags={"team": "pit"},
    )
    seen["created"] = created["Version"]
    updated = client.update_function_code(FunctionName=NAME, ZipFile=archive(HANDLER % "two"), Publish=True)
    seen["updated"] = [updated["Version"], updated["FunctionArn"]]
    client.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier="2")
    seen["versions"] = [
        version["Version"]
        for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=NAME)
        for version in page["Versions"]
    ]
    client.create_alias(
        FunctionName=NAME,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}},
    )
    seen["invoked"] = [
        invoke(client, Qualifier="1"),
        invoke(client, Qualifier="live"),
        invoke(client),
    ]
    alias = client.update_alias(FunctionName=NAME, Name="live", RoutingConfig={})
    seen["alias"] = [alias["FunctionVersion"], "RoutingConfig" in alias, invoke(client, Qualifier="live")]
    put = client.put_provisioned_concurrency_config(
        FunctionName=NAME, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    seen["provisioned"] = [put["ResponseMetadata"]["HTTPStatusCode"], put["Status"]]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        got = client.get_provisioned_concurrency_config(FunctionName=NAME, Qualifier="live")
        if got["Status"] == "READY":
            break
        time.sleep(0.05)
    seen["ready"] = [got["Status"], got["AvailableProvisionedConcurrentExecutions"]]
    seen["tags"] = client.list_tags(Resource=created["FunctionArn"])["Tags"]
    seen["inUse"] = code_of(client.delete_function, FunctionName=NAME, Qualifier="1")
    seen["latest"] = code_of(client.delete_function, FunctionName=NAME, Qualifier="$LATEST")
    client.delete_alias(FunctionName=NAME, Name="live")
    client.delete_function(FunctionName=NAME)
    seen["gone"] = code_of(client.get_function, FunctionName=NAME, Qualifier="2")
    print(json.dumps(seen))


main()
