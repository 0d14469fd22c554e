"""Probes of Application Auto Scaling, with the scaling endpoint; each finds it with any instance count and without a target."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from parity.account import Account
from parity.endpoints import Endpoint
from parity.kinds import DIMENSION
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, check, compare, probe, undecided

SLEEPER = [Need.SLEEPER]


def target_of(endpoint: Endpoint) -> dict[str, Any]:
    """What names its scalable target."""
    return {"ServiceNamespace": "sagemaker", "ResourceId": endpoint.resource_id, "ScalableDimension": DIMENSION}


@contextmanager
def scalable(aws: Account, minimum: int, maximum: int) -> Iterator[Endpoint]:
    """The scaling endpoint with a scalable target, which is removed afterwards."""
    endpoint = aws.sleeper
    endpoint.register(minimum, maximum)
    try:
        yield endpoint
    finally:
        if not aws.guard.cancelled.is_set():
            with contextlib.suppress(aws.scaling.exceptions.ObjectNotFoundException):
                aws.scaling.deregister_scalable_target(**target_of(endpoint))
            endpoint.until_status("InService")


def described(aws: Account, endpoint: Endpoint) -> dict[str, Any]:
    found = aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[endpoint.resource_id])
    target: dict[str, Any] = found["ScalableTargets"][0]
    return target


def desired(endpoint: Endpoint) -> int:
    return int(endpoint.describe()["ProductionVariants"][0]["DesiredInstanceCount"])


def asleep(aws: Account, endpoint: Endpoint) -> None:
    """Bring the endpoint to no instances."""
    if endpoint.instances():
        endpoint.scale(0)


def track_backlog(aws: Account, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Put the tracking policy of the guide; returns the names and ARNs of its alarms."""
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint.name}],
        "Statistic": "Average",
    }
    found: list[dict[str, Any]] = aws.scaling.put_scaling_policy(
        **target_of(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": metric,
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
        },
    )["Alarms"]
    return found


def wake_on_backlog(aws: Account, endpoint: Endpoint) -> None:
    """Put the step policy of the guide and the alarm that triggers it."""
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    policy = aws.scaling.put_scaling_policy(
        **target_of(endpoint), PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
    )
    aws.cloudwatch.put_metric_alarm(
        AlarmName=aws.name("wake"),
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint.name}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[policy["PolicyARN"]],
    )


@probe(
    "A30",
    "A31",
    "A32",
    "A33",
    needs=SLEEPER,
    seconds=300,
    cost=Cost(requests=30),
    deviation="RegisterScalableTarget without Tags removes the tags of a target",
)
def tags_of_a_target(aws: Account) -> Iterator[Observation]:
    """A target keeps its tags and suspension when it is registered again, and has neither after it was deregistered."""
    with scalable(aws, 0, 1) as endpoint:
        names, arn = target_of(endpoint), described(aws, endpoint)["ScalableTargetARN"]
        aws.guard.adopt(arn)

        def tags() -> dict[str, str]:
            found: dict[str, str] = aws.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"]
            return found

        answers = []
        for number in range(3):
            answers.append(aws.attempt(aws.scaling.tag_resource, ResourceARN=arn, Tags={"probe": str(number)}))
            aws.elapse(10)
        yield compare("A33", expected=["accepted"] * 3, observed=answers)
        seen = aws.within(lambda: tags().get("probe") == "2", 35)
        yield check("A32", bool(seen), expected="probe=2 within 35 seconds", observed=tags())
        aws.scaling.register_scalable_target(**names, MaxCapacity=2, SuspendedState={"ScheduledScalingSuspended": True})
        aws.elapse(35)
        yield compare("A30", expected="2", observed=tags().get("probe"))
        state = described(aws, endpoint)
        observed = (state["MaxCapacity"], state["SuspendedState"]["ScheduledScalingSuspended"])
        yield compare("A32", expected=(2, True), observed=observed)
        aws.scaling.deregister_scalable_target(**names)
        endpoint.register(0, 1)
        state = described(aws, endpoint)
        arn = state["ScalableTargetARN"]
        observed = (tags().get("probe"), any(state["SuspendedState"].values()))
        yield compare("A31", expected=(None, False), observed=observed)


