"""Deployed policies and alarms take effect each minute: zero when idle, awake for one request, never above the maximum."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.error_messages import MAX_INSTANCES
from async_endpoint.emulator.scaling import datapoints
from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness
from support.sample_model import OBEDIENT, archive

MINUTE = 60


def target_of(deployed: Deployed) -> dict[str, str]:
    return {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}


def as_in_the_guide(local_aws: AwsHarness, deployed: Deployed, *, least: int = 0, most: int = 2, **registration: Any) -> str:
    """A scalable target, target tracking on the backlog per instance, and a step that wakes; returns the wake alarm's name."""
    target = target_of(deployed)
    local_aws.scaling.register_scalable_target(**target, MinCapacity=least, MaxCapacity=most, **registration)
    named = [{"Name": "EndpointName", "Value": deployed.name}]
    local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": named,
                "Statistic": "Average",
            },
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 300,
        },
    )
    wake = local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    name = unique("wake")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmActions=[wake["PolicyARN"]],
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=named,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
    )
    return name


def activities(local_aws: AwsHarness, deployed: Deployed) -> list[dict[str, Any]]:
    """Newest first."""
    found: list[dict[str, Any]] = local_aws.scaling.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=deployed.resource_id
    )["ScalingActivities"]
    return found


def states(local_aws: AwsHarness, deployed: Deployed) -> dict[str, str]:
    """The state of each alarm on this endpoint's metrics, by the alarm's metric and side."""
    alarms = [
        alarm
        for page in local_aws.cloudwatch.get_paginator("describe_alarms").paginate()
        for alarm in page["MetricAlarms"]
        if {"Name": "EndpointName", "Value": deployed.name} in alarm["Dimensions"]
    ]
    return {f"{alarm['MetricName']} {alarm['ComparisonOperator']}": alarm["StateValue"] for alarm in alarms}


WAKE = "HasBacklogWithoutCapacity GreaterThanOrEqualToThreshold"
HIGH = "ApproximateBacklogSizePerInstance GreaterThanThreshold"
LOW = "ApproximateBacklogSizePerInstance LessThanThreshold"


def test_an_idle_endpoint_scales_to_zero_and_one_request_wakes_it(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    wake = as_in_the_guide(local_aws, deployed)
    assert set(states(local_aws, deployed)) == {WAKE, HIGH, LOW}

    until(lambda: deployed.status()["desired_instances"] == 0, "it scales in to zero")
    until(lambda: not deployed.status()["instances"], "its instance is gone")
    until(lambda: activities(local_aws, deployed)[0]["StatusCode"] == "Successful", "the activity is over")
    (asleep,) = activities(local_aws, deployed)
    assert asleep["Description"] == "Setting desired instance count to 0."
    assert asleep["Cause"].startswith(f"monitor alarm TargetTracking-{deployed.resource_id}-AlarmLow-")
    assert asleep["Cause"].endswith("in state ALARM triggered policy tracking")
    assert asleep["StatusMessage"].endswith("Change successfully fulfilled by sagemaker.")
    assert asleep["StartTime"] <= asleep["EndTime"]
    assert states(local_aws, deployed) == {WAKE: "OK", HIGH: "OK", LOW: "ALARM"}
    described = deployed.describe()
    assert (described["EndpointStatus"], described["ProductionVariants"][0]["CurrentInstanceCount"]) == ("InService", 0)

    invoked = deployed.invoke({"answer": "awake"})
    assert deployed.outcome(invoked).body == b"awake"
    until(lambda: len(activities(local_aws, deployed)) >= 2, "a second activity")
    awake = activities(local_aws, deployed)[-2]
    assert awake["Description"] == "Setting desired instance count to 1."
    assert awake["Cause"] == f"monitor alarm {wake} in state ALARM triggered policy wake"
    assert max(deployed.metric("HasBacklogWithoutCapacity", "Maximum", variant=False)) == 1.0
    until(lambda: states(local_aws, deployed)[WAKE] == "OK", "the wake alarm is over")
    until(lambda: deployed.status()["desired_instances"] == 0, "it sleeps again")


def test_scaling_in_waits_for_fifteen_minutes_below_the_target(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    as_in_the_guide(local_aws, deployed)
    until(lambda: activities(local_aws, deployed), "it scales in")
    first = local_aws.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ApproximateBacklogSizePerInstance",
        Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
        StartTime=local_aws.aws.clock.now() - 20 * 3_600,
        EndTime=local_aws.aws.clock.now(),
        Period=60,
        Statistics=["Average"],
    )
    began: datetime = min(point["Timestamp"] for point in first["Datapoints"])
    waited = (activities(local_aws, deployed)[-1]["StartTime"] - began).total_seconds()
    assert waited >= 15 * MINUTE
    assert waited % MINUTE == 0


def test_a_backlog_scales_out_to_the_maximum_and_no_further(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    deployed: Deployed = deploy(concurrency=1)
    as_in_the_guide(local_aws, deployed, least=1, most=3)
    requests = [deployed.invoke({"until": str(gate)}) for _ in range(40)]  # 40 a target of 5 would be eight instances
    until(lambda: states(local_aws, deployed)[HIGH] == "ALARM", "the backlog is noticed")
    until(lambda: deployed.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == 3, "three instances serve")
    assert activities(local_aws, deployed)[-1]["Description"] == "Setting desired instance count to 3."
    points = len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False))
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)) >= points + 8, "minutes go by")
    assert deployed.status()["desired_instances"] == 3
    assert deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)[-1] == 40
    assert deployed.metric("ApproximateBacklogSizePerInstance", "Maximum", variant=False)[-1] == pytest.approx(40 / 3)
    assert deployed.metric("ApproximateAgeOfOldestRequest", "Maximum", variant=False)[-1] > 3 * MINUTE
    gate.touch()
    assert {deployed.outcome(invoked).kind for invoked in requests} == {"output"}
    until(lambda: deployed.status()["desired_instances"] == 1, "it scales in to its minimum")
    assert deployed.status()["serving_instances"] >= 1


