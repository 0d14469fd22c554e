"""Instances that a plan needs at once, compared with the account's quotas before anything changes.

SageMaker has one quota for each instance type and region, named like `ml.m5.xlarge for endpoint usage`, which all endpoints
of the account share (Service Quotas; ResourceLimitExceeded of CreateEndpoint quotes the name). A blue/green update needs old
and new instances together, a rolling one the old ones and a batch (SageMaker guide, "Deployment guardrails"). What other
endpoints of the account use is not counted: a plan is refused when the environment alone needs more than there is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.errors import QuotaTooLow
from async_endpoint.deploy.endpoints import (
    ENDPOINT_TYPE,
    Connect,
    describe_endpoint,
    endpoint_region,
    planned_configuration,
)
from async_endpoint.terraform.plan_document import ResourceChange

SERVICE_CODE: Final = "sagemaker"
NAME: Final = "{} for endpoint usage"
PAGE: Final = 100
_TARGET: Final = "aws_appautoscaling_target"
_LIVE_VARIANTS: Final = ("ProductionVariants", "ShadowProductionVariants")


@dataclass(frozen=True)
class Need:
    """Instances of one type in one region: `during` the apply at most, and `scaled_out` at the scaling maximum."""

    region: str
    instance_type: str
    during: int
    scaled_out: int


@dataclass(frozen=True)
class Quota:
    """A quota for endpoint usage: its code in Service Quotas, and how many instances it allows."""

    code: str
    value: int


def endpoint_needs(connect: Connect, changes: Iterable[ResourceChange], default_region: str | None) -> dict[str, list[Need]]:
    """What each endpoint needs that the plan creates, or gives another configuration, by its name.

    Only configurations that the plan makes are counted: their instance types and counts are in it. Endpoints to be created are
    in `default_region`; without one nothing is known.
    """
    changes = list(changes)
    found: dict[str, list[Need]] = {}
    for change in changes:
        if change.type != ENDPOINT_TYPE or not (change.creates or change.action == "update"):
            continue
        region = endpoint_region(change) or default_region
        variants = _planned_variants(change, changes)
        if not region or not variants:
            continue
        during, scaled_out = defaultdict[str, int](int), defaultdict[str, int](int)
        live = live_instances(connect(region), str(change.before["name"])) if change.action == "update" else {}
        for (instance_type, count), name in variants:
            during[instance_type] += _batch(change, count) if live.get(instance_type) else count
            scaled_out[instance_type] += _maximum(changes, change, name, count)
        for instance_type, count in live.items():
            during[instance_type] += count
        name = str(change.after.get("name") or change.before.get("name") or change.address)
        found[name] = [Need(region, kind, count, scaled_out[kind]) for kind, count in sorted(during.items())]
    return found


def instance_needs(connect: Connect, changes: Iterable[ResourceChange], default_region: str | None) -> list[Need]:
    """What all endpoints together need that the plan creates, or gives another configuration."""
    return added_up(need for needs in endpoint_needs(connect, changes, default_region).values() for need in needs)


def added_up(needs: Iterable[Need]) -> list[Need]:
    """The needs of several endpoints together, by region and instance type."""
    during, scaled_out = defaultdict[tuple[str, str], int](int), defaultdict[tuple[str, str], int](int)
    for need in needs:
        during[need.region, need.instance_type] += need.during
        scaled_out[need.region, need.instance_type] += need.scaled_out
    return [Need(region, kind, count, scaled_out[region, kind]) for (region, kind), count in sorted(during.items())]


def require_quotas(connect: Connect, environment: str, needs: Iterable[Need], on_output: Callable[[str], None]) -> None:
    """Raise QuotaTooLow for needs above their quotas. A quota that cannot be read refuses nothing; that is reported."""
    refusals, notices = compare_quotas(connect, environment, needs)
    for notice in notices:
        on_output(notice)
    if refusals:
        raise QuotaTooLow(" ".join(refusals))


def compare_quotas(connect: Connect, environment: str, needs: Iterable[Need]) -> tuple[list[str], list[str]]:
    """The sentences that `require_quotas` raises, and those that it reports."""
    refusals, notices = list[str](), list[str]()
    by_region = defaultdict[str, list[Need]](list)
    for need in needs:
        by_region[need.region].append(need)
    for region, wanted in by_region.items():
        quotas, unread = _read(connect(region), {need.instance_type for need in wanted})
        if unread:
            notices.append(f"Instance quotas of {region} were not compared: {unread}.")
        for need in wanted:
            quota = quotas.get(need.instance_type)
            if quota is not None and need.during > quota.value:
                refusals.append(_refusal(environment, need, quota))
            elif quota is not None and need.scaled_out > quota.value:
                notices.append(_notice(environment, need, quota))
    return refusals, notices


def _notice(environment: str, need: Need, quota: Quota) -> str:
    return (
        f"Scaling stops at the quota: {environment} may scale to {need.scaled_out} {need.instance_type} in {need.region} and "
        f"quota {NAME.format(need.instance_type)} is {quota.value}; {_increase(need, quota, need.scaled_out)}"
    )


def _refusal(environment: str, need: Need, quota: Quota) -> str:
    return (
        f"{environment} needs {need.during} instances {need.instance_type} in {need.region} at once, old and new ones of an "
        f"update included, and quota {NAME.format(need.instance_type)} is {quota.value}. Nothing was changed; plan fewer "
        f"initial_instances or a rolling update, or {_increase(need, quota, need.during)}"
    )


def _increase(need: Need, quota: Quota, value: int) -> str:
    return (
        f"request an increase: aws service-quotas request-service-quota-increase --service-code {SERVICE_CODE} --quota-code "
        f"{quota.code} --desired-value {value} --region {need.region}"
    )


def _read(aws: AwsSession, instance_types: set[str]) -> tuple[dict[str, Quota], str]:
    """The quotas by instance type, and why some were not read, empty if all that exist were.

    ListServiceQuotas has those whose applied value is known; the default values are those of the others (API reference).
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    wanted, found = {NAME.format(kind): kind for kind in instance_types}, dict[str, Quota]()
    try:
        for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
            pages = aws.client("service-quotas").get_paginator(operation)
            for page in pages.paginate(ServiceCode=SERVICE_CODE, PaginationConfig={"PageSize": PAGE}):
                for quota in page["Quotas"]:
                    kind = wanted.get(quota["QuotaName"])
                    if kind is not None and kind not in found and "Value" in quota:
                        found[kind] = Quota(quota["QuotaCode"], int(quota["Value"]))
                if len(found) == len(wanted):
                    return found, ""
    except ClientError as error:
        return found, f"{error.operation_name} was refused ({error.response['Error'].get('Code')})"
    except BotoCoreError as error:
        return found, " ".join(str(error).split()).rstrip(".")
    return found, ""


