"""Callers of a local AWS that enforces IAM: users with access keys, and sessions of roles."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.common import unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


def deny(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return allow(action, resource, **condition) | {"Effect": "Deny"}


def trust(*principals: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": list(principals)}}
    return policy(statement | ({"Condition": condition} if condition else {}))


@dataclass(frozen=True)
class CallerOf:
    """A caller with its own boto3 clients; `arn` is that of GetCallerIdentity."""

    aws: AwsHarness
    arn: str
    credentials: dict[str, str]
    name: str = ""

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        settings = Config(retries={"total_max_attempts": 1}, **config)
        return boto3.client(service, region, endpoint_url=self.aws.url, config=settings, **self.credentials)

    def put(self, *statements: dict[str, Any]) -> None:
        """Replace the inline policy of a user."""
        self.aws.iam.put_user_policy(UserName=self.name, PolicyName="inline", PolicyDocument=policy(*statements))

    def assume(self, role: str, session: str = "worker", **more: Any) -> CallerOf:
        """Assume a role by ARN."""
        done = self.client("sts").assume_role(RoleArn=role, RoleSessionName=session, **more)
        return from_sts(self.aws, done["AssumedRoleUser"]["Arn"], done["Credentials"])


def from_sts(aws: AwsHarness, arn: str, issued: dict[str, Any]) -> CallerOf:
    """The caller with temporary credentials."""
    names = {
        "aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey", "aws_session_token": "SessionToken",
    }  # fmt: skip
    return CallerOf(aws, arn, {name: issued[given] for name, given in names.items()})


def user(aws: AwsHarness, *statements: dict[str, Any]) -> CallerOf:
    """A new user with an inline policy of these statements, if there are any."""
    name = unique("user")
    arn = aws.iam.create_user(UserName=name)["User"]["Arn"]
    key = aws.iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    made = CallerOf(aws, arn, credentials, name)
    if statements:
        made.put(*statements)
    return made


def role(aws: AwsHarness, trust_policy: str, *statements: dict[str, Any], **more: Any) -> str:
    """A new role with an inline policy of these statements; returns its ARN."""
    name = unique("role")
    arn: str = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **more)["Role"]["Arn"]
    if statements:
        aws.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


def account() -> str:
    return f"arn:aws:iam::{ACCOUNT}:root"


def post_form(form: dict[str, Any]) -> int:
    """The status of an upload of one byte by a form of generate_presigned_post."""
    boundary, parts = "boundary", ""
    for name, value in form["fields"].items():
        parts += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    parts += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n1\r\n--{boundary}--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(form["url"], parts.encode(), headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


@contextmanager
def refused(code: str, *words: str, status: int | None = None) -> Iterator[None]:
    """The block ends with an error of AWS with this code, and these words in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert error["Error"]["Code"] == code, error
    for word in words:
        assert word in error["Error"]["Message"], error
    assert status in (None, error["ResponseMetadata"]["HTTPStatusCode"]), error