def test_a_single_request_at_zero_waits_for_ever_without_the_step_policy(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    wake = as_in_the_guide(local_aws, deployed)
    local_aws.cloudwatch.delete_alarms(AlarmNames=[wake])
    until(lambda: not deployed.status()["instances"], "it sleeps")
    invoked = deployed.invoke({"answer": "late"})
    before = len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False))
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)) > before + 10, "ten minutes go by")
    assert deployed.status()["desired_instances"] == 0
    assert deployed.seen(invoked) is None
    waiting = [deployed.invoke({"answer": "late"}) for _ in range(5)]  # now six wait: above the target of five
    assert [deployed.outcome(one).body for one in (invoked, *waiting)] == [b"late"] * 6
    assert "AlarmHigh" in activities(local_aws, deployed)[-2]["Cause"]


def test_an_endpoint_whose_tracking_alarms_are_deleted_still_wakes(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    as_in_the_guide(local_aws, deployed)
    until(lambda: not deployed.status()["instances"], "it sleeps")
    (tracking,) = local_aws.scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=deployed.resource_id, PolicyNames=["tracking"]
    )["ScalingPolicies"]
    local_aws.cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in tracking["Alarms"]])
    assert deployed.outcome(deployed.invoke({"answer": "awake"})).body == b"awake"


def test_a_raised_minimum_is_reached_without_any_policy(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=2, MaxCapacity=4)
    deployed.serving(2)
    assert activities(local_aws, deployed)[0]["Cause"] == "minimum capacity was set to 2"
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=0, MaxCapacity=1)
    deployed.serving(1)
    assert activities(local_aws, deployed)[0]["Cause"] == "maximum capacity was set to 1"


def test_a_failing_policy_or_endpoint_does_not_affect_the_others(
    local_aws: AwsHarness, deploy: Any, shared_endpoint: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed: Deployed = deploy()
    publish, failed = datapoints.publish, threading.Event()

    def publish_but_for_one(endpoint: HostedEndpoint, start: float, end: float) -> None:
        if endpoint.name == shared_endpoint.name:
            failed.set()
            raise RuntimeError("it broke")
        publish(endpoint, start, end)

    monkeypatch.setattr(datapoints, "publish", publish_but_for_one)
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=1, MaxCapacity=4)
    until(failed.is_set, "a minute in which an endpoint fails")
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=2, MaxCapacity=4)
    deployed.serving(2)


def test_an_activity_ends_with_its_target_or_endpoint(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    held = f"def model_fn(model_dir):\n    while os.path.exists({str(hold)!r}):\n        time.sleep(0.01)\n"
    deployed: Deployed = deploy(archive(OBEDIENT.replace("def model_fn(model_dir):\n", held)))

    def begin(count: int) -> None:
        """Ask for instances that never serve."""
        hold.touch()
        local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=count, MaxCapacity=count)
        until(lambda: deployed.status()["desired_instances"] == count, f"{count} instances are asked for")

    def ended(count: int) -> dict[str, Any]:
        """The last activity, once it has failed."""
        last = until(
            lambda: one if (one := activities(local_aws, deployed)[0])["StatusCode"] != "InProgress" else None, "it is over"
        )
        assert last["Description"] == f"Setting desired instance count to {count}."
        return last

    begin(2)
    assert activities(local_aws, deployed)[0]["StatusCode"] == "InProgress"
    local_aws.scaling.deregister_scalable_target(**target_of(deployed))
    assert (ended(2)["StatusCode"], "was gone" in ended(2)["StatusMessage"]) == ("Failed", True)
    assert ended(2)["EndTime"] >= ended(2)["StartTime"]
    hold.unlink()
    deployed.serving(2)
    deployed.until_status("InService")
    begin(3)
    local_aws.forget(deployed.name)
    assert (ended(3)["StatusCode"], "was gone" in ended(3)["StatusMessage"]) == ("Failed", True)
    hold.unlink()


