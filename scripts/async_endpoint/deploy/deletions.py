"""What a plan deletes: buckets, refused while they hold something that must stay, and endpoints, deleted before Terraform does.

SageMaker deletes an endpoint asynchronously, and until it is done it needs the execution role and the key (API reference,
DeleteEndpoint). The provider (5.100) does not wait: it destroys both meanwhile, and creates the endpoint's successor beside it,
which fails. It also treats a refused deletion (of an endpoint that is Creating or Updating) as done. So what a plan deletes or
replaces is deleted here first; the provider's own deletion then finds nothing, which it accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import BucketNotEmpty, NotReady
from async_endpoint.deploy.endpoints import (
    Connect,
    describe_endpoint,
    endpoint_status,
    planned_endpoints,
)
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import TRANSITIONAL_STATES
from async_endpoint.deploy.resource_kinds import bucket_content
from async_endpoint.terraform.plan_document import ResourceChange, is_imported


def require_empty_buckets(connect: Connect, changes: Iterable[ResourceChange]) -> None:
    """Raise BucketNotEmpty when the plan deletes or replaces a bucket that is not empty and whose `force_destroy` is not set.

    Terraform would fail at the bucket only, after its policy, encryption, public access block and lifecycle rules are gone.
    Objects that the plan deletes as well do not count. S3 refuses to delete a bucket with versions or delete markers
    (DeleteBucket, BucketNotEmpty); uploads in progress would be lost with it.
    """
    changes = list(changes)
    for change in changes:
        if is_imported(change.address):  # imported_deletions.py
            continue
        if change.type == "aws_s3_bucket" and change.deletes and not change.before.get("force_destroy"):
            aws = connect(str(change.before.get("region") or "us-east-1"))
            _require_empty(aws, str(change.before["bucket"]), change.address, changes)


def _require_empty(aws: AwsSession, bucket: str, address: str, changes: Sequence[ResourceChange]) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    managed = frozenset(
        str(change.before["key"])
        for change in changes
        if change.type == "aws_s3_object" and change.deletes and change.before.get("bucket") == bucket
    )
    try:
        content = bucket_content(aws, bucket, ignored_keys=managed)
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":  # deleted by other means: Terraform drops it from the state
            return
        raise
    if content is not None:
        raise BucketNotEmpty(
            f"The plan deletes bucket {bucket} ({address}), which holds {content} and is not to be emptied (force_destroy is "
            "false); nothing was changed. Delete its object versions, delete markers and uploads except the model archives, "
            "which the plan deletes, or set storage = { force_destroy = true } and apply before you destroy."
        )


# An update in progress may take its guardrails' waiting times; a deletion takes minutes.
DELETED = Poller(deadline=3600)
INTERFACES_GONE = Poller(deadline=1800, pause=5)


def remove_deleted_endpoints(
    connect: Connect, changes: Iterable[ResourceChange], deleted: Poller = DELETED, interfaces_gone: Poller = INTERFACES_GONE
) -> list[str]:
    """Delete every endpoint that the plan deletes or replaces, all at once, and wait until each is gone; return their names.

    Raises NotReady naming one that is not gone in time, or whose network interfaces are not.
    """
    planned = [endpoint for endpoint in planned_endpoints(changes) if endpoint.change.deletes]
    removals = [_Removal(connect(endpoint.region), endpoint.name) for endpoint in planned]
    for removal in removals:
        removal.begin()
    for removal in removals:
        removal.finish(deleted, interfaces_gone)
    return [removal.name for removal in removals]


def remove_endpoint(aws: AwsSession, name: str, deleted: Poller = DELETED, interfaces_gone: Poller = INTERFACES_GONE) -> None:
    """Delete an endpoint and wait until it and its network interfaces are gone; raises NotReady when they are not in time."""
    removal = _Removal(aws, name)
    removal.begin()
    removal.finish(deleted, interfaces_gone)


class _Removal:
    """The deletion of an endpoint, which may be absent. What may not be read is refused before anything is deleted."""

    def __init__(self, aws: AwsSession, name: str) -> None:
        self._aws, self.name = aws, name
        self._described = describe_endpoint(aws, name)
        self._networks = _networks(aws, self._described)
        _network_interfaces(aws, name, self._networks)

    def begin(self) -> None:
        """Deregister scaling, and ask for the deletion if SageMaker takes that now."""
        _deregister_scaling(self._aws, self._described)
        _request_deletion(self._aws, self.name)

    def finish(self, deleted: Poller, interfaces_gone: Poller) -> None:
        """Ask for the deletion until the endpoint and its network interfaces are gone; raises NotReady when they are not."""
        aws, name = self._aws, self.name
        status = deleted.wait(lambda: _request_deletion(aws, name), lambda seen: not seen, f"endpoint {name} to be deleted")
        if status:
            reason = describe_endpoint(aws, name).get("FailureReason", "its execution role and its key must exist until then.")
            raise NotReady(
                f"Endpoint {name} is still {status} after {deleted.deadline / 60:.0f} minutes, and nothing but endpoints was "
                f"changed: {reason} Run the command again once SageMaker has deleted it."
            )
        left = interfaces_gone.wait(
            lambda: _network_interfaces(aws, name, self._networks),
            lambda seen: not seen,
            f"network interfaces of {name} to be deleted",
        )
        if left:
            raise NotReady(
                f"Endpoint {name} is deleted, but its network interfaces {', '.join(left)} still hold subnets and security "
                "groups; run the command again once they are gone."
            )


def _request_deletion(aws: AwsSession, name: str) -> str:
    """Ask for the deletion if SageMaker takes that now; return the status afterwards, empty when the endpoint is gone."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        status = endpoint_status(aws, name)
        if status and status not in TRANSITIONAL_STATES:
            aws.client("sagemaker").delete_endpoint(EndpointName=name)
            status = endpoint_status(aws, name)
    except ClientError as error:
        # It began to update or scale in between, or is gone.
        if error_code(error) != "ValidationException":
            raise
        return "in progress"
    return status


