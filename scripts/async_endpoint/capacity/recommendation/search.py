"""The search for settings: descents along the axes of a grid from several beginnings, then along pairs of axes from the best.

Deterministic: no clock and no random numbers. Its size is a number of simulations, smaller for larger workloads; beginnings
take a third of them at most, so that there is a descent in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import Final

from async_endpoint.capacity.recommendation.evaluation import Evaluator, Point
from async_endpoint.capacity.recommendation.grid import Choice, Grid
from async_endpoint.capacity.recommendation.instance_options import Objective
from async_endpoint.capacity.workload import Workload

Rank = tuple[float, float, float]

_DESCENTS: Final = 6  # from the best beginnings
_BEST: Final = 2  # descents that are continued along pairs
_PAIRED: Final = tuple(combinations(range(7), 2))  # of axes
_STEPS: Final = 12_000_000  # of simulation: requests and minutes of all simulations together
_FEWEST, _MOST = 60, 1_000
_BEGINNINGS: Final = 3  # one in so many simulations


class Search:
    """Least rank of an objective over a grid; every setting that was looked at stays in the evaluator."""

    def __init__(self, grid: Grid, evaluator: Evaluator, objective: Objective, most: int | None = None) -> None:
        self._grid = grid
        self._evaluator = evaluator
        self._objective = objective
        self._last = affordable(evaluator.workload, len(grid.machines)) if most is None else most
        self._most = self._last
        self._ranks: dict[Choice, Rank | None] = {}

    def run(self) -> Point | None:
        """The best settings found; None if no choice of the grid is valid."""
        done = self._evaluator.simulations
        self._most = done + (self._last - done) // _BEGINNINGS
        beginnings = sorted(self._beginnings(), key=self._order)[:_DESCENTS]
        self._most = self._last
        ends = {end for begin in beginnings if (end := self._descend(begin)) is not None}
        for end in sorted(ends, key=self._order)[:_BEST]:
            self._descend_in_pairs(end)
        known = [choice for choice, rank in self._ranks.items() if rank is not None]
        if not known:
            return None
        settings = self._grid.settings(self._plainest(min(known, key=self._order)))
        return None if settings is None else self._evaluator.point(settings)

    def _beginnings(self) -> Iterator[Choice]:
        """Every way to keep instances, at the defaults and the largest maximum, for each machine in turn."""
        grid = self._grid
        for warmth, machine in product(range(len(grid.warmths)), range(len(grid.machines))):
            yield (machine, warmth, len(grid.maxima) - 1, *grid.defaults)

    def _rank(self, choice: Choice) -> Rank | None:
        """None for what is no setting, or not affordable any more."""
        if choice not in self._ranks:
            settings = self._grid.settings(choice)
            point = None if settings is None else self._evaluator.known(settings)
            if settings is not None and point is None:
                if self._evaluator.simulations >= self._most:
                    return None
                point = self._evaluator.point(settings)
            self._ranks[choice] = None if point is None else self._objective.rank(point.usd, point.wait)
        return self._ranks[choice]

    def _order(self, choice: Choice) -> tuple[Rank, Choice]:
        rank = self._rank(choice)
        return (float("inf"),) * 3 if rank is None else rank, choice

    def _best_of(self, choices: Iterable[Choice], best: Choice) -> Choice:
        for choice in choices:
            rank, least = self._rank(choice), self._rank(best)
            if rank is not None and (least is None or rank < least):
                best = choice
        return best

    def _descend(self, choice: Choice) -> Choice | None:
        """Improve one axis at a time until none improves."""
        if self._rank(choice) is None:
            return None
        while True:
            before = choice
            for axis in range(1, len(choice)):
                choice = self._best_of(self._along(choice, axis), choice)
            if choice == before:
                return choice

    def _descend_in_pairs(self, choice: Choice) -> Choice:
        while True:
            before = choice
            for first, second in _PAIRED:
                choice = self._best_of(self._around(choice, first, second), choice)
            if choice == before:
                return choice

    def _along(self, choice: Choice, axis: int) -> Iterator[Choice]:
        for value in range(len(self._grid.axes[axis])):
            yield (*choice[:axis], value, *choice[axis + 1 :])

    def _around(self, choice: Choice, first: int, second: int) -> Iterator[Choice]:
        """All values of the first axis with all of the second."""
        for moved in self._along(choice, first):
            yield from self._along(moved, second)

    def _plainest(self, choice: Choice) -> Choice:
        """The same rank with as many of the module's defaults as possible, and the largest maximum: room that costs nothing."""
        rank = self._rank(choice)
        plainer = [(axis, default) for axis, default in enumerate(self._grid.defaults, start=3)]
        larger = [(2, maximum) for maximum in range(choice[2] + 1, len(self._grid.maxima))]
        for axis, value in (*plainer, *larger):
            other = (*choice[:axis], value, *choice[axis + 1 :])
            if self._rank(other) == rank:
                choice = other
        return choice


def affordable(workload: Workload, machines: int = 1) -> int:
    """The most simulations of a search: fewer of a workload with more requests and minutes, enough to look at each machine."""
    steps = len(workload) + workload.seconds / 60
    return int(min(max(_STEPS / max(steps, 1), _FEWEST, _BEGINNINGS * machines), max(_MOST, _BEGINNINGS * machines)))
