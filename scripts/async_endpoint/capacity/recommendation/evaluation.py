"""Settings evaluated: simulated on the workload, each once, with cost by the month and waiting time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.recommendation.instance_options import InstanceOption
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds, Settings
from async_endpoint.capacity.simulation import DEFAULT, Outcome, Publication, simulate
from async_endpoint.capacity.workload import Workload

_LOOK_BACK_SECONDS: Final = 400 * 86_400  # a schedule by the day of the year has acted by then
_NEAR_SECONDS: Final = 60  # no two occurrences of a schedule are nearer


@dataclass(frozen=True)
class Point:
    """What settings cost and how long requests wait: US dollars of instances a month, and seconds at the percentile.

    `settings` is None for what module async-inference cannot deploy, and `label` says what it is. `peak` is the largest desired
    count of instances.
    """

    label: str
    settings: ModuleSettings | None
    usd: float
    wait: float
    latency: float
    expired: int = 0
    instance_seconds: float = 0.0
    launches: int = 0
    activities: int = 0
    peak: int = 0


class Evaluator:
    """Simulates settings on one workload. `simulations` counts; settings that cannot differ are simulated once.

    `usd` of a point is billed instance time by the length of the window, times a month of 730 hours. Late requests are
    simulated to their end and paid for, so a short window overstates the cost a little. `before` are the instances in service
    when the window begins, as far as bounds allow; None for the steady state.
    """

    def __init__(
        self,
        workload: Workload,
        options: Sequence[InstanceOption],
        percent: float,
        seed: int = 0,
        publication: Publication = DEFAULT,
        before: int | None = None,
    ) -> None:
        self.workload = workload
        self.options: Mapping[str, InstanceOption] = {option.instance_type: option for option in options}
        self.percent = percent
        self.simulations = 0
        self._seed = seed
        self._publication = publication
        self._before = before
        self._points: dict[ModuleSettings, Point] = {}
        self._below: dict[ModuleSettings, list[tuple[int, Point]]] = {}  # by settings without maximum: (maximum, point)

    @property
    def points(self) -> list[Point]:
        """All that was evaluated."""
        return list(self._points.values())

    def usd_per_month(self, instance_seconds: float, usd_per_hour: float) -> float:
        """US dollars a month when each window is billed `instance_seconds`."""
        return instance_seconds / self.workload.seconds * HOURS_PER_MONTH * usd_per_hour

    def point(self, settings: ModuleSettings) -> Point:
        """The settings' cost and waiting time. A maximum that was never reached is the same as any larger one."""
        found = self.known(settings)
        if found is None:
            found = self._points[settings] = self.of(settings.settings(), settings)
            self._below.setdefault(_key(settings), []).append((settings.max_instances, found))
        return found

    def known(self, settings: ModuleSettings) -> Point | None:
        """Cost and waiting time as far as they are known without another simulation."""
        if settings not in self._points:
            others = self._below.get(_key(settings), ())
            same = (point for maximum, point in others if point.peak < maximum and point.peak <= settings.max_instances)
            point = next(same, None)
            if point is None:
                return None
            self._points[settings] = replace(point, settings=settings)
        return self._points[settings]

    def of(self, settings: Settings, module: ModuleSettings | None = None, label: str = "") -> Point:
        """Any settings simulated, from the state that they are in before the first request."""
        option = self.options[settings.instance_type]
        steady = in_steady_state(settings, self.workload.start)
        if self._before is not None:
            steady = replace(steady, initial=steady.bounds.clamp(self._before))
        outcome = self.outcome(steady)
        return Point(
            label,
            module,
            self.usd_per_month(outcome.instance_seconds, option.usd_per_hour),
            outcome.wait(self.percent),
            outcome.latency(self.percent),
            outcome.expired,
            outcome.instance_seconds,
            outcome.launches,
            len(outcome.activities),
            max([steady.initial, *(activity.after for activity in outcome.activities)]),
        )

    def outcome(self, settings: Settings) -> Outcome:
        """The simulation of `settings`."""
        self.simulations += 1
        option = self.options[settings.instance_type]
        return simulate(
            settings,
            self.workload,
            starts=option.starts,
            slowdown=option.slowdown,
            seed=self._seed,
            publication=self._publication,
        )


def in_steady_state(settings: Settings, start: float) -> Settings:
    """The settings as they are at `start` after a long idle time: bounds of the last scheduled action, the minimum in service.

    An update starts `initial_instances` instead, once: a month has few updates.
    """
    bounds = settings.bounds
    due = [(time, action) for action in settings.schedules if (time := _last_occurrence(action, start)) is not None]
    for _, action in sorted(due, key=lambda pair: pair[0]):
        minimum = bounds.minimum if action.minimum is None else action.minimum
        maximum = bounds.maximum if action.maximum is None else action.maximum
        if minimum <= maximum:
            bounds = Bounds(minimum, maximum)
    return replace(settings, bounds=bounds, initial=bounds.minimum)


@lru_cache(maxsize=256)
def _last_occurrence(action: ScheduledBounds, start: float) -> float | None:
    """When the action was due last, up to `start`; by halving, since it may have been due every minute."""
    low, high = start - _LOOK_BACK_SECONDS, start
    schedule = parse_schedule(action.schedule, action.timezone, low, action.start, action.end)
    last, time = None, schedule.after(low)
    while time is not None and time <= start:
        last = low = time
        while high - low > _NEAR_SECONDS:
            middle = (low + high) / 2
            time = schedule.after(middle)
            if time is not None and time <= start:
                last = low = time
            else:
                high = middle
        time = schedule.after(last)
    return last


def _key(settings: ModuleSettings) -> ModuleSettings:
    """What settings with different maxima have in common, where their schedules set the same maximum; else the settings."""
    if any(action.maximum != settings.max_instances for action in settings.schedules):
        return settings
    return replace(settings, max_instances=0, schedules=tuple(replace(action, maximum=0) for action in settings.schedules))
