"""A real-time variant's metrics, and target tracking on its invocations per instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.core import metrics as m
from support.common import refusal, until
from support.in_process_aws import DIMENSION, AwsHarness
from support.synchronous_endpoint import INSTANCES, Live, go_live

MINUTE = 60


@pytest.fixture(scope="module")
def live(local_aws: AwsHarness) -> Iterator[Live]:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    endpoint = go_live(
        local_aws, bucket, role, [INSTANCES | {"VariantName": "primary", "ModelName": local_aws.model(bucket, role)}]
    )
    yield endpoint
    local_aws.forget(endpoint.name)


@pytest.fixture
def target(local_aws: AwsHarness, live: Live) -> Iterator[dict[str, str]]:
    named = {"ServiceNamespace": "sagemaker", "ResourceId": live.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**named, MinCapacity=1, MaxCapacity=2)
    yield named
    local_aws.forget_scaling(live)


def minutes(local_aws: AwsHarness, live: Live, name: str, *statistics: str) -> list[dict[str, Any]]:
    now = local_aws.aws.clock.now()
    found: list[dict[str, Any]] = local_aws.cloudwatch.get_metric_statistics(
        Namespace=m.NAMESPACE,
        MetricName=name,
        Dimensions=m.published_by("real-time")[name].dimensions(live.name, "primary"),
        StartTime=now - 20 * 3_600,
        EndTime=now + 3_600,
        Period=MINUTE,
        Statistics=statistics,
    )["Datapoints"]
    return found


def total(local_aws: AwsHarness, live: Live, name: str, statistic: str = "Sum") -> float:
    return sum(point[statistic] for point in minutes(local_aws, live, name, statistic))


def test_what_a_real_time_variant_publishes(local_aws: AwsHarness, live: Live) -> None:
    live.call({"answer": "yes"})
    live.refused({"status": 400, "message": "no"})
    live.refused({"raise": "no"})
    until(lambda: total(local_aws, live, "Invocations") == 3, "all three are counted")
    counted = ("InvocationsPerInstance", "InvocationModelErrors", "Invocation4XXErrors", "Invocation5XXErrors")
    assert {name: total(local_aws, live, name) for name in counted} == dict(zip(counted, (3, 2, 1, 1), strict=True))
    for name in ("InvocationModelErrors", "Invocation4XXErrors", "ModelLatency", "OverheadLatency"):  # 0 is sent, too
        assert total(local_aws, live, name, "SampleCount") == 3, name
    listed = local_aws.cloudwatch.list_metrics(Namespace=m.NAMESPACE, Dimensions=[{"Name": "EndpointName", "Value": live.name}])
    published = m.published_by("real-time")
    of_variant = [metric for metric in listed["Metrics"] if len(metric["Dimensions"]) == 2]  # the others: A82
    assert {metric["MetricName"]: metric["Dimensions"] for metric in of_variant} == {
        name: metric.dimensions(live.name, "primary") for name, metric in published.items()
    }
    for name, metric in published.items():
        assert {point["Unit"] for point in minutes(local_aws, live, name, "Sum")} == {metric.unit}, name
    assert max(point["Maximum"] for point in minutes(local_aws, live, "ModelLatency", "Maximum")) < 60e6


def test_without_traffic_it_sends_zeros(local_aws: AwsHarness, live: Live) -> None:
    for name in ("Invocations", "InvocationsPerInstance"):
        before = len(minutes(local_aws, live, name, "Sum"))
        until(lambda name=name, before=before: len(minutes(local_aws, live, name, "Sum")) > before + 3, "minutes go by")  # type: ignore[misc]
        latest = max(minutes(local_aws, live, name, "Sum"), key=lambda point: point["Timestamp"])
        assert latest["Sum"] == 0.0


def test_target_tracking_on_invocations_per_instance_scales_out_and_in(
    local_aws: AwsHarness, live: Live, target: dict[str, str]
) -> None:
    policy = local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.5,  # one call in a minute, and so in a tenth of a second here, is above it
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
        },
    )
    alarms = local_aws.cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy["Alarms"]])["MetricAlarms"]
    metric = m.INVOCATIONS_PER_INSTANCE
    for alarm in alarms:
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (m.NAMESPACE, metric.name, "Sum")
        assert alarm["Dimensions"] == metric.dimensions(live.name, "primary")
    assert sorted((alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms) == [(0.45, 15), (0.5, 3)]

    def activities() -> list[dict[str, Any]]:
        found = local_aws.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=live.resource_id)
        return list(reversed(found["ScalingActivities"]))

    def busy() -> bool:
        local_aws.runtime.invoke_endpoint(EndpointName=live.name, Body=b"{}", ContentType="application/json")
        return [item["state"] for item in live.status()["instances"]] == ["InService"] * 2

    until(busy, "it scales out")  # and is called until both serve: idle, it would scale in again
    assert activities()[0]["Description"] == "Setting desired instance count to 2."
    assert "AlarmHigh" in activities()[0]["Cause"]
    until(lambda: live.status()["desired_instances"] == 1, "it scales in to its minimum")
    assert activities()[-1]["Description"] == "Setting desired instance count to 1."
    assert "AlarmLow" in activities()[-1]["Cause"]
    live.serving(1)


def test_a_real_time_variant_keeps_at_least_one_instance(local_aws: AwsHarness, target: dict[str, str]) -> None:
    code, message = refusal(local_aws.scaling.register_scalable_target, **target, MinCapacity=0, MaxCapacity=2)
    assert (code, "cannot be less than 1" in message) == ("ValidationException", True)
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 0}]
    name = target["ResourceId"].split("/")[1]
    update = local_aws.sagemaker.update_endpoint_weights_and_capacities
    code, message = refusal(update, EndpointName=name, DesiredWeightsAndCapacities=wanted)
    assert (code, "must be at least 1" in message) == ("ValidationException", True)
    action = {"ScheduledActionName": "night", "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 0}}
    code, message = refusal(local_aws.scaling.put_scheduled_action, **target, **action)
    assert (code, "cannot be less than 1" in message) == ("ValidationException", True)


def test_a_serverless_variant_has_no_instances_to_scale(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 2_048, "MaxConcurrency": 2}}
    variant = serverless | {"VariantName": "primary", "ModelName": local_aws.model(bucket, role)}
    live = go_live(local_aws, bucket, role, [variant], wait=False)
    named = {"ServiceNamespace": "sagemaker", "ResourceId": live.resource_id, "ScalableDimension": DIMENSION}
    code, message = refusal(local_aws.scaling.register_scalable_target, **named, MinCapacity=1, MaxCapacity=2)
    assert (code, "serverless" in message) == ("ValidationException", True)
    local_aws.forget(live.name)
