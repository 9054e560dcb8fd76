# Calls IAM and STS with boto3, as scripts beside a function do, and prints what came back as JSON.
"""Usage: iam.py AWS_URL"""

import json
import sys

from aws import connect, refusal

iam = connect("iam", sys.argv[1])
sts = connect("sts", sys.argv[1])

trust = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def refused(call, **members):
    error = refusal(call, **members)
    return [type(error).__name__, error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]]


def role_of_a_function():
    iam.create_role(
        RoleName="laps",
        AssumeRolePolicyDocument=json.dumps(trust),
        Description="of <laps> & ünits",
        Tags=[{"Key": "team", "Value": "pit"}],
    )
    iam.get_waiter("role_exists").wait(RoleName="laps")
    iam.put_role_policy(RoleName="laps", PolicyName="own", PolicyDocument=json.dumps(trust))
    policy = iam.create_policy(PolicyName="laps", PolicyDocument=json.dumps(trust))["Policy"]["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=policy)
    for arn in (basic, policy):
        iam.attach_role_policy(RoleName="laps", PolicyArn=arn)
    role = iam.get_role(RoleName="laps")["Role"]
    attached = iam.get_paginator("list_attached_role_policies").paginate(
        RoleName="laps", PaginationConfig={"PageSize": 1}
    )
    version = iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]
    seen = {
        "described": [role["Arn"], role["Description"], role["MaxSessionDuration"], role["Tags"]],
        "documents": [
            role["AssumeRolePolicyDocument"] == trust,
            iam.get_role_policy(RoleName="laps", PolicyName="own")["PolicyDocument"] == trust,
            version["Document"] == trust,
        ],
        "attached": [each["PolicyName"] for page in attached for each in page["AttachedPolicies"]],
        "listed": [each["RoleName"] for page in iam.get_paginator("list_roles").paginate() for each in page["Roles"]],
        "again": refused(iam.create_role, RoleName="laps", AssumeRolePolicyDocument=json.dumps(trust)),
        "inUse": refused(iam.delete_role, RoleName="laps"),
    }
    for arn in (basic, policy):
        iam.detach_role_policy(RoleName="laps", PolicyArn=arn)
    iam.delete_policy(PolicyArn=policy)
    iam.delete_role_policy(RoleName="laps", PolicyName="own")
    iam.delete_role(RoleName="laps")
    return {
        **seen,
        "gone": refused(iam.get_role, RoleName="laps"),
        "malformed": refused(iam.create_role, RoleName="laps", AssumeRolePolicyDocument="x"),
        "notHere": refused(iam.list_users),
    }


identity = sts.get_caller_identity()
print(json.dumps({"identity": [identity[name] for name in ("Account", "Arn", "UserId")], "role": role_of_a_function()}))
