"""Settings with some of their values replaced, under the names of the variables of module async-inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import TargetTracking
from async_endpoint.capacity.recommendation.evaluation import in_steady_state
from async_endpoint.capacity.settings import ScheduledBounds, Settings, Stepped, Tracked
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.text import joined

_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True)
class Overrides:
    """None leaves a value as it is. The names are those of module async-inference; cooldowns and time to live in seconds."""

    instance_type: str | None = None
    max_concurrent_invocations: int | None = None
    min_instances: int | None = None
    max_instances: int | None = None
    initial_instances: int | None = None
    target_backlog_per_instance: float | None = None
    scale_in_cooldown_seconds: int | None = None
    scale_out_cooldown_seconds: int | None = None
    wake_cooldown_seconds: int | None = None
    request_ttl_seconds: int | None = None

    def as_text(self) -> str:
        """What is replaced, for reports; empty if nothing is."""
        given = ((one.name, getattr(self, one.name)) for one in fields(self))
        return ", ".join(f"{name} {value}" for name, value in given if value is not None)

    def scheduled(self, settings: Settings) -> list[str]:
        """The scheduled actions that set a minimum or a maximum which is replaced."""
        return [
            action.name
            for action in settings.schedules
            if (self.min_instances is not None and action.minimum is not None)
            or (self.max_instances is not None and action.maximum is not None)
        ]


def overridden(settings: Settings, overrides: Overrides) -> Settings:
    """`settings` with `overrides`: of bounds in scheduled actions too, since the first one would undo them otherwise.

    The target and its cooldowns are those of the policies that track the backlog per instance, the wake cooldown is that of the
    step policies on HasBacklogWithoutCapacity. Raises InvalidInput for a policy that there is not, and for impossible bounds,
    also those of a scheduled action.
    """
    low, high = overrides.min_instances, overrides.max_instances
    bounds = Bounds(
        settings.bounds.minimum if low is None else low,
        max(settings.bounds.maximum, low or 0) if high is None else high,
    )
    initial = settings.initial if overrides.initial_instances is None else overrides.initial_instances
    ttl = settings.request_ttl_seconds if overrides.request_ttl_seconds is None else overrides.request_ttl_seconds
    return replace(
        settings,
        instance_type=overrides.instance_type or settings.instance_type,
        concurrency=overrides.max_concurrent_invocations or settings.concurrency,
        bounds=bounds,
        initial=bounds.clamp(initial),
        policies=tuple(_policies(settings, overrides)),
        schedules=tuple(_scheduled(action, low, high) for action in settings.schedules),
        request_ttl_seconds=ttl,
    )


def overridden_in_steady_state(settings: Settings, overrides: Overrides, start: float) -> Settings:
    """`settings` with `overrides`, in the state in which they are at `start` after a long idle time.

    Instances in service are `initial_instances` if that is given, as far as the bounds of that moment allow.
    """
    steady = in_steady_state(overridden(settings, overrides), start)
    if overrides.initial_instances is None:
        return steady
    return replace(steady, initial=steady.bounds.clamp(overrides.initial_instances))


def _scheduled(action: ScheduledBounds, low: int | None, high: int | None) -> ScheduledBounds:
    """The action with other bounds, of those that it sets. A maximum that is not given makes room for a minimum that is."""
    minimum = action.minimum if low is None or action.minimum is None else low
    maximum = action.maximum if high is None or action.maximum is None else high
    if high is None and low is not None and maximum is not None:
        maximum = max(maximum, low)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise InvalidInput(
            f"With max_instances {maximum}, scheduled action {action.name} would set a minimum of {minimum}, and fail; give "
            "min_instances as well."
        )
    return replace(action, minimum=minimum, maximum=maximum)


def _policies(settings: Settings, overrides: Overrides) -> Iterator[Tracked | Stepped]:
    retargeted = rewoken = False
    for one in settings.policies:
        if isinstance(one, Tracked) and one.metric == m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name:
            retargeted = True
            yield Tracked(_tracking(one.policy, overrides))
        elif isinstance(one, Stepped) and one.metric == m.HAS_BACKLOG_WITHOUT_CAPACITY.name:
            rewoken = True
            yield replace(one, policy=replace(one.policy, cooldown=_or(overrides.wake_cooldown_seconds, one.policy.cooldown)))
        else:
            yield one
    if not retargeted and _tracking_names(overrides):
        names = joined(_tracking_names(overrides))
        raise InvalidInput(f"The endpoint has no target tracking policy on its backlog per instance; leave {names} out.")
    if not rewoken and overrides.wake_cooldown_seconds is not None:
        raise InvalidInput("The endpoint has no policy that wakes it from zero; leave wake_cooldown_seconds out.")


def _tracking(policy: TargetTracking, overrides: Overrides) -> TargetTracking:
    return replace(
        policy,
        target=_or(overrides.target_backlog_per_instance, policy.target),
        scale_in_cooldown=_or(overrides.scale_in_cooldown_seconds, policy.scale_in_cooldown),
        scale_out_cooldown=_or(overrides.scale_out_cooldown_seconds, policy.scale_out_cooldown),
    )


def _tracking_names(overrides: Overrides) -> list[str]:
    """The overrides that are of target tracking."""
    names = ("target_backlog_per_instance", "scale_in_cooldown_seconds", "scale_out_cooldown_seconds")
    return [name for name in names if getattr(overrides, name) is not None]


def _or(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value
