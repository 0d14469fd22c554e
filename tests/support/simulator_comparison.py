"""A recorded run of the local AWS beside a simulation of the same requests, start times and deaths."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from async_endpoint.capacity.distributions import Recorded
from async_endpoint.capacity.simulation import Activity, Outcome, Publication, simulate
from async_endpoint.capacity.workload import Workload
from support.capacity_scenarios import module_settings
from support.recorded_run import Recording
from support.wrong_simulators import WRONG_SIMULATORS

PERIOD: Final = 60.0  # of metrics: the resolution of everything that scales
TOLERANCE: Final = 0.10  # of waits, or a period if that is more
HOURS_TOLERANCE: Final = 0.05
SAME_MINUTE: Final = 0.95  # of the activities; the others may be a minute apart where an event was close to its end

Simulate = Callable[..., Outcome]


def replay(recording: Recording, run: Simulate = simulate) -> Outcome:
    """Simulate a recorded run with arrivals, service, start and death times as recorded."""
    origin = recording.origin
    workload = Workload.of(
        [origin + request.arrival for request in recording.requests],
        [request.service for request in recording.requests],
        origin + recording.start,
        origin + recording.end,
        source=f"recording {recording.scenario}",
    )
    return run(
        module_settings(recording.settings).settings(),
        workload,
        starts=Recorded(tuple(recording.starts)),
        deaths=[origin + death for death in recording.deaths],
        timeline=True,
    )


@dataclass(frozen=True)
class Pair:
    """One figure of both."""

    recorded: float
    simulated: float

    def within(self, share: float, least: float = 0.0) -> bool:
        """Equal up to a share of what was recorded, or to `least`; infinite only together."""
        if math.isinf(self.recorded) or math.isinf(self.simulated):
            return self.recorded == self.simulated
        return abs(self.simulated - self.recorded) <= max(share * self.recorded, least)


Step = tuple[str, int, int]  # the kind of an activity, and the desired count before and after it


@dataclass(frozen=True)
class Comparison:
    """Hours are instance hours, waits in seconds; `recorded` and `simulated` are the scaling activities in order."""

    scenario: str
    requests: int
    hours: Pair
    median: Pair
    p95: Pair
    expired: Pair
    recorded: tuple[Step, ...]
    simulated: tuple[Step, ...]
    same_minute: int  # activities that both have in the same minute
    alarms: Pair  # changes of an alarm's state that were recorded, and those that the simulation has in the same minute

    @property
    def failures(self) -> list[str]:
        """What misses its bar, in words."""
        bars = (
            (self.hours.within(HOURS_TOLERANCE), f"instance hours {_both(self.hours, '.2f')}"),
            (self.median.within(TOLERANCE, PERIOD), f"p50 wait {_both(self.median)} s"),
            (self.p95.within(TOLERANCE, PERIOD), f"p95 wait {_both(self.p95)} s"),
            (self.recorded == self.simulated, f"activities {_first_difference(self.recorded, self.simulated)}"),
            (
                self.same_minute >= SAME_MINUTE * len(self.recorded),
                f"only {self.same_minute} of {len(self.recorded)} activities are in the same minute",
            ),
        )
        return [f"{self.scenario}: {text}" for kept, text in bars if not kept]


def compare(recording: Recording, outcome: Outcome) -> Comparison:
    """The figures of a recording beside those of a simulation of it."""
    waits = sorted(math.inf if request.wait is None else request.wait for request in recording.requests)
    simulated = [activity for activity in outcome.activities if activity.before != activity.after]
    simulated = [activity for activity in simulated if activity.time <= recording.origin + recording.end]
    pairs = zip(recording.activities, simulated, strict=False)
    recorded_changes = {(one.time, one.alarm, one.state) for one in recording.alarms if one.time > 0}
    return Comparison(
        scenario=recording.scenario,
        requests=len(recording.requests),
        hours=Pair(recording.instance_seconds / 3_600, outcome.instance_hours),
        median=Pair(_percentile(waits, 50), outcome.wait(50)),
        p95=Pair(_percentile(waits, 95), outcome.wait(95)),
        expired=Pair(sum(math.isinf(wait) for wait in waits), outcome.expired),
        recorded=tuple((item.kind, item.before, item.after) for item in recording.activities),
        simulated=tuple((_kind(item), item.before, item.after) for item in simulated),
        same_minute=sum(there.start + recording.origin == here.time and there.after == here.after for there, here in pairs),
        alarms=Pair(len(recorded_changes), len(recorded_changes & _alarm_changes(recording, outcome))),
    )


def table(comparisons: Iterable[Comparison]) -> str:
    """A Markdown table, as docs/capacity.md has it: recorded and simulated figures of each scenario."""
    lines = [
        "| Scenario | Requests | Instance hours | p50 wait (s) | p95 wait (s) | Expired | Scaling activities | Alarm changes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in comparisons:
        same = f"{len(one.recorded)} in the same order, {one.same_minute} in the same minute"
        same = same if one.recorded == one.simulated else "differ"
        figures = (_both(one.hours, ".2f"), _both(one.median), _both(one.p95), _both(one.expired), same, _both(one.alarms))
        lines.append(f"| {one.scenario} | {one.requests} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def sensitivity_table(recordings: Iterable[Recording]) -> str:
    """A Markdown table: the recorded runs simulated under other conditions, each with instance hours and p95 wait."""
    conditions = (
        "As recorded",
        "Start times doubled",
        "Service times 20 % longer",
        "Metrics a minute later (A292)",
        "Decisions while scaling (A310)",
    )
    lines = ["| Scenario | " + " | ".join(conditions) + " |", "|---" * (len(conditions) + 1) + "|"]
    for recording in recordings:
        outcomes = [
            replay(recording, run) for run in (simulate, _started_later, _served_longer, _delayed, _deciding_while_scaling)
        ]
        cells = [f"{outcome.instance_hours:.2f} h, {outcome.wait(95):.0f} s" for outcome in outcomes]
        lines.append(f"| {recording.scenario} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _delayed(*settings_and_workload: Any, **given: Any) -> Outcome:
    return simulate(*settings_and_workload, **given, publication=Publication(1))


def _deciding_while_scaling(*settings_and_workload: Any, **given: Any) -> Outcome:
    with WRONG_SIMULATORS["scales while scaling is in progress"]() as run:
        return run(*settings_and_workload, **given)


def _started_later(*settings_and_workload: Any, starts: Recorded, **given: Any) -> Outcome:
    return simulate(*settings_and_workload, **given, starts=Recorded(tuple(2 * seconds for seconds in starts.values)))


def _served_longer(settings: Any, workload: Workload, **given: Any) -> Outcome:
    longer = array("d", (1.2 * seconds for seconds in workload.service))
    return simulate(settings, replace(workload, service=longer), **given)


def _both(pair: Pair, form: str = ".0f") -> str:
    return f"{pair.recorded:{form}} / {pair.simulated:{form}}"


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` percent of all do not exceed."""
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def _kind(activity: Activity) -> str:
    if "capacity was set to" in activity.cause:
        return "bounds"
    if "wake-from-zero" in activity.cause:
        return "wake"
    return "out" if activity.after > activity.before else "in"


def _alarm_changes(recording: Recording, outcome: Outcome) -> set[tuple[float, str, str]]:
    """The minutes in which alarms changed, as a recording has them."""
    words = {"high": "AlarmHigh", "low": "AlarmLow", "wake": "wake-from-zero"}
    changes, before = set(), dict.fromkeys(words, "")
    for minute in outcome.timeline:
        for alarm, state in minute.alarms.items():
            word = next(word for word, part in words.items() if part in alarm)
            if before[word] != state.value:
                changes.add((minute.time - recording.origin, word, state.value))
                before[word] = state.value
    return changes


def _first_difference(recorded: Sequence[Step], simulated: Sequence[Step]) -> str:
    number = next(
        (number for number, pair in enumerate(zip(recorded, simulated, strict=False)) if pair[0] != pair[1]),
        min(len(recorded), len(simulated)),
    )
    there = recorded[number] if number < len(recorded) else "none"
    here = simulated[number] if number < len(simulated) else "none"
    return f"{len(recorded)} / {len(simulated)}; number {number + 1} is {there} / {here}"
