"""How much longer a request takes with others on the same instance."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Slowdown:
    """Service time by concurrency, as factors of that of a request alone on an instance of the measured type.

    `points` are (concurrency, factor) pairs in ascending order, such as those of a profile. Between two points the factor is
    interpolated, beyond the last one extrapolated in proportion to the concurrency (a saturated instance shares its time);
    concurrency 1 has factor 1 unless given. `instance_factor` is that of the instance type.
    """

    points: tuple[tuple[int, float], ...] = ()
    instance_factor: float = 1.0

    def __post_init__(self) -> None:
        if any(concurrency < 1 or factor <= 0 for concurrency, factor in self.points) or self.instance_factor <= 0:
            raise InvalidInput("A slowdown has a concurrency below 1, or a factor that is not above zero; correct the profile.")
        if [concurrency for concurrency, _ in self.points] != sorted({concurrency for concurrency, _ in self.points}):
            raise InvalidInput("The concurrencies of a slowdown are not in ascending order; sort them, and give each once.")

    @classmethod
    def of(cls, factors: Mapping[int, float], instance_factor: float = 1.0) -> Slowdown:
        """From factors by concurrency, in any order."""
        return cls(tuple(sorted(factors.items())), instance_factor)

    def factor(self, concurrency: int) -> float:
        """The factor with `concurrency` requests in process on an instance, the one in question included."""
        points = self.points if self.points and self.points[0][0] == 1 else ((1, 1.0), *self.points)
        index = bisect_left(points, concurrency, key=lambda point: point[0])
        if index == len(points):
            known, factor = points[-1]
            grows = len(points) > 1
            return self.instance_factor * factor * (concurrency / known if grows else 1.0)
        after, high = points[index]
        if after == concurrency:
            return self.instance_factor * high
        before, low = points[index - 1]
        return self.instance_factor * (low + (high - low) * (concurrency - before) / (after - before))


NONE: Final = Slowdown()
