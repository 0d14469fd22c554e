"""The calls that recorded permissions come from, built again and decided by the middleware that enforces IAM.

A call has its operation, the names in the permission's resource, and whatever else its service's model requires.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from async_endpoint.emulator.access import enforcement
from async_endpoint.emulator.access.backend_facts import BackendFacts
from async_endpoint.emulator.access.principals import Principal
from async_endpoint.emulator.auth.identities import Caller, CallerKind
from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.wsgi import DELETABLE
from support.recorded_access import PRINCIPAL, Needed

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/own"
TAG = {"Key": "a", "Value": "b", "TagKey": "a", "TagValue": "b"}
# Members that a model leaves optional, by what they make a call need.
OPTIONAL = {
    "kms:Decrypt": {"ChecksumMode": "ENABLED"},
    "kms:GenerateDataKey": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY},
    "kms:PutKeyPolicy": {"Policy": "{}"},
    "kms:CreateGrant": {"KmsKeyId": KEY},
    "kms:DescribeKey": {"KmsKeyId": KEY},
    "logs:AssociateKmsKey": {"kmsKeyId": KEY},
    "s3:PutBucketAcl": {"ACL": "private"},
    "s3:PutObjectTagging": {"Tagging": "a=b"},
    "s3:DeleteObjectVersion": {"VersionId": "1"},
}

_NAMES = (
    "RoleName", "UserName", "PolicyName", "QueueName", "Name", "EndpointName", "EndpointConfigName", "ModelName", "AlarmName",
    "DashboardName",
)  # fmt: skip
_LISTS = ("AlarmNames", "DashboardNames")
_ARNS = ("TopicArn", "ResourceArn", "ResourceARN", "resourceArn", "PolicyArn", "OpenIDConnectProviderArn", "KeyId")


class Reached(Exception):
    """The call got through to the service, which deletes no objects but `deletable`, if that is given."""

    def __init__(self, deletable: frozenset[str] | None) -> None:
        super().__init__()
        self._deletable = deletable

    def allows(self, resource: str) -> bool:
        return self._deletable is None or resource in self._deletable


class _Facts(BackendFacts):
    """The recorded deployment: all that is named exists, and one key encrypts it."""

    missing = False
    boundary: str | None = None

    def bucket_key(self, bucket: str) -> str | None:
        return KEY

    def object_exists(self, bucket: str, key: str) -> bool:
        return not _Facts.missing

    def object_key(self, bucket: str, key: str, version: str | None = None) -> str | None:
        return None if _Facts.missing else KEY

    def role_boundary(self, name: str) -> str | None:
        return _Facts.boundary

    def queue_key(self, arn: str) -> str | None:
        return KEY

    def key_arn(self, identifier: str) -> str:
        return identifier if identifier.startswith("arn:") else KEY


class Replay:
    """Calls of a role with given policies."""

    def __init__(self) -> None:
        self._policies: Sequence[Any] = ()
        middleware = enforcement.Enforcement(_service, lambda arn: {}, enabled=True)
        caller = Caller(PRINCIPAL, ACCOUNT, "AKIAREPLAYEDREPLAYED", CallerKind.ASSUMED_ROLE, "AROA:tests")
        self._calls = InProcessCalls(middleware, caller, REGION)

    def principal(self, _: Caller) -> Principal:
        return Principal(PRINCIPAL, tuple(json.dumps(policy) for policy in self._policies), session="tests")

    def denied(self, needed: Needed, about: str, policies: Sequence[Any]) -> str:
        """The message of a denial of the call, on the resource `about`, that needed a permission; empty if it got through."""
        self._policies = policies
        service, operation = needed.operation.split(":")
        client = self._calls.client(service)
        _Facts.missing = needed.action == "s3:ListBucket" and operation in ("GetObject", "HeadObject")
        _Facts.boundary = dict(needed.context).get("iam:PermissionsBoundary")
        try:
            getattr(client, xform_name(operation))(**_parameters(client, operation, needed, about))
        except Reached as reached:
            return "" if reached.allows(needed.resource) else "denied in the response"
        except ClientError as error:
            return str(error.response["Error"]["Message"]) or "denied"
        raise AssertionError("no service answers")


@contextmanager
def replay() -> Iterator[Replay]:
    """A replay; inside the context, callers of the process are the role of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        made = Replay()
        patch.setattr(enforcement, "principal_of", made.principal)
        patch.setattr(enforcement, "BackendFacts", _Facts)
        yield made