def _deregister_scaling(aws: AwsSession, described: Mapping[str, Any]) -> None:
    """Keep scaling from changing the endpoint meanwhile; DeleteEndpoint deregisters its targets in any case.

    Should the deletion fail, the next plan finds the targets gone and registers them again.
    """
    variants = [variant["VariantName"] for variant in described.get("ProductionVariants", ())]
    scaling = aws.client("application-autoscaling")
    resources = [f"endpoint/{described['EndpointName']}/variant/{variant}" for variant in variants]
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=resources) if resources else {}
    for target in found.get("ScalableTargets", ()):
        scaling.deregister_scalable_target(
            **{member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        )


def _networks(aws: AwsSession, described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The subnets and security groups of an endpoint's models, as VpcConfig names them."""
    return [network for model in _models(aws, described) if (network := model.get("VpcConfig", {})).get("Subnets")]


def _network_interfaces(aws: AwsSession, name: str, networks: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ids of the network interfaces that SageMaker made for endpoint `name`.

    AWS does not say how they are attributed. Assumption A40: they lie in a subnet and a security group of its models, and their
    description names the endpoint.
    """
    named, found = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"), set()
    for network in networks:
        filters = [
            {"Name": "subnet-id", "Values": network["Subnets"]},
            {"Name": "group-id", "Values": network["SecurityGroupIds"]},
        ]
        for page in aws.client("ec2").get_paginator("describe_network_interfaces").paginate(Filters=filters):
            found |= {
                one["NetworkInterfaceId"] for one in page["NetworkInterfaces"] if named.search(one.get("Description", ""))
            }
    return sorted(found)


def _models(aws: AwsSession, described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The models an endpoint serves; none where its configuration or they are gone, as after a failed update."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    sagemaker, models = aws.client("sagemaker"), []
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=described.get("EndpointConfigName", "none"))
        for variant in config["ProductionVariants"]:
            models.append(sagemaker.describe_model(ModelName=variant["ModelName"]))
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
    return models
