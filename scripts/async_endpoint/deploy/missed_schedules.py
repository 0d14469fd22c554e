"""Scheduled actions that a suspension swallowed.

Application Auto Scaling does not run a scheduled action whose time passes while scheduled scaling is suspended, neither then
nor once it is resumed (its user guide, "Suspend and resume scaling"). The bounds would stay those of the night all day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.core.errors import InvalidInput


def missed_bounds(
    target: Mapping[str, Any], actions: Iterable[Mapping[str, Any]], since: float, until: float
) -> dict[str, int]:
    """MinCapacity and MaxCapacity that `actions` would have left on `target`, of those due after `since` and up to `until`.

    Both as described by the API, times in Unix seconds. Empty when nothing was due, or the bounds would contradict each other.
    """
    due = sorted(((time, action) for action in actions for time in _last(action, since, until)), key=lambda pair: pair[0])
    bounds: dict[str, int] = {}
    for _, action in due:
        wanted = action.get("ScalableTargetAction", {})
        bounds |= {name: wanted[name] for name in ("MinCapacity", "MaxCapacity") if wanted.get(name) is not None}
    whole = {name: target[name] for name in ("MinCapacity", "MaxCapacity")} | bounds
    return bounds if whole["MinCapacity"] <= whole["MaxCapacity"] else {}


def _last(action: Mapping[str, Any], since: float, until: float) -> Iterator[float]:
    """The last time at which `action` was due, if it was."""
    start, end = (action[name].timestamp() if action.get(name) else None for name in ("StartTime", "EndTime"))
    put = action["CreationTime"].timestamp()
    try:
        schedule = parse_schedule(action["Schedule"], action.get("Timezone"), put, start, end)
    except InvalidInput:  # a syntax that is newer than this program
        return
    last, time = None, schedule.after(max(since, put))
    while time is not None and time <= until:
        last, time = time, schedule.after(time)
    if last is not None:
        yield last
