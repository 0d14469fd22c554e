"""What a live endpoint shares: whether its role, bucket and topics serve other endpoints, or something else, too.

What is imported is this environment's from then on: changed by its applies and deleted by its destruction. So only what serves
this endpoint alone is imported, as far as AWS shows; the rest is named in the environment and never changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.live_adoption.inventory import Inventory, described, policy_document
from async_endpoint.deploy.live_adoption.resources import LiveResource

# Buckets that SageMaker's SDK and Studio make for all of an account's work in a region.
_COMMON_BUCKET: Final = re.compile(r"sagemaker-[a-z0-9-]+-\d{12}|sagemaker-studio-.*")

REFERABLE: Final = ("bucket", "role", "topics")


@dataclass(frozen=True)
class Sharing:
    """Why role, bucket and topics (by ARN) are referenced and not imported: half a sentence each, None for what is imported."""

    role: str | None = None
    bucket: str | None = None
    topics: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Users:
    """Names of other endpoints by the ARN of a role or a topic, or the name of a bucket, that they use.

    `unknown` says of an endpoint that it may use anything, `unknown_roles` that it may use any role.
    """

    names: dict[str, str] = field(default_factory=dict)
    unknown: str | None = None
    unknown_roles: str | None = None

    def of(self, resource: str) -> str | None:
        name = self.names.get(resource)
        return f"endpoint {name} uses it too" if name else self.unknown

    def of_role(self, arn: str) -> str | None:
        return self.of(arn) or self.unknown_roles


def sharing(aws: AwsSession, inventory: Inventory, referenced: frozenset[str]) -> Sharing:
    """What is shared; `referenced` are those of REFERABLE that a person wants left as they are."""
    users, asked = _other_users(aws, inventory), "you asked to leave it as it is"
    role, bucket = inventory.role, inventory.bucket
    topics: dict[str, str] = {}
    for topic in inventory.topics.values():
        why = (
            asked
            if "topics" in referenced
            else users.of(topic.resource.arn) or _topic_reason(inventory, topic.resource, topic.attributes)
        )
        if why:
            topics[topic.resource.arn] = why
    return Sharing(
        (asked if "role" in referenced else users.of_role(role.arn) or _role_reason(inventory, role)) if role else None,
        (asked if "bucket" in referenced else users.of(bucket.name) or _bucket_reason(aws, inventory, bucket))
        if bucket
        else None,
        topics,
    )


def _role_reason(inventory: Inventory, role: LiveResource) -> str | None:
    if not role.details:
        return "it cannot be read (iam:GetRole)"
    if role.details["Path"].startswith(("/service-role/", "/aws-reserved/", "/aws-service-role/")):
        return f"its path {role.details['Path']} is that of roles that a console made"
    others = [
        one
        for one in _trusted(policy_document(role.details.get("AssumeRolePolicyDocument")))
        if one != "sagemaker.amazonaws.com"
    ]
    if others:
        return f"it trusts {others[0]} too"
    if any("ModelPackageName" in json.dumps(model.details, default=str) for model in inventory.models.values()):
        return "a model package does not show which image the role must pull"
    return None


def _trusted(policy: Mapping[str, Any]) -> Iterator[str]:
    statements = policy.get("Statement") or []
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        principal = statement.get("Principal") or {}
        for value in [principal] if isinstance(principal, str) else principal.values():
            yield from [value] if isinstance(value, str) else value


def _bucket_reason(aws: AwsSession, inventory: Inventory, bucket: LiveResource) -> str | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if _COMMON_BUCKET.fullmatch(bucket.name):
        return "it is the common bucket of SageMaker's SDK"
    try:
        aws.s3.head_bucket(Bucket=bucket.name, ExpectedBucketOwner=inventory.account)
    except ClientError as error:
        if error_code(error) not in DENIED_CODES:
            raise
        return "it is another account's, or cannot be read (s3:ListBucket)"
    return None


def _topic_reason(inventory: Inventory, topic: LiveResource, attributes: Mapping[str, str]) -> str | None:
    if topic.arn.split(":")[4] != inventory.account:
        return "it is another account's"
    return None if attributes else "it cannot be read (sns:GetTopicAttributes)"


def _other_users(aws: AwsSession, inventory: Inventory) -> _Users:
    """What the account's other endpoints in this region use; two or three calls for each of them."""
    users, sagemaker = _Users(), aws.sagemaker
    pages = sagemaker.get_paginator("list_endpoints").paginate()
    names = [one["EndpointName"] for page in pages for one in page["Endpoints"] if one["EndpointName"] != inventory.name]
    for name in names:
        endpoint = described(sagemaker.describe_endpoint, EndpointName=name)
        if endpoint is None:  # deleted since the list
            continue
        config = described(sagemaker.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"])
        if config is None:
            users.unknown = f"the configuration of endpoint {name} is deleted, so it may use it too"
            continue
        for resource in (*_places(config), *_roles(sagemaker, name, config, users)):
            users.names.setdefault(resource, name)
    return users


def _places(config: Mapping[str, Any]) -> Iterator[str]:
    """Buckets and topics of an endpoint configuration."""
    output = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig") or {}
    captured = (config.get("DataCaptureConfig") or {}).get("DestinationS3Uri")
    for path in filter(None, (output.get("S3OutputPath"), output.get("S3FailurePath"), captured)):
        try:
            yield S3Uri.parse(str(path)).bucket
        except AsyncEndpointError:  # another endpoint's business
            continue
    notified = output.get("NotificationConfig") or {}
    yield from filter(None, (notified.get("SuccessTopic"), notified.get("ErrorTopic")))


def _roles(sagemaker: Any, endpoint: str, config: Mapping[str, Any], users: _Users) -> Iterator[str]:
    """Roles of the configuration, which has one for inference components, and of the models of all its variants."""
    if config.get("ExecutionRoleArn"):
        yield str(config["ExecutionRoleArn"])
    variants = [*config.get("ProductionVariants", ()), *(config.get("ShadowProductionVariants") or ())]
    for name in dict.fromkeys(one["ModelName"] for one in variants if one.get("ModelName")):
        model = described(sagemaker.describe_model, ModelName=name)
        if model is None:
            users.unknown_roles = f"model {name} of endpoint {endpoint} is deleted, so it may use it too"
        elif model.get("ExecutionRoleArn"):
            yield str(model["ExecutionRoleArn"])
