"""What is left of a deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.deploy.aws import Aws


@dataclass(frozen=True)
class _Kind:
    """How one kind of resource is listed. `field` holds its name, or its ARN or URL, of which the last part counts.

    `place` is what its names carry before the deployment's.
    """

    name: str
    service: str
    operation: str
    members: str
    field: str
    place: str = ""
    options: Mapping[str, Any] | None = None


_KINDS = (
    _Kind("endpoint", "sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    _Kind("endpoint configuration", "sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    _Kind("model", "sagemaker", "list_models", "Models", "ModelName"),
    _Kind(
        "scalable target", "application-autoscaling", "describe_scalable_targets", "ScalableTargets", "ResourceId",
        place="endpoint/", options={"ServiceNamespace": "sagemaker"},
    ),
    _Kind("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    _Kind("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    _Kind("bucket", "s3", "list_buckets", "Buckets", "Name"),
    _Kind("topic", "sns", "list_topics", "Topics", "TopicArn"),
    _Kind("queue", "sqs", "list_queues", "QueueUrls", ""),
    _Kind("role", "iam", "list_roles", "Roles", "RoleName"),
    _Kind("policy", "iam", "list_policies", "Policies", "PolicyName", options={"Scope": "Local"}),
    _Kind("key alias", "kms", "list_aliases", "Aliases", "AliasName", place="alias/"),
    _Kind("log group", "logs", "describe_log_groups", "logGroups", "logGroupName", place="/aws/sagemaker/Endpoints/"),
)  # fmt: skip


def leftovers(aws: Aws, name: str) -> list[str]:
    """What still exists of deployment `name`, one text a resource: those called `name`, or `name-` and more.

    A KMS key waits out its days of grace and is not counted; its alias is.
    """
    return [f"{kind.name} {found}" for kind in _KINDS for found in sorted(_listed(aws, kind)) if _belongs(found, kind, name)]


def _listed(aws: Aws, kind: _Kind) -> Iterable[str]:
    pages = aws.client(kind.service).get_paginator(kind.operation).paginate(**(kind.options or {}))
    for page in pages:
        for member in page.get(kind.members, ()):
            yield member[kind.field] if kind.field else member


def _belongs(found: str, kind: _Kind, name: str) -> bool:
    if kind.place:
        own = found.removeprefix(kind.place).split("/")[0] if found.startswith(kind.place) else ""
    else:
        own = found.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return own == name or own.startswith(f"{name}-")