def test_a_capacity_above_the_quota_is_a_failed_activity_and_not_set(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=MAX_INSTANCES + 1, MaxCapacity=100)
    failed = until(lambda: activities(local_aws, deployed), "a decision")[-1]
    assert failed["Description"] == f"Setting desired instance count to {MAX_INSTANCES + 1}."
    assert (failed["StatusCode"], "service limit" in failed["StatusMessage"]) == ("Failed", True)
    assert deployed.status()["desired_instances"] == 1
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=2, MaxCapacity=100)
    deployed.serving(2)


def test_suspended_scaling_does_nothing_until_it_is_resumed(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    as_in_the_guide(local_aws, deployed, SuspendedState={"DynamicScalingInSuspended": True})
    until(lambda: states(local_aws, deployed)[LOW] == "ALARM", "fifteen idle minutes")
    before = len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False))
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)) > before + 5, "minutes go by")
    assert (activities(local_aws, deployed), deployed.status()["desired_instances"]) == ([], 1)
    local_aws.scaling.register_scalable_target(
        **target_of(deployed), MinCapacity=0, MaxCapacity=2, SuspendedState={"DynamicScalingInSuspended": False}
    )
    until(lambda: deployed.status()["desired_instances"] == 0, "it sleeps")


def test_a_deregistered_target_is_not_scaled_and_its_policies_and_alarms_are_gone(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    as_in_the_guide(local_aws, deployed)
    local_aws.scaling.deregister_scalable_target(**target_of(deployed))
    assert (
        local_aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=deployed.resource_id)[
            "ScalingPolicies"
        ]
        == []
    )
    assert set(states(local_aws, deployed)) == {WAKE}
    before = len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False))
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)) > before + 17, "17 minutes go by")
    assert (deployed.status()["desired_instances"], activities(local_aws, deployed)) == (1, [])


def test_a_policy_on_a_metric_that_is_never_published_never_acts(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.scaling.register_scalable_target(**target_of(deployed), MinCapacity=0, MaxCapacity=2)
    local_aws.scaling.put_scaling_policy(
        **target_of(deployed),
        PolicyName="real-time",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    before = len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False))
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Maximum", variant=False)) > before + 17, "17 minutes go by")
    assert (deployed.status()["desired_instances"], activities(local_aws, deployed)) == (1, [])


def test_a_target_of_a_variant_that_does_not_exist_is_refused(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    for resource in ("endpoint/none/variant/primary", f"endpoint/{shared_endpoint.name}/variant/none"):
        code, message = refusal(
            local_aws.scaling.register_scalable_target,
            **target_of(shared_endpoint) | {"ResourceId": resource},
            MinCapacity=0,
            MaxCapacity=1,
        )
        assert (code, resource in message) == ("ValidationException", True)


def test_an_alarm_publishes_each_change_of_state(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy().asleep()
    topic, queue, name = local_aws.topic(), local_aws.queue(), unique("backlog")
    local_aws.subscribe(topic, queue)
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmActions=[topic],
        OKActions=[topic],
        Namespace="AWS/SageMaker",
        MetricName="ApproximateBacklogSize",
        Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )

    def alarm() -> dict[str, Any]:
        found: dict[str, Any] = local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return found

    def published() -> dict[str, Any]:
        (body,) = until(queue.take, "the alarm's message")
        message: dict[str, Any] = json.loads(json.loads(body)["Message"])
        return message

    message = published()
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")
    deployed.invoke({"answer": ""})
    message = published()
    assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == (name, "OK", "ALARM")
    assert alarm()["StateValue"] == "ALARM"
    assert "Threshold Crossed" in alarm()["StateReason"]
    assert alarm()["AlarmArn"] == message["AlarmArn"]
    deployed.scale(1)
    assert published()["NewStateValue"] == "OK"


def test_minutes_skipped_by_a_clock_jump_are_caught_up(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    as_in_the_guide(local_aws, deployed)
    with pytest.raises(ValueError, match="cannot go back by 1 seconds"):
        local_aws.aws.clock.jump(-1)
    start = (local_aws.aws.clock.now() // MINUTE + 1) * MINUTE
    local_aws.aws.clock.jump(30 * MINUTE)

    def minutes() -> set[float]:
        found = local_aws.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ApproximateBacklogSize",
            Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
            StartTime=start,
            EndTime=start + 29 * MINUTE,
            Period=MINUTE,
            Statistics=["Maximum"],
        )["Datapoints"]
        return {point["Timestamp"].timestamp() for point in found}

    until(lambda: minutes() == {start + minute * MINUTE for minute in range(29)}, "each minute has its datapoint")
    until(lambda: deployed.status()["desired_instances"] == 0, "it sleeps")
    assert activities(local_aws, deployed)[-1]["StartTime"].timestamp() < start + 30 * MINUTE