def _planned_variants(endpoint: ResourceChange, changes: Iterable[ResourceChange]) -> list[tuple[tuple[str, int], str]]:
    """Instance type and initial count, and the name, of each variant of the configuration that the plan makes."""
    configuration = planned_configuration(endpoint, changes)
    after: Mapping[str, Any] = configuration.after if configuration else {}
    members = ("production_variants", "shadow_production_variants")
    variants = [variant for member in members for variant in after.get(member) or ()]
    return [
        ((str(variant["instance_type"]), int(variant.get("initial_instance_count") or 1)), str(variant.get("variant_name", "")))
        for variant in variants
        if variant.get("instance_type")
    ]


def live_instances(aws: AwsSession, name: str) -> dict[str, int]:
    """Instances that an endpoint has now, by type; empty when it or its configuration is gone."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    described, counts = describe_endpoint(aws, name), defaultdict[str, int](int)
    if not described:
        return {}
    try:
        config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        return {}
    for member in _LIVE_VARIANTS:
        types = {variant["VariantName"]: variant.get("InstanceType", "") for variant in config.get(member, ())}
        for variant in described.get(member, ()):
            counts[types.get(variant["VariantName"], "")] += int(variant.get("CurrentInstanceCount", 0))
    return {kind: count for kind, count in counts.items() if kind and count}


def _batch(endpoint: ResourceChange, count: int) -> int:
    """New instances that run beside all old ones: all of them, or the batch of a rolling update."""
    for block in endpoint.after.get("deployment_config") or ():
        for policy in block.get("rolling_update_policy") or ():
            for size in policy.get("maximum_batch_size") or ():
                value = float(size["value"])
                return min(math.ceil(count * value / 100 if size["type"] == "CAPACITY_PERCENT" else value), count)
    return count


def _maximum(changes: Iterable[ResourceChange], endpoint: ResourceChange, variant: str, count: int) -> int:
    """The scaling maximum of a variant that the plan registers, at least its initial count."""
    name = endpoint.after.get("name") or endpoint.before.get("name")
    resource = f"endpoint/{name}/variant/{variant}"
    registered: Iterable[Mapping[str, Any]] = (change.after for change in changes if change.type == _TARGET)
    return max([int(after.get("max_capacity") or 0) for after in registered if after.get("resource_id") == resource] + [count])
