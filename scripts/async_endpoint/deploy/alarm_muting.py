"""Mute rollback alarms for one update: a threshold out of reach, until the update has ended.

SageMaker reads nothing but an alarm's state. DisableAlarmActions leaves that as it is, SetAlarmState holds until the next
evaluation only, and an UpdateEndpoint without alarms makes the provider plan a replacement. So the alarm itself is changed, by
one PutMetricAlarm, which also writes into its description what is to be restored: at whatever point a command is killed, the
alarm says so on its own page, the next apply or destroy restores it, and Terraform's plan shows it as drift.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint import signals
from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import AsyncEndpointError, NotReady, Refused, WorkFailed
from async_endpoint.core.suspension import timestamp
from async_endpoint.core.text import joined
from async_endpoint.deploy.endpoints import Connect
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import settle, user_and_host
from async_endpoint.deploy.retries import repeated_together
from async_endpoint.deploy.rollback_alarms import GuardedUpdate, described_alarms
from async_endpoint.deploy.scaling_snapshot import put_described
from async_endpoint.terraform.plan_document import ResourceChange

# CloudWatch evaluates an alarm once a minute (assumption A116).
MUTED: Final = Poller(deadline=300)
RESTORE_SECONDS: Final = 120.0
OUT_OF_REACH: Final = 1e100  # metric values are within 2^360, some 2e108 (CloudWatch API reference, MetricDatum)
LONGEST_DESCRIPTION: Final = 1024
_MAX_NAME_CHARS: Final = 80
_ALARM_TYPE: Final = "aws_cloudwatch_metric_alarm"
_NEW_FLEET: Final = "EndpointConfigName"
_MARK: Final = re.compile(
    r"\[Muted by async-endpoint during an update since (?P<since>\S+) by (?P<by>\S+); "
    r"threshold=(?P<threshold>\S+) missing=(?P<missing>\w*) actions=(?P<actions>true|false)\] ?(?P<description>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Mute:
    """What a muted alarm's description records: who muted it, when, and what is to be restored."""

    since: str
    by: str
    threshold: float
    missing: str | None
    actions: bool
    description: str

    @classmethod
    def of(cls, alarm: Mapping[str, Any]) -> Mute | None:
        """The record in an alarm as DescribeAlarms returns it; None for one that is not muted."""
        found = _MARK.fullmatch(str(alarm.get("AlarmDescription", "")))
        if found is None:
            return None
        return cls(
            found["since"], found["by"], float(found["threshold"]), found["missing"] or None, found["actions"] == "true",
            found["description"],
        )  # fmt: skip

    def __str__(self) -> str:
        return (
            f"[Muted by async-endpoint during an update since {self.since} by {self.by}; threshold={self.threshold!r} "
            f"missing={self.missing or ''} actions={str(self.actions).lower()}] {self.description}"
        ).rstrip()

    def restored(self, alarm: Mapping[str, Any]) -> Mapping[str, Any]:
        """The alarm as it was before it was muted."""
        was = {"Threshold": self.threshold, "ActionsEnabled": self.actions}
        optional = {"TreatMissingData": self.missing, "AlarmDescription": self.description or None}
        return _changed(alarm, was | optional)


@contextmanager
def muted(
    connect: Connect,
    updates: Sequence[GuardedUpdate],
    changes: Iterable[ResourceChange],
    command: str,
    on_output: Callable[[str], None],
    poller: Poller | None = None,
) -> Iterator[None]:
    """Within the block no alarm rolls back `updates`, but those that the new fleet alone feeds (EndpointConfigName).

    `changes` are the plan's, `command` restores what a killed command leaves. Raises Refused for an alarm in ALARM that cannot
    be muted or that the plan changes, NotReady for one that stays in ALARM, WorkFailed for one that cannot be restored (an
    error of the block stays what it is, and says that too).
    """
    chosen = _to_mute(updates, list(changes))
    if not chosen:
        yield
        return
    with signals.deferred():
        try:
            for region, alarms in chosen.items():
                for alarm in alarms:
                    put_described(connect(region).client("cloudwatch"), "PutMetricAlarm", _silenced(alarm))
                    on_output(f"Muted alarm {alarm['AlarmName']} for this update.")
            for region, alarms in chosen.items():
                _require_quiet(connect(region), [str(alarm["AlarmName"]) for alarm in alarms], poller or MUTED)
            yield
        except BaseException as error:
            _restore_or_explain(connect, chosen, command, error)
            raise
        _restore_or_explain(connect, chosen, command, None)


def restore_muted(
    aws: AwsSession,
    endpoint: str,
    names: Iterable[str],
    *,
    require_unlocked: Callable[[], None],
    on_output: Callable[[str], None],
) -> None:
    """Restore those of the alarms `names` that a killed command left muted, once endpoint `endpoint` is in no update.

    An update that is still in progress would be rolled back by them. `require_unlocked` raises while a command runs; NotReady
    is raised for an update that does not end.
    """
    left = [alarm for alarm in described_alarms(aws, names) if Mute.of(alarm)]
    if left:
        require_unlocked()
        settle(aws, endpoint)
    for alarm in left:
        with signals.deferred(), repeated_together(RESTORE_SECONDS):
            mute = _restore(aws, str(alarm["AlarmName"]))
        if mute is not None:
            on_output(f"Restored alarm {alarm['AlarmName']}, which {mute.by} muted for an update at {mute.since}.")


