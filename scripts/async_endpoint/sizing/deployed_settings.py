"""The settings of a live endpoint, whatever made it: as SageMaker, Application Auto Scaling and CloudWatch describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.capacity.described_settings import TRACKING, DescribedEndpoint, DescribedSettings, described_settings
from async_endpoint.core import limits
from async_endpoint.core.errors import EndpointNotReady, InvalidInput, UsageError
from async_endpoint.core.suspension import suspensions
from async_endpoint.core.text import joined

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def deployed_settings(
    session: AwsSession, endpoint: str, request_ttl_seconds: int = limits.DEFAULT_REQUEST_TTL_SECONDS
) -> DescribedSettings:
    """The settings of the endpoint that SageMaker knows by that name; its bounds are those of now, a schedule's included.

    A time to live belongs to requests, not to the endpoint, so it is the caller's to say. Raises EndpointNotReady without such
    an endpoint, UsageError for one that is not asynchronous, InvalidInput for scaling that cannot be simulated, and what
    `translate_errors` raises.
    """
    variant, config = _described_endpoint(session, endpoint)
    asynchronous: Mapping[str, Any] = config.get("AsyncInferenceConfig") or {}
    if not asynchronous:
        raise UsageError(f"Endpoint {endpoint} is not asynchronous; only asynchronous endpoints are simulated.")
    name = variant["VariantName"]
    configured: Mapping[str, Any] = next((one for one in config["ProductionVariants"] if one["VariantName"] == name), {})
    if not configured.get("InstanceType"):
        raise InvalidInput(f"Variant {name} of endpoint {endpoint} has no one instance type, which a simulation needs.")
    resource = f"endpoint/{endpoint}/variant/{name}"
    target = next(described_parts(session, "ScalableTargets", resource), {})
    policies = list(described_parts(session, "ScalingPolicies", resource))
    found = described_settings(
        DescribedEndpoint(
            endpoint,
            name,
            configured["InstanceType"],
            (asynchronous.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance"),
            int(variant.get("DesiredInstanceCount", variant.get("CurrentInstanceCount", 0))),
            request_ttl_seconds,
            target,
            policies,
            list(_alarms(session, resource, policies)),
            list(described_parts(session, "ScheduledActions", resource)),
        )
    )
    suspended = suspensions(target)
    if not suspended:
        return found
    note = f"Scaling of {resource} is suspended ({joined(suspended)}); the settings are those of scaling that is active."
    return DescribedSettings(found.settings, (*found.notes, note))


def _described_endpoint(session: AwsSession, endpoint: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The only variant of an endpoint, and its configuration."""
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {endpoint}"):
        try:
            described = session.sagemaker.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            if error_code(error) not in ("ValidationException", "ValidationError"):
                raise
            raise EndpointNotReady(f"Endpoint {endpoint} does not exist in {session.region}; deploy it first.") from error
    variants: list[Mapping[str, Any]] = described.get("ProductionVariants") or []
    if len(variants) != 1:
        status = described["EndpointStatus"]
        raise EndpointNotReady(f"Endpoint {endpoint} has {len(variants)} variants and is {status}; it needs one, InService.")
    name = described["EndpointConfigName"]
    with translate_errors(session, "sagemaker:DescribeEndpointConfig", f"endpoint configuration {name}"):
        config: Mapping[str, Any] = session.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    return variants[0], config


def described_parts(session: AwsSession, member: str, resource: str) -> Iterator[dict[str, Any]]:
    """All of one kind that Application Auto Scaling describes of a variant."""
    action, call = {
        "ScalableTargets": ("DescribeScalableTargets", session.scaling.describe_scalable_targets),
        "ScalingPolicies": ("DescribeScalingPolicies", session.scaling.describe_scaling_policies),
        "ScheduledActions": ("DescribeScheduledActions", session.scaling.describe_scheduled_actions),
    }[member]
    chosen: dict[str, Any] = {"ResourceIds": [resource]} if member == "ScalableTargets" else {"ResourceId": resource}
    request = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, **chosen}
    while True:
        with translate_errors(session, f"application-autoscaling:{action}", resource):
            answer = call(**request)
        yield from answer[member]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def _alarms(session: AwsSession, resource: str, policies: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The alarms that name a step policy of the variant among their actions.

    Source: Application Auto Scaling user guide, "Step scaling policies": the alarm's action is the policy's ARN. The policies
    list their alarms (API reference, ScalingPolicy); all of the account are read only where one lists none.
    """
    steps = [policy for policy in policies if policy["PolicyType"] != TRACKING]
    arns = {policy["PolicyARN"] for policy in steps}
    names = [[alarm["AlarmName"] for alarm in policy.get("Alarms") or ()] for policy in steps]
    request: dict[str, Any] = {"AlarmTypes": ["MetricAlarm"]}
    if all(names):
        request["AlarmNames"] = sorted({name for some in names for name in some})[:100]
    while arns:
        with translate_errors(session, "cloudwatch:DescribeAlarms", f"alarms of {resource}"):
            answer = session.cloudwatch.describe_alarms(**request)
        yield from (alarm for alarm in answer["MetricAlarms"] if arns & set(alarm.get("AlarmActions") or ()))
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]
