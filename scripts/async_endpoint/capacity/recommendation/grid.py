"""The settings to choose from: a grid over the variables of module async-inference that decide cost and waiting time.

Each axis is a short list of values. The exhaustive search of tests/trials/recommended_settings.py takes all of them, the
search the same ones by choice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from async_endpoint.capacity.recommendation.instance_options import InstanceOption
from async_endpoint.capacity.recommendation.schedules import OfficeHours
from async_endpoint.capacity.settings import ModuleSettings

TARGETS: Final = (1, 2, 3, 5, 8, 12, 20, 40)  # backlog per instance
MAXIMA: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
MINIMA: Final = (0, 1, 2, 3, 4, 6, 8)
SCALE_IN_COOLDOWNS: Final = (0, 300, 900)  # seconds
SCALE_OUT_COOLDOWNS: Final = (0, 120, 300)
WAKE_COOLDOWNS: Final = (0, 300)
WARM: Final = (1, 2)  # instances in office hours

Choice = tuple[int, ...]  # an index into each axis


@dataclass(frozen=True)
class Warmth:
    """Instances that are kept: `minimum` at all times, or `inside` in `hours`."""

    minimum: int
    hours: OfficeHours | None = None
    inside: int = 0

    @property
    def most(self) -> int:
        return max(self.minimum, self.inside)


@dataclass(frozen=True)
class Grid:
    """Axes, and how a choice of their indices becomes settings. `machines` are (instance type, concurrency) pairs."""

    machines: tuple[tuple[str, int], ...]
    warmths: tuple[Warmth, ...]
    maxima: tuple[int, ...]
    targets: tuple[float, ...] = TARGETS
    scale_in: tuple[int, ...] = SCALE_IN_COOLDOWNS
    scale_out: tuple[int, ...] = SCALE_OUT_COOLDOWNS
    wake: tuple[int, ...] = WAKE_COOLDOWNS
    request_ttl_seconds: int = 21_600

    @classmethod
    def of(
        cls, options: Sequence[InstanceOption], hours: Sequence[OfficeHours], most: int, request_ttl_seconds: int = 21_600
    ) -> Grid:
        """All values of each axis up to `most` instances."""
        minima = [Warmth(count) for count in MINIMA if count <= most]
        scheduled = [Warmth(0, window, count) for window in hours for count in WARM if count <= most]
        return cls(
            machines=tuple((option.instance_type, level) for option in options for level in option.concurrencies),
            warmths=(*minima, *scheduled),
            maxima=tuple(sorted({*(count for count in MAXIMA if count <= most), most})),
            request_ttl_seconds=request_ttl_seconds,
        )

    @property
    def axes(self) -> tuple[Sequence[object], ...]:
        """In the order of a choice's indices."""
        return (self.machines, self.warmths, self.maxima, self.targets, self.scale_in, self.scale_out, self.wake)

    @property
    def size(self) -> int:
        """How many choices there are, those that settings() refuses included."""
        return math.prod(len(axis) for axis in self.axes)

    def settings(self, choice: Choice) -> ModuleSettings | None:
        """The settings of a choice; None where the maximum lies below the minimum, or where others are the same.

        What has no effect has its default only: the wake cooldown of an endpoint that is never without an instance, and targets
        and cooldowns of a fixed number of instances.
        """
        machine, warmth, maximum = self.machines[choice[0]], self.warmths[choice[1]], self.maxima[choice[2]]
        target, scale_in, scale_out, wake = self.defaults
        if warmth.most > maximum or (warmth.minimum and choice[6] != wake):
            return None
        if warmth.minimum == maximum and choice[3:6] != (target, scale_in, scale_out):
            return None
        return ModuleSettings(
            instance_type=machine[0],
            max_concurrent_invocations=machine[1],
            min_instances=warmth.minimum,
            max_instances=maximum,
            target_backlog_per_instance=self.targets[choice[3]],
            scale_in_cooldown_seconds=self.scale_in[choice[4]],
            scale_out_cooldown_seconds=self.scale_out[choice[5]],
            wake_cooldown_seconds=self.wake[choice[6]],
            schedules=warmth.hours.actions(warmth.inside, warmth.minimum, maximum) if warmth.hours else (),
            request_ttl_seconds=self.request_ttl_seconds,
        )

    def choices(self) -> Iterator[Choice]:
        """All choices that are settings."""
        for choice in product(*(range(len(axis)) for axis in self.axes)):
            if self.settings(choice) is not None:
                yield choice

    @property
    def defaults(self) -> tuple[int, int, int, int]:
        """Indices of the module's default target and cooldowns, the first value where an axis does not have it."""
        values = ModuleSettings()
        wanted = (
            values.target_backlog_per_instance,
            values.scale_in_cooldown_seconds,
            values.scale_out_cooldown_seconds,
            values.wake_cooldown_seconds,
        )
        axes = (self.targets, self.scale_in, self.scale_out, self.wake)
        first, second, third, fourth = (
            axis.index(value) if value in axis else 0 for axis, value in zip(axes, wanted, strict=True)
        )
        return first, second, third, fourth
