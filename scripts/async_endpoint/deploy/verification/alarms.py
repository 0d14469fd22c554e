"""The alarms that scale, that wake, and that watch.

Application Auto Scaling makes two alarms for target tracking. Terraform does not know them: without them the policy never acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.policies import TargetTracking, tracking_alarms
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.alarm_muting import Mute
from async_endpoint.deploy.verification.findings import Difference, compare, not_repaired, only, pages, raise_any
from async_endpoint.deploy.verification.scaling import command, live_policies

MOST_NAMES: Final = 100  # of one DescribeAlarms (API reference)


def tracking(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the alarms of target tracking exist, watch its metric by its target (A60), and act."""
    planned = outputs.scaling
    policy = live_policies(aws, outputs).get(planned.tracking_policy_name)
    if policy is None:
        return "not compared: its policy does not exist"
    subject = f"policy {planned.tracking_policy_name}"
    delete = command(planned.resource_id, "delete-scaling-policy", f"--policy-name {planned.tracking_policy_name}")
    remedy = not_repaired(f"the alarms come with the policy, so delete it, then apply: {delete}")
    names = sorted(alarm["AlarmName"] for alarm in policy.get("Alarms", ()))
    found = _described(aws, names)
    differences = [Difference(f"alarm {name} of {subject}", "does not exist", remedy) for name in names if name not in found]
    rules = _rules(policy)
    present = [alarm["ComparisonOperator"] for alarm in found.values()]
    missing = [rule for rule in rules if rule.comparison not in present]
    if not differences and missing:
        which = " and ".join("scales out" if rule.comparison.startswith("Greater") else "scales in" for rule in missing)
        differences.append(Difference(subject, f"has no alarm that {which}", remedy))
    for name, alarm in found.items():
        differences += _compared(f"alarm {name} of {subject}", alarm, policy, rules, remedy)
    raise_any(differences)
    return f"{len(found)} act on {planned.tracking_policy_name}"


def wake(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the alarm which wakes the endpoint from zero watches its backlog and acts on the wake policy."""
    planned = outputs.scaling
    subject = f"alarm {planned.wake_alarm_name}"
    live = only(subject, list(_described(aws, [planned.wake_alarm_name]).values()))
    policy = live_policies(aws, outputs).get(planned.wake_policy_name, {}).get("PolicyARN", planned.wake_policy_name)
    differences = compare(
        subject,
        {
            "metric": ("HasBacklogWithoutCapacity", live.get("MetricName")),
            "dimensions": ({"EndpointName": outputs.endpoint.name}, _dimensions(live)),
        },
    )
    if not live.get("ActionsEnabled", True) or policy not in live["AlarmActions"]:
        differences.append(Difference(subject, f"does not act on {policy}"))
    raise_any(differences)
    return f"{planned.wake_alarm_name} acts on {planned.wake_policy_name}"


def watching(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That every alarm of the monitoring exists and may act."""
    planned = outputs.monitoring.alarm_names
    live = _described(aws, planned)
    muted = {name: mute for name, alarm in live.items() if (mute := Mute.of(alarm))}
    differences = [
        Difference(f"alarm {name}", f"is muted since {mute.since} by {mute.by}", transitional=True)
        for name, mute in muted.items()
    ]
    acting = {name for name, alarm in live.items() if alarm.get("ActionsEnabled", True)}
    if missing := [name for name in planned if name not in acting and name not in muted]:
        differences.append(Difference("monitoring", f"has alarms that do not exist, or do not act: {', '.join(missing)}"))
    raise_any(differences)
    return f"{len(planned)} watch {outputs.endpoint.name}"


def _described(aws: AwsSession, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """The metric alarms of these names that exist, by name."""
    wanted = list(names)
    groups = [wanted[begin : begin + MOST_NAMES] for begin in range(0, len(wanted), MOST_NAMES)]
    found = [
        alarm
        for group in groups
        for alarm in pages(aws, "cloudwatch", "describe_alarms", "MetricAlarms", AlarmNames=group, AlarmTypes=["MetricAlarm"])
    ]
    return {alarm["AlarmName"]: alarm for alarm in found}


def _rules(policy: Mapping[str, Any]) -> tuple[AlarmRule, AlarmRule]:
    configuration = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    metric = configuration.get("CustomizedMetricSpecification", {})
    dimensions = tuple(sorted(_dimensions(metric).items()))
    identity = MetricId(metric.get("Namespace", ""), metric.get("MetricName", ""), dimensions)
    target, statistic = configuration["TargetValue"], metric.get("Statistic", "Average")
    return tracking_alarms(TargetTracking(policy["PolicyName"], target, identity, statistic=statistic))


def _compared(
    subject: str, alarm: Mapping[str, Any], policy: Mapping[str, Any], rules: Iterable[AlarmRule], remedy: str
) -> list[Difference]:
    metric = policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("CustomizedMetricSpecification", {})
    rule = next((one for one in rules if one.comparison == alarm["ComparisonOperator"]), None)
    if rule is None:
        return [Difference(subject, f"compares by {alarm['ComparisonOperator']}", remedy)]
    return compare(
        subject,
        {
            "metric": (metric.get("MetricName"), alarm.get("MetricName")),
            "dimensions": (_dimensions(metric), _dimensions(alarm)),
            "threshold": (round(rule.threshold, 6), round(alarm["Threshold"], 6)),
            "evaluation periods": (rule.evaluation_periods, alarm["EvaluationPeriods"]),
            "period": (rule.period, alarm.get("Period")),
            "actions enabled": (True, alarm.get("ActionsEnabled", True)),
            "actions": ([policy["PolicyARN"]], alarm["AlarmActions"]),
        },
        remedy,
    )


def _dimensions(described: Mapping[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in described.get("Dimensions", ())}
