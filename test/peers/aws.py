# What programs with boto3 have in common: clients of the AWS or Kinesis port, packages, and what a call was refused with.
import io
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def connect(service, url, **settings):
    """Any region and credentials will do. It tries once: what fails is to be seen."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, **settings),
    )


def archive(source):
    """A deployment package: a zip in memory, as deployment scripts build it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("index.mjs", source)
    return target.getvalue()


def refusal(call, **parameters):
    """The error that a call is refused with; None where it is not."""
    try:
        call(**parameters)
    except ClientError as error:
        return error
    return None
