"""The alarms that roll an update back: one that is in ALARM when the update begins ends it at once.

An old fleet in trouble trips them, and would so block its own fix (SageMaker guide, "Auto-Rollback Configuration and
Monitoring": most metrics are fed by old and new fleet alike). Such an apply is refused, unless it mutes them (alarm_muting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import RollbackAlarmFiring
from async_endpoint.core.text import joined
from async_endpoint.deploy.endpoints import Connect, PlannedEndpoint, describe_endpoint, planned_endpoints
from async_endpoint.deploy.replacement import avoidable_replacements, deployment_config
from async_endpoint.terraform.plan_document import ResourceChange

MUTE_OPTION: Final = "--mute-rollback-alarms"
MOST_NAMES: Final = 100  # of one DescribeAlarms (API reference)
_DEPLOYING: Final = ("endpoint_config_name", "deployment_config")  # what the provider calls UpdateEndpoint for


@dataclass(frozen=True)
class GuardedUpdate:
    """An endpoint that a plan deploys to, and the alarms that roll this deployment back, as DescribeAlarms returns them."""

    endpoint: PlannedEndpoint
    alarms: Sequence[Mapping[str, Any]]

    @property
    def firing(self) -> list[Mapping[str, Any]]:
        return [alarm for alarm in self.alarms if alarm["StateValue"] == "ALARM"]


def guarded_updates(connect: Connect, changes: Iterable[ResourceChange]) -> list[GuardedUpdate]:
    """The endpoints that the plan deploys to and that planned alarms guard.

    Assumption A115: the alarms in service before do not count, unless the update names them too: SageMaker reuses the last
    deployment configuration only when RetainDeploymentConfig is set (API reference, UpdateEndpoint). Nor do alarms whose names
    are unknown until the apply: it creates them, as those on the new instances alone, and a new alarm is not in ALARM.
    """
    changes = list(changes)
    avoidable = {endpoint.change.address for endpoint in avoidable_replacements(connect, changes)}
    updates = []
    for endpoint in planned_endpoints(changes):
        if endpoint.change.address in avoidable or (endpoint.change.action == "update" and _deploys(endpoint.change)):
            aws = connect(endpoint.region)
            names = _alarm_names(endpoint.change.after.get("deployment_config") or [])
            updates.append(GuardedUpdate(endpoint, described_alarms(aws, names)))
    return [update for update in updates if update.alarms]


def require_quiet_alarms(updates: Iterable[GuardedUpdate], command: str) -> None:
    """Raise RollbackAlarmFiring for updates whose alarms are in ALARM; `command` is the apply that was given."""
    firing = [update for update in updates if update.firing]
    if firing:
        one = sum(len(update.firing) for update in firing) == 1
        wait, them = ("it is", "it") if one else ("they are", "them")
        raise RollbackAlarmFiring(
            f"{' '.join(map(_sentence, firing))} Nothing was changed; wait until {wait} OK, or, if it is what serves now that "
            f"trips {them}, mute {them} for this update: {command} {MUTE_OPTION}"
        )


def alarm_notices(updates: Iterable[GuardedUpdate], command: str) -> list[str]:
    """What `require_quiet_alarms` would refuse, in one sentence for each endpoint."""
    return [f"apply refuses this: {_sentence(update)} See {command} {MUTE_OPTION}." for update in updates if update.firing]


def live_alarm_names(aws: AwsSession, endpoint: str) -> list[str]:
    """The rollback alarms of the last deployment of an endpoint; empty when there is no such endpoint."""
    last = describe_endpoint(aws, endpoint).get("LastDeploymentConfig") or {}
    return [alarm["AlarmName"] for alarm in (last.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()]


def described_alarms(aws: AwsSession, names: Iterable[str]) -> list[Mapping[str, Any]]:
    """The alarms of these names that exist, metric and composite ones, in the order of their names."""
    wanted, found = sorted(set(names)), list[Mapping[str, Any]]()
    for begin in range(0, len(wanted), MOST_NAMES):
        asked = {"AlarmNames": wanted[begin : begin + MOST_NAMES], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        for page in aws.cloudwatch.get_paginator("describe_alarms").paginate(**asked):
            found += [*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())]
    return sorted(found, key=lambda alarm: str(alarm["AlarmName"]))


def _deploys(change: ResourceChange) -> bool:
    """Whether it changes what the provider issues an UpdateEndpoint for; a value unknown until the apply is absent."""
    return any(change.before.get(name) != change.after.get(name) for name in _DEPLOYING)


def _alarm_names(blocks: Iterable[Mapping[str, Any]]) -> list[str]:
    """The alarm names that a plan knows."""
    alarms = (deployment_config(blocks).get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    return [str(alarm["AlarmName"]) for alarm in alarms if alarm.get("AlarmName")]


def _sentence(update: GuardedUpdate) -> str:
    named = joined([f"{alarm['AlarmName']} ({_reason(alarm)})" for alarm in update.firing])
    alarms = "alarms" if len(update.firing) > 1 else "alarm"
    are = "are" if len(update.firing) > 1 else "is"
    return (
        f"Endpoint {update.endpoint.name} would be rolled back as soon as its update begins: rollback {alarms} {named} "
        f"{are} in ALARM."
    )


def _reason(alarm: Mapping[str, Any]) -> str:
    return str(alarm.get("StateReason") or "no reason given").rstrip(".")
