"""What a refreshing plan found: drift, apart from configuration that has not been applied.

A plan's `resource_drift` is what its refresh found, state against AWS, and is the same in a plan with -refresh-only. Alone it
would report too much: attributes that AWS computes and those that another resource sets. An attribute has drifted where an
apply would set it back, or where additions.py knows how to remove what was added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.alarm_muting import Mute
from async_endpoint.deploy.drift.additions import additions
from async_endpoint.deploy.drift.rows import NOT_SHOWN, DriftRow, differ, differing
from async_endpoint.terraform.plan_document import (
    ResourceChange,
    changed_outputs,
    resource_changes,
    resource_drift,
    top_module,
)

SCHEDULED_ACTION: Final = "aws_appautoscaling_scheduled_action"
MAX_ROWS_OF_A_RESOURCE: Final = 12
_MUTING: Final = ("actions_enabled", "alarm_description", "threshold", "treat_missing_data")


def plan_rows(document: Mapping[str, Any], endpoints: Mapping[str, str], apply_command: str) -> list[DriftRow]:
    """The rows of a plan as `terraform show` prints it. `endpoints` are names by the call in the root module they belong to."""
    # An object that a replacement has left behind is deleted under the address of its successor.
    changes = sorted(resource_changes(document), key=lambda change: not _only_deletes(change))
    planned = {change.address: change for change in changes}
    found: list[DriftRow] = []
    for drifted in resource_drift(document):
        change, endpoint = planned.get(drifted.address), endpoints.get(top_module(drifted.address), "")
        if drifted.deletes:
            if change is not None and change.creates:
                found.append(DriftRow(endpoint, drifted.address, "", "does not exist", "", True, apply_command))
            continue
        parts = list(_repaired(drifted, change)) if change is not None and not _only_deletes(change) else []
        rows = [DriftRow(endpoint, drifted.address, *part, True, apply_command) for part in parts]
        found += rows[:MAX_ROWS_OF_A_RESOURCE]
        if len(rows) > MAX_ROWS_OF_A_RESOURCE:
            more = f"{len(rows) - MAX_ROWS_OF_A_RESOURCE} more attributes differ"
            found.append(DriftRow(endpoint, drifted.address, "", more, "", True, apply_command))
    return found + [
        DriftRow(
            endpoints.get(top_module(one.address), ""), one.address, one.attribute, one.live, one.expected, False, one.remedy
        )
        for one in additions(document)
    ]


def pending(document: Mapping[str, Any], drifted: Iterable[str]) -> list[str]:
    """What an apply would change besides: one line for each resource that is not among the addresses `drifted`."""
    known = set(drifted)
    changes = resource_changes(document)
    lines = [_pending(change) for change in changes if change.address not in known and not _only_restores(change)]
    return lines or ([f"output {name}" for name in changed_outputs(document)] if not changes else [])


def muted_alarms(document: Mapping[str, Any]) -> dict[str, Mute]:
    """The alarms, by name, that a command of this package has muted for an update: no drift, and an apply restores them."""
    live = ((str(one.after.get("alarm_name")), _mute_of(one.after)) for one in resource_drift(document) if not one.deletes)
    return {name: mute for name, mute in live if mute is not None}


def finished_actions(document: Mapping[str, Any], now: float) -> dict[str, str]:
    """Names, by address, of one-time scheduled actions that are gone since their time has passed (A267). `now` is Unix time."""
    gone = [one for one in resource_drift(document) if one.deletes and one.type == SCHEDULED_ACTION]
    return {one.address: str(one.before.get("name")) for one in gone if _is_over(one.before, now)}


def _is_over(action: Mapping[str, Any], now: float) -> bool:
    expression = str(action.get("schedule"))
    try:
        schedule = parse_schedule(expression, action.get("timezone"), now, None, None)
    except InvalidInput:  # a syntax that is newer than this program
        return False
    return expression.startswith("at(") and schedule.after(now) is None


def _repaired(drifted: ResourceChange, change: ResourceChange) -> Iterator[tuple[str, str, str]]:
    """The attributes that have changed outside Terraform and that the plan changes as well, innermost first."""
    muting = _MUTING if _mute_of(drifted.after) else ()
    names = [name for name in drifted.changed if name not in muting and differ(drifted.before[name], drifted.after[name])]
    if "tags_all" in names:  # the tags of the resource with those of the provider
        names = [name for name in names if name != "tags"]
    for name in names:
        if name not in change.after and not drifted.before[name]:
            continue  # unknown until the apply, and never set: AWS computes it, which the first refresh has found
        expected = change.after.get(name, drifted.before[name])
        if name in change.sensitive | drifted.sensitive:
            if expected != drifted.after[name]:
                yield name, NOT_SHOWN, NOT_SHOWN
        else:
            yield from differing(name, drifted.after[name], expected)


def _pending(change: ResourceChange) -> str:
    names = [name for name in change.changed if differ(change.before[name], change.after[name])]
    shown = ", ".join(name for name in names if name != "tags" or "tags_all" not in names)
    return f"{change.address}: {change.action}{f' ({shown})' if shown else ''}"


def _only_deletes(change: ResourceChange) -> bool:
    return change.deletes and not change.creates


def _only_restores(change: ResourceChange) -> bool:
    """Whether the change is of an alarm that a command of this package has muted, and of nothing but that."""
    names = {name for name in change.changed if differ(change.before[name], change.after[name])}
    return _mute_of(change.before) is not None and not change.deletes and names <= set(_MUTING)


def _mute_of(alarm: Mapping[str, Any]) -> Mute | None:
    return Mute.of({"AlarmDescription": alarm.get("alarm_description")})