@probe(
    "A60",
    "A189",
    needs=SLEEPER,
    seconds=300,
    cost=Cost(requests=20),
    deviation="the alarm for scaling in has a threshold of 85 % of the target",
)
def alarms_of_target_tracking(aws: Account) -> Iterator[Observation]:
    """Target tracking makes two alarms of the policy's metric, 3 minutes above and 15 below 90 % of the target."""
    fields = ("MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
    with scalable(aws, 0, 1) as endpoint:
        names = [item["AlarmName"] for item in track_backlog(aws, endpoint)]
        alarms = aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        yield compare("A189", expected=(2, 2), observed=(len(names), len(alarms)))
        metric = ("ApproximateBacklogSizePerInstance", "Average", 60)
        expected = [(*metric, 3, 5.0, "GreaterThanThreshold"), (*metric, 15, 4.5, "LessThanThreshold")]
        observed = sorted(tuple(alarm[field] for field in fields) for alarm in alarms)
        yield compare("A60", expected=expected, observed=observed)
        dimensions = [alarm["Dimensions"] for alarm in alarms]
        yield compare("A60", expected=[[{"Name": "EndpointName", "Value": endpoint.name}]] * 2, observed=dimensions)
        aws.scaling.delete_scaling_policy(**target_of(endpoint), PolicyName="track")
        left = aws.within(lambda: not aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"], 60)
        yield check("A189", bool(left), expected="no alarm after DeleteScalingPolicy", observed="none" if left else names)


@probe(
    "A62",
    needs=SLEEPER,
    seconds=2400,
    cost=Cost({INSTANCE_TYPE: 10}, requests=80),
    deviation="a capacity above the maximum stays until a policy acts",
)
def capacity_outside_the_bounds(aws: Account) -> Iterator[Observation]:
    """A capacity outside the bounds is set within them in less than five minutes, without any policy."""
    aws.sleeper.until_status("InService")
    before = desired(aws.sleeper)
    for bound in (1, 0) if before == 0 else (0, 1):
        with scalable(aws, bound, bound) as endpoint:
            seen = aws.within(lambda bound=bound, endpoint=endpoint: desired(endpoint) == bound, 300)
            yield check("A62", bool(seen), expected=f"{bound} within 5 minutes", observed=desired(endpoint))
            if seen:
                aws.until(lambda bound=bound, endpoint=endpoint: endpoint.instances() == bound, f"{bound} instances", 1800)


@probe(
    "A170",
    "A171",
    "A181",
    "A182",
    "A125",
    needs=SLEEPER,
    seconds=6000,
    cost=Cost({INSTANCE_TYPE: 40}, requests=300, metrics=1),
    deviation="an endpoint without requests publishes no backlog",
)
def wake_and_sleep(aws: Account) -> Iterator[Observation]:
    """A request wakes an endpoint with no instances in one to five minutes; it sleeps some minutes after its last request."""
    endpoint = aws.sleeper
    asleep(aws, endpoint)
    aws.elapse(300)
    zeros = {name: endpoint.metric(name, "Maximum")[-3:] for name in ("ApproximateBacklogSize", "HasBacklogWithoutCapacity")}
    yield compare("A170", expected=dict.fromkeys(zeros, [0.0] * 3), observed=zeros)
    with scalable(aws, 0, 1):
        names = [item["AlarmName"] for item in track_backlog(aws, endpoint)]
        wake_on_backlog(aws, endpoint)

        def low() -> bool:
            alarms = aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
            return any(alarm["StateValue"] == "ALARM" and "Less" in alarm["ComparisonOperator"] for alarm in alarms)

        aws.until(low, "the alarm for scaling in is in ALARM", 1800)
        before = aws.now()
        requests = [endpoint.invoke({"report": "time"})]
        sent = aws.now()
        requests += [endpoint.invoke({"report": "time"}) for _ in range(2)]
        woken = aws.within(lambda: begun(aws, endpoint, 1, before), 900)
        holds = bool(woken) and woken - before >= 60 and woken - sent <= 300
        yield check("A181", holds, expected="1 to 5 minutes", observed=_minutes(before, woken))
        if not woken:
            yield undecided("A182", "the endpoint did not wake")
            yield undecided("A125", "the endpoint did not wake")
        else:
            times = [float(endpoint.outcome(request, 1800).body) for request in requests]
            yield check("A125", times == sorted(times), expected="the order of acceptance", observed=times)
            answered = aws.now()
            back = aws.within(lambda: begun(aws, endpoint, 0, before), 1500)
            holds = bool(back) and back - answered <= 600
            yield check("A182", holds, expected="at most 10 minutes", observed=_minutes(answered, back))
    most = max(endpoint.metric("ApproximateBacklogSizePerInstance", "Maximum"), default=None)
    yield compare("A171", expected=3.0, observed=most)


def begun(aws: Account, endpoint: Endpoint, count: int, after: float) -> float:
    """When the first activity after a moment began that set this count, by its own StartTime; 0 when there is none."""
    pages = aws.scaling.get_paginator("describe_scaling_activities").paginate(
        ServiceNamespace="sagemaker", ResourceId=endpoint.resource_id
    )
    activities = [item for page in pages for item in page["ScalingActivities"]]
    words = f"desired instance count to {count}"
    starts = [item["StartTime"].timestamp() for item in activities if words in item["Description"]]
    return min((start for start in starts if start > after), default=0.0)


def _minutes(start: float, end: float | None) -> str:
    return f"{(end - start) / 60:.1f} minutes" if end else "not at all"


@probe(
    "A137",
    "A110",
    needs=SLEEPER,
    seconds=2400,
    cost=Cost(requests=60),
    deviation="an expired request leaves no object",
)
def request_that_expires(aws: Account) -> Iterator[Observation]:
    """A request that is not started within its time to live ends with a failure object, and is counted as expired."""
    endpoint = aws.sleeper
    asleep(aws, endpoint)
    request = endpoint.invoke({"a": 1}, RequestTTLSeconds=60)
    seen = aws.within(lambda: endpoint.seen(request), 900)
    yield compare("A137", expected="failure", observed=seen.kind if seen else "no object within 15 minutes")
    text = seen.body.decode(errors="replace") if seen else ""
    said = re.match(r"(\w+Error: )?(The request expired|Request has expired)", text) is not None
    yield check("A110", said, expected="The request expired … or Request has expired …", observed=text[:1000])
    message = endpoint.notification(request)
    yield compare("A137", expected=("error", "Failed"), observed=message and (message["queue"], message["invocationStatus"]))
    counted = aws.within(lambda: sum(endpoint.metric("ExpiredRequests", VariantName="primary")), 600)
    yield check("A137", counted is not None, expected="ExpiredRequests ≥ 1", observed=counted)


@probe(
    "A34",
    "A184",
    "A185",
    needs=SLEEPER,
    seconds=1800,
    cost=Cost(requests=40),
    deviation="an action that was suspended runs when scheduled scaling is resumed",
)
def scheduled_actions(aws: Account) -> Iterator[Observation]:
    """Actions of the past, missed ones and ones whose bounds cross never run; the first stay listed."""
    with scalable(aws, 0, 1) as endpoint:
        target = target_of(endpoint)

        def put(name: str, moment: float, **bounds: int) -> str:
            when = datetime.fromtimestamp(moment, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")
            call = aws.scaling.put_scheduled_action
            return aws.attempt(call, **target, ScheduledActionName=name, Schedule=when, ScalableTargetAction=bounds)

        def bounds() -> tuple[int, int]:
            state = described(aws, endpoint)
            return state["MinCapacity"], state["MaxCapacity"]

        past = put("past", aws.now() - 600, MaxCapacity=3)
        crossing = put("crossing", aws.now() + 150, MinCapacity=2)
        aws.elapse(400)
        listed = aws.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=endpoint.resource_id)
        names = {item["ScheduledActionName"] for item in listed["ScheduledActions"]}
        observed = (past, "past" in names, bounds()[1])
        yield compare("A184", expected=("accepted", True, 1), observed=observed)
        yield compare("A185", expected=("accepted", (0, 1)), observed=(crossing, bounds()))
        aws.scaling.register_scalable_target(**target, SuspendedState={"ScheduledScalingSuspended": True})
        put("missed", aws.now() + 150, MaxCapacity=4)
        aws.elapse(400)
        aws.scaling.register_scalable_target(**target, SuspendedState={"ScheduledScalingSuspended": False})
        aws.elapse(180)
        yield compare("A34", expected=1, observed=bounds()[1])


@probe(
    "A188",
    needs=SLEEPER,
    seconds=2400,
    cost=Cost({INSTANCE_TYPE: 5}, requests=80),
    deviation="the activity ends as Successful once the instance has started",
)
def activity_of_a_deregistered_target(aws: Account) -> Iterator[Observation]:
    """A scaling activity in progress ends as Failed when its target is deregistered."""
    endpoint = aws.sleeper
    asleep(aws, endpoint)
    names = {"ServiceNamespace": "sagemaker", "ResourceId": endpoint.resource_id}

    def latest() -> str:
        found = aws.scaling.describe_scaling_activities(**names)["ScalingActivities"]
        return str(found[0]["StatusCode"]) if found else ""

    def started() -> bool:
        return desired(endpoint) == 1

    with scalable(aws, 1, 1):
        aws.until(started, "the minimum of 1 is desired", 600)
        before = latest()
        aws.scaling.deregister_scalable_target(**target_of(endpoint))
        ended = aws.within(lambda: (seen := latest()) != "InProgress" and seen, 900)
        yield compare("A188", expected=("InProgress", "Failed"), observed=(before, ended))
        endpoint.register(0, 1)  # what the block ends with needs a target
    endpoint.until_status("InService")
