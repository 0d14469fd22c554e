"""What a thousand requests cost, as more and more have been done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bench.program import Program


@dataclass(frozen=True)
class Point:
    done: float
    cpu: float
    wall: float
    megabytes: float


@dataclass
class Curve:
    """Samples of a program while it does one kind of work. The first sample is its start."""

    program: Program
    points: list[Point] = field(default_factory=list)

    def sample(self, done: int) -> None:
        self.points.append(Point(done, self.program.cpu, time.monotonic(), self.program.megabytes))

    def at(self, done: float) -> Point:
        """Between two samples, as on a straight line."""
        later = next(number for number, point in enumerate(self.points) if point.done >= done)
        after, before = self.points[later], self.points[max(later - 1, 0)]
        part = (done - before.done) / (after.done - before.done) if after.done > before.done else 1.0

        def between(low: float, high: float) -> float:
            return low + (high - low) * part

        return Point(
            done,
            between(before.cpu, after.cpu),
            between(before.wall, after.wall),
            between(before.megabytes, after.megabytes),
        )

    def cost(self, first: float, last: float) -> tuple[float, float]:
        """CPU and wall milliseconds a request, of those numbered `first` to `last`."""
        start, end = self.at(first), self.at(last)
        return (end.cpu - start.cpu) / (last - first) * 1e3, (end.wall - start.wall) / (last - first) * 1e3
