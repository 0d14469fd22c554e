"""Settings of an endpoint from the descriptions of its parts, in the shapes of AWS's APIs.

A live endpoint is described by SageMaker, Application Auto Scaling and CloudWatch; a plan of Terraform has the same facts under
other names, which `deploy/planned_settings.py` translates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import TargetTracking, parse_step_scaling, parse_target_tracking
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.capacity.settings import ScheduledBounds, Settings, Stepped, Tracked
from async_endpoint.core import limits
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.text import joined

TRACKING: Final = "TargetTrackingScaling"

Description = Mapping[str, Any]


@dataclass(frozen=True)
class DescribedEndpoint:
    """An asynchronous endpoint with one variant. `concurrency` None is SageMaker's choice (A120); `instances` are desired.

    `target` is the scalable target (empty: there is none), `policies` and `actions` those of the target, `alarms` metric alarms
    that may name a policy among their actions; all as Describe* calls return them.
    """

    endpoint: str
    variant: str
    instance_type: str
    concurrency: int | None
    instances: int
    request_ttl_seconds: int
    target: Description
    policies: Sequence[Description] = ()
    alarms: Sequence[Description] = ()
    actions: Sequence[Description] = ()


@dataclass(frozen=True)
class DescribedSettings:
    """Settings, and sentences about what of the description they leave out or assume."""

    settings: Settings
    notes: tuple[str, ...] = ()


def described_settings(described: DescribedEndpoint) -> DescribedSettings:
    """The settings that a simulation needs.

    Raises InvalidInput naming the policy or the alarm that cannot be simulated: one on a metric that the endpoint does not
    publish, or not with these dimensions, and one on metric math.
    """
    notes: list[str] = []
    instances = described.instances
    if described.target:
        bounds = Bounds(int(described.target["MinCapacity"]), int(described.target["MaxCapacity"]))
    else:
        bounds = Bounds(instances, instances)
        notes.append(f"{described.endpoint} has no scalable target: its {instances} instances are taken as fixed.")
    if described.concurrency is None:
        notes.append(
            f"{described.endpoint} leaves its concurrency to SageMaker; {limits.DEFAULT_CONCURRENCY} is assumed (A120)."
        )
    return DescribedSettings(
        Settings(
            instance_type=described.instance_type,
            concurrency=described.concurrency or limits.DEFAULT_CONCURRENCY,
            bounds=bounds,
            initial=bounds.clamp(instances),
            policies=tuple(_policies(described, notes)),
            schedules=tuple(_schedule(action) for action in described.actions),
            request_ttl_seconds=described.request_ttl_seconds,
        ),
        tuple(notes),
    )


def _policies(described: DescribedEndpoint, notes: list[str]) -> Iterator[Tracked | Stepped]:
    resource = f"endpoint/{described.endpoint}/variant/{described.variant}"
    for policy in described.policies:
        name = str(policy["PolicyName"])
        if policy["PolicyType"] == TRACKING:
            tracked = parse_target_tracking(name, resource, policy["TargetTrackingScalingPolicyConfiguration"])
            yield Tracked(_checked(tracked, described))
            continue
        step = parse_step_scaling(name, policy["StepScalingPolicyConfiguration"])
        alarms = [alarm for alarm in described.alarms if policy["PolicyARN"] in (alarm.get("AlarmActions") or ())]
        active = [alarm for alarm in alarms if alarm.get("ActionsEnabled", True)]
        if not active:
            why = f"the actions of {_names(alarms)} are disabled" if alarms else "no alarm names it"
            notes.append(f"Policy {name} never acts: {why}.")
        for alarm in active:
            yield Stepped(step, *_rule(alarm, name, described))


def _checked(policy: TargetTracking, described: DescribedEndpoint) -> TargetTracking:
    if not isinstance(policy.metric, MetricId):
        raise InvalidInput(f"Scaling policy {policy.name} tracks metric math, which cannot be simulated; track one metric.")
    _check_metric(f"Scaling policy {policy.name}", policy.metric, described)
    return policy


def _rule(alarm: Description, policy: str, described: DescribedEndpoint) -> tuple[AlarmRule, str]:
    """The alarm's rule and the name of its metric."""
    name = alarm["AlarmName"]
    if not alarm.get("MetricName"):
        raise InvalidInput(f"Alarm {name} of scaling policy {policy} reads metric math, which cannot be simulated.")
    metric = MetricId.of(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions") or ())
    _check_metric(f"Alarm {name} of scaling policy {policy}", metric, described)
    periods = int(alarm["EvaluationPeriods"])
    rule = AlarmRule(
        alarm["ComparisonOperator"],
        float(alarm["Threshold"]),
        int(alarm["Period"]),
        periods,
        int(alarm.get("DatapointsToAlarm") or periods),
        alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average",
        alarm.get("TreatMissingData") or "missing",
    )
    return rule, metric.name


def _check_metric(subject: str, metric: MetricId, described: DescribedEndpoint) -> None:
    """Raise InvalidInput for a metric that the endpoint does not publish, or not with these dimensions."""
    known = m.PUBLISHED.get(metric.name)
    if known is None or metric.namespace not in (m.NAMESPACE, m.INSTANCE_NAMESPACE):
        raise InvalidInput(
            f"{subject} reads {metric.namespace} {metric.name}, which no asynchronous endpoint publishes, so it never acts; "
            f"use {m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name}."
        )
    wanted = MetricId.of(metric.namespace, known.name, known.dimensions(described.endpoint, described.variant))
    if metric.dimensions != wanted.dimensions:
        raise InvalidInput(
            f"{subject} reads {metric.name} with the dimensions {_pairs(metric)}, and it is published with {_pairs(wanted)}: "
            "it never acts; correct the dimensions."
        )


def _schedule(action: Description) -> ScheduledBounds:
    bounds = action.get("ScalableTargetAction") or {}
    return ScheduledBounds(
        str(action["ScheduledActionName"]),
        str(action["Schedule"]),
        action.get("Timezone"),
        bounds.get("MinCapacity"),
        bounds.get("MaxCapacity"),
        _epoch(action.get("StartTime")),
        _epoch(action.get("EndTime")),
    )


def _epoch(moment: datetime | float | None) -> float | None:
    return moment.timestamp() if isinstance(moment, datetime) else moment


def _pairs(metric: MetricId) -> str:
    return joined([f"{name}={value}" for name, value in metric.dimensions]) or "none"


def _names(alarms: Sequence[Description]) -> str:
    return joined([str(alarm["AlarmName"]) for alarm in alarms])