def _service(environ: dict[str, Any], _: Any) -> Any:
    raise Reached(environ.get(DELETABLE))


def _parameters(client: Any, operation: str, needed: Needed, about: str) -> dict[str, Any]:
    shape = client.meta.service_model.operation_model(operation).input_shape
    if shape is None:
        return {}
    named = _named(needed, about)
    if needed.action.rpartition(":")[2] in ("AddTags", "TagQueue") or (
        ":Tag" in needed.action and needed.action != needed.operation
    ):
        named |= {name: _tags(shape.members[name]) for name in ("Tags", "tags") if name in shape.members}
    members = [*shape.required_members, *(name for name in named if name in shape.members)]
    return {name: named.get(name) or _example(shape.members[name], named) for name in dict.fromkeys(members)}


def _tags(shape: Any) -> Any:
    """One tag, in the form of an operation."""
    return {"a": "b"} if shape.type_name == "map" else [{name: TAG[name] for name in shape.member.members}]


def _named(needed: Needed, arn: str) -> dict[str, Any]:
    """Values of members by name, from an ARN and from the condition keys of a permission."""
    rest, context = arn.split(":", 5)[-1], dict(needed.context)
    last = rest.rpartition("/")[2].rpartition(":")[2]
    found: dict[str, Any] = {**dict.fromkeys(_NAMES, last), **{name: [last] for name in _LISTS}, **dict.fromkeys(_ARNS, arn)}
    found |= {"QueueUrl": f"http://localhost/{ACCOUNT}/{last}", "FunctionName": rest.removeprefix("function:")}
    found["FunctionName"], _, found["Qualifier"] = found["FunctionName"].partition(":")
    found["logGroupName"] = rest.removeprefix("log-group:").partition(":")[0]
    found["Bucket"], _, found["Key"] = rest.partition("/")
    found["ExecutionRoleArn"] = needed.resource
    found["Key"] = found["Key"] or "key"
    found["Delete"] = {"Objects": [{"Key": found["Key"], "VersionId": "1"}]}
    found |= {"Url": f"https://{rest.partition('/')[2]}", "ServiceCode": "sagemaker"}
    found |= {"AliasName": rest if rest.startswith("alias/") else "alias/one", "TargetKeyId": arn}
    found |= {"ResourceId": "endpoint/recommender-dev/variant/primary", "PolicyType": "TargetTrackingScaling"}
    if alarm := rest.partition("TargetTracking-")[2]:
        found["ResourceId"] = alarm.partition("-AlarmHigh")[0]
    elif needed.operation.startswith("application-autoscaling") and rest.startswith("endpoint/"):
        found["ResourceId"] = f"{rest}/variant/primary"
    found |= {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "Prefix": context.get("s3:prefix", ""),
        "Protocol": context.get("sns:Protocol", "sqs"),
        "Endpoint": context.get("sns:Endpoint", ""),
        "Principal": context.get("lambda:Principal", ""),
        "PermissionsBoundary": context.get("iam:PermissionsBoundary", ""),
        **OPTIONAL.get(needed.action, {}),
    }
    path = rest.partition("/")[2].rpartition("/")[0]
    found["Path"] = f"/{path}/" if path and arn.startswith("arn:aws:iam:") else ""
    unset = {"PermissionsBoundary", "Principal", "Endpoint", "Prefix", "Path", "Qualifier"}
    return {name: value for name, value in found.items() if value or name not in unset}


def _example(shape: Any, named: dict[str, Any]) -> Any:
    """A value that a member's model accepts."""
    if shape.type_name == "structure":
        return {name: named.get(name) or _example(shape.members[name], named) for name in shape.required_members}
    if shape.type_name == "list":
        return [_example(shape.member, named)]
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return {"map": {}, "boolean": False, "blob": b"x", "string": "x" * 24}.get(shape.type_name, 1)