def mute_warnings(aws: AwsSession, names: Iterable[str], command: str) -> list[str]:
    """One sentence for each of the alarms `names` that is muted; `command` restores it."""
    muted_alarms = ((alarm["AlarmName"], Mute.of(alarm)) for alarm in described_alarms(aws, names))
    return [
        f"Alarm {name} is muted since {mute.since} by {mute.by}, whose command is running or was killed; unless it is running, "
        f"restore the alarm with: {command}"
        for name, mute in muted_alarms
        if mute is not None
    ]


def _to_mute(updates: Sequence[GuardedUpdate], changes: list[ResourceChange]) -> dict[str, list[Mapping[str, Any]]]:
    """The alarms to mute, by region."""
    alarms = (change for change in changes if change.type == _ALARM_TYPE and _is_put(change))
    changed = {str(change.before.get("alarm_name")): change for change in alarms}
    chosen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for update in updates:
        for alarm in update.alarms:
            name, firing = str(alarm["AlarmName"]), alarm in update.firing
            if not firing and (_NEW_FLEET in _dimensions(alarm) or not _can_be_muted(alarm)):
                continue
            if not _can_be_muted(alarm):
                raise Refused(
                    f"Alarm {name} is in ALARM and cannot be muted: it does not compare a metric with a number, or has too "
                    "long a description; leave it out of guardrails.rollback_on for this update."
                )
            if name in changed:
                raise Refused(
                    f"The plan changes alarm {name} ({changed[name].address}), which would end its muting before the update of "
                    f"endpoint {update.endpoint.name} begins; apply the change of the alarm alone first."
                )
            chosen.setdefault(update.endpoint.region, {})[name] = alarm
    return {region: list(alarms.values()) for region, alarms in chosen.items()}


def _is_put(change: ResourceChange) -> bool:
    """Whether the provider calls PutMetricAlarm: not where tags alone change."""
    names = change.before.keys() | change.after.keys()
    return any(change.before.get(name) != change.after.get(name) for name in names - {"tags", "tags_all"})


def _can_be_muted(alarm: Mapping[str, Any]) -> bool:
    """Not a composite alarm, nor one that compares with an anomaly band."""
    return "Threshold" in alarm and len(str(_record(alarm))) <= LONGEST_DESCRIPTION


def _dimensions(alarm: Mapping[str, Any]) -> set[str]:
    """The names of the dimensions of an alarm's metrics, those of metric math included."""
    metrics = [alarm, *(query.get("MetricStat", {}).get("Metric", {}) for query in alarm.get("Metrics", ()))]
    return {dimension["Name"] for metric in metrics for dimension in metric.get("Dimensions", ())}


def _record(alarm: Mapping[str, Any]) -> Mute:
    missing, actions = alarm.get("TreatMissingData"), bool(alarm.get("ActionsEnabled", True))
    by = re.sub(r"[^A-Za-z0-9.@_-]", "_", user_and_host())[:_MAX_NAME_CHARS]
    return Mute(timestamp(time.time()), by, float(alarm["Threshold"]), missing, actions, str(alarm.get("AlarmDescription", "")))


def _silenced(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """The alarm with a threshold out of reach; one that was left muted keeps what its record restores."""
    threshold = OUT_OF_REACH if str(alarm["ComparisonOperator"]).startswith("Greater") else -OUT_OF_REACH
    muted_alarm = {
        "Threshold": threshold,
        # Where missing data keep the state (`ignore`) or breach, a quiet endpoint's alarm would stay in ALARM.
        "TreatMissingData": "notBreaching",
        # Its OK would announce a recovery that is none.
        "ActionsEnabled": False,
        "AlarmDescription": str(Mute.of(alarm) or _record(alarm)),
    }
    return _changed(alarm, muted_alarm)


def _changed(alarm: Mapping[str, Any], members: Mapping[str, Any]) -> Mapping[str, Any]:
    """`alarm` with these members. What is None or empty is left out: metric math excludes even empty Dimensions."""
    return {name: value for name, value in {**alarm, **members}.items() if value is not None and value != []}


def _require_quiet(aws: AwsSession, names: Sequence[str], poller: Poller) -> None:
    def firing() -> list[str]:
        return [str(alarm["AlarmName"]) for alarm in described_alarms(aws, names) if alarm["StateValue"] == "ALARM"]

    still = poller.wait(firing, lambda found: not found, f"alarm {joined(list(names))} to leave ALARM, as muted")
    if still:
        raise NotReady(f"Alarm {joined(still)} was muted and is still in ALARM, so nothing was updated; try again later.")


def _restore_or_explain(
    connect: Connect, chosen: Mapping[str, Sequence[Mapping[str, Any]]], command: str, cause: BaseException | None
) -> None:
    for region, alarms in chosen.items():
        for alarm in alarms:
            try:
                with repeated_together(RESTORE_SECONDS):
                    _restore(connect(region), str(alarm["AlarmName"]))
            except Exception as refusal:
                still = f"Alarm {alarm['AlarmName']} is still muted ({refusal}); restore it with: {command}"
                if not isinstance(cause, AsyncEndpointError):
                    raise WorkFailed(still) from (cause or refusal)
                cause.append(still)


def _restore(aws: AwsSession, name: str) -> Mute | None:
    """Restore the alarm as its description records; None for one that is not muted (any more)."""
    for alarm in described_alarms(aws, [name]):
        mute = Mute.of(alarm)
        if mute is not None:
            put_described(aws.client("cloudwatch"), "PutMetricAlarm", mute.restored(alarm))
            return mute
    return None
