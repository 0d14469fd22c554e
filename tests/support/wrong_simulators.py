"""Simulators that are wrong in one thing each. A validation that lets one of them pass does not look at that thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from async_endpoint.autoscaling import decisions
from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.policies import TargetTracking, tracking_alarms
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.settings import Settings, Stepped
from async_endpoint.capacity.simulation import Outcome, Publication, engine, fleet, scaler, simulate

Run = Callable[..., Outcome]
Wrong = Callable[[], Any]  # a context manager that returns what to simulate with


@contextmanager
def _patched(owner: Any, name: str, value: Any, run: Run = simulate) -> Iterator[Run]:
    with patch.object(owner, name, value):
        yield run


def _alarms(high: int, low: int) -> Wrong:
    """Other numbers of minutes than AWS's 3 and 15."""

    def rules(policy: TargetTracking) -> tuple[AlarmRule, AlarmRule]:
        above, below = tracking_alarms(policy)
        return (
            replace(above, evaluation_periods=high, datapoints_to_alarm=high),
            replace(below, evaluation_periods=low, datapoints_to_alarm=low),
        )

    return lambda: _patched(scaler, "tracking_alarms", rules)


def _by_desired_count() -> Any:
    gauges = engine._Engine._gauges

    def wrong(self: Any, now: float) -> Any:
        backlog, _, age, without_capacity = gauges(self, now)
        return backlog, backlog / max(self._fleet.desired, 1), age, without_capacity

    return _patched(engine._Engine, "_gauges", wrong)


def _waiting_only() -> Any:
    """A backlog of waiting requests only, without those in process."""
    gauges = engine._Engine._gauges

    def wrong(self: Any, now: float) -> Any:
        _, _, age, without_capacity = gauges(self, now)
        return float(self._waiting), self._waiting / max(len(self._fleet.serving), 1), age, without_capacity

    return _patched(engine._Engine, "_gauges", wrong)


def _settings(change: Callable[[Settings], Settings]) -> Wrong:
    @contextmanager
    def wrong() -> Iterator[Run]:
        yield lambda settings, *rest, **more: simulate(change(settings), *rest, **more)

    return wrong


def _wake_after(minutes: int) -> Wrong:
    def change(settings: Settings) -> Settings:
        policies = tuple(
            replace(one, alarm=replace(one.alarm, evaluation_periods=minutes, datapoints_to_alarm=minutes))
            if isinstance(one, Stepped)
            else one
            for one in settings.policies
        )
        return replace(settings, policies=policies)

    return _settings(change)


@contextmanager
def _without(**given: Any) -> Iterator[Run]:
    yield lambda *settings_and_workload, **more: simulate(*settings_and_workload, **more | given)


def _scaling_never_in_progress() -> Any:
    minute = scaler.Scaler.minute

    def wrong(self: Any, end: float, gauges: Any, desired: int, *, stable: bool) -> int | None:
        return minute(self, end, gauges, desired, stable=True)

    return _patched(scaler.Scaler, "minute", wrong)


def _bill_from_service(self: Any, instance: Any, now: float) -> None:
    self.billed += max(now - instance.ready_at, 0.0)


def _one_at_a_time(*arguments: Any) -> Any:
    """Scale-in by one instance a decision."""
    decision, state = decisions.decide(*arguments)
    if decision is not None and decision.desired < decision.from_capacity:
        decision = replace(decision, desired=decision.from_capacity - 1)
    return decision, state


WRONG_SIMULATORS: Final[Mapping[str, Wrong]] = {
    "cooldowns are ignored": lambda: _patched(decisions.ScalerState, "cooling", lambda *_: False),
    "a cooldown begins with the decision": lambda: _patched(scaler, "completed", lambda state, _: state),
    "scale-in after 10 minutes": _alarms(3, 10),
    "scale-out after 2 minutes": _alarms(2, 15),
    "backlog per desired instance": _by_desired_count,
    "backlog without requests in process": _waiting_only,
    "wakes after 1 minute": _wake_after(1),
    "wakes after 3 minutes": _wake_after(3),
    "no policy wakes it": _settings(
        lambda settings: replace(settings, policies=tuple(one for one in settings.policies if not isinstance(one, Stepped)))
    ),
    "scales while scaling is in progress": _scaling_never_in_progress,
    "instances start at once": lambda: _without(starts=Fixed(0)),
    "instances do not die": lambda: _without(deaths=()),
    "no schedules": _settings(lambda settings: replace(settings, schedules=())),
    "schedules in UTC": _settings(
        lambda settings: replace(settings, schedules=tuple(replace(one, timezone=None) for one in settings.schedules))
    ),
    "requests do not expire": _settings(lambda settings: replace(settings, request_ttl_seconds=10**9)),
    "one request an instance": _settings(lambda settings: replace(settings, concurrency=1)),
    "metrics a minute late": lambda: _without(publication=Publication(1)),
    "billed from service instead of launch": lambda: _patched(fleet.Fleet, "_bill", _bill_from_service),
    "a death fails its requests": lambda: _patched(engine, "MAX_ATTEMPTS", 1),
    "scales in by one instance": lambda: _patched(scaler, "decide", _one_at_a_time),
}
