"""Recommended settings for a workload, with what they are to be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from async_endpoint.capacity.recommendation.alternatives import (
    GUIDE_CONCURRENCY,
    Alternative,
    guide_settings,
    real_time,
    serverless,
)
from async_endpoint.capacity.recommendation.evaluation import Evaluator, Point
from async_endpoint.capacity.recommendation.grid import Grid
from async_endpoint.capacity.recommendation.instance_options import InstanceOption, Objective
from async_endpoint.capacity.recommendation.lower_bound import least_instance_seconds
from async_endpoint.capacity.recommendation.schedules import OfficeHours
from async_endpoint.capacity.recommendation.search import Search, affordable
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.simulation import DEFAULT, Publication
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput

# Waiting times in seconds for which cheapest settings are looked for too, so that the front does not end at the objective.
_FRONT_WAITS: Final = (30.0, 120.0, 300.0, 600.0, 1_800.0)
_FRONT_SHARE: Final = 10  # of the simulations of the search, one in so many for each of them
_THINNING: Final = 0.8
_CURVE_STEPS: Final = 200_000  # of the lower bound, for each point of its curve
_BUDGET_ROUNDS: Final = 12
MOST_INSTANCES: Final = 8  # that are recommended, unless today's settings allow more


@dataclass(frozen=True)
class Recommendation:
    """`best` ranks first for the objective and `meets` says whether it meets it: settings of the module, or those of today.

    Costs are US dollars of instances a month.

    `front` has the settings looked at that no other beats in both cost and waiting time, cheapest first; `guide` the scaling of
    AWS's guide; `current` the settings of today; `bound` the lower bound for the objective: of cost, or of the waiting time in
    seconds for a budget; `curve` pairs of waiting time and least cost.
    """

    objective: Objective
    best: Point
    meets: bool
    front: tuple[Point, ...]
    guide: Point
    current: Point | None
    always_on: Alternative
    serverless: Alternative
    bound: float
    curve: tuple[tuple[float, float], ...]
    simulations: int
    grid_size: int

    @property
    def stays(self) -> bool:
        """Whether the settings of today are the best of all."""
        return self.best is self.current

    def ranks_before(self, point: Point) -> bool:
        """Whether a point is better than the best that may be recommended."""
        return self.objective.rank(point.usd, point.wait) < self.objective.rank(self.best.usd, self.best.wait)


def recommend(
    workload: Workload,
    options: Sequence[InstanceOption],
    objective: Objective,
    *,
    hours: Sequence[OfficeHours] = (),
    current: Settings | None = None,
    before: int | None = None,
    most_instances: int = MOST_INSTANCES,
    request_ttl_seconds: int = 21_600,
    usd_per_gb_second: float | None = None,
    memory_gb: int = 6,
    seed: int = 0,
    publication: Publication = DEFAULT,
) -> Recommendation:
    """Search the settings of module async-inference for the best ones; the first of `options` is the type of today.

    `most_instances` bounds max_instances: where it is less, neither the guide's 5 is recommended nor what `current` has.
    `hours` are windows in which schedules may keep instances. `usd_per_gb_second` and `memory_gb` are of a serverless endpoint.
    `before` are the instances in service when the window begins; None for the steady state of each.
    Raises InvalidInput for a workload without requests.
    """
    if not workload.arrivals:
        raise InvalidInput("The workload has no requests, so nothing can be recommended; give arrivals.")
    evaluator = Evaluator(workload, _with_todays(options, current), objective.percent, seed, publication, before)
    grid = Grid.of(options, hours, most_instances, request_ttl_seconds)
    guides = [replace(guide_settings(*machine), request_ttl_seconds=request_ttl_seconds) for machine in grid.machines]
    found = Search(grid, evaluator, objective).run()
    for wait in _FRONT_WAITS:
        most = evaluator.simulations + affordable(workload, len(grid.machines)) // _FRONT_SHARE
        Search(grid, evaluator, Objective(wait=wait, percent=objective.percent), most).run()
    for settings in guides:
        evaluator.point(settings)
    allowed = [point for point in evaluator.points if point.settings and point.settings.max_instances <= most_instances]
    today = None if current is None else evaluator.of(current, label="today's settings")
    stays = [today] if current is not None and today is not None and current.most_instances <= most_instances else []
    points = [*([found] if found else ()), *allowed, *stays]
    best = min(points, key=lambda point: objective.rank(point.usd, point.wait))  # of equal ones the search's, then the grid's
    front = thinned(pareto_front(points), best)
    wanted = GUIDE_CONCURRENCY if current is None else current.concurrency
    level = min(options[0].concurrencies, key=lambda concurrency: (abs(concurrency - wanted), concurrency))
    guide = next(
        one for one in guides if (one.instance_type, one.max_concurrent_invocations) == (options[0].instance_type, level)
    )
    return Recommendation(
        objective=objective,
        best=best,
        meets=objective.meets(best.usd, best.wait),
        front=front,
        guide=evaluator.point(guide),
        current=today,
        always_on=real_time(evaluator, evaluator.options[options[0].instance_type], objective),
        serverless=serverless(evaluator, options[0], usd_per_gb_second, memory_gb),
        bound=lower_bound(evaluator, objective),
        curve=tuple(
            (point.wait, least_usd(evaluator, point.wait, _CURVE_STEPS)) for point in front if point.wait < float("inf")
        ),
        simulations=evaluator.simulations,
        grid_size=grid.size,
    )


def _with_todays(options: Sequence[InstanceOption], current: Settings | None) -> list[InstanceOption]:
    """The options with today's concurrency among those of today's type: it is compared with, and no choice of the search."""
    return [
        replace(option, concurrencies=tuple(sorted({*option.concurrencies, current.concurrency})))
        if current is not None and option.instance_type == current.instance_type
        else option
        for option in options
    ]


def pareto_front(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no other one beats in both cost and waiting time, cheapest first; of equal ones the first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.usd, point.wait)):
        if not front or point.wait < front[-1].wait:
            front.append(point)
    return tuple(front)


def thinned(front: Sequence[Point], best: Point) -> tuple[Point, ...]:
    """The cheapest, the quickest and the best point of a front; of the others those that wait a fifth less than the last."""
    kept: list[Point] = []
    for point in front:
        if not kept or point.wait <= _THINNING * kept[-1].wait or point in (best, front[-1]):
            kept.append(point)
    return tuple(kept)


def lower_bound(evaluator: Evaluator, objective: Objective) -> float:
    """The least cost of any schedule, US dollars a month; for a budget the shortest waiting time, in seconds."""
    if objective.wait is not None:
        return least_usd(evaluator, objective.wait)
    budget = objective.budget or 0.0
    low, high = 0.0, evaluator.workload.seconds
    if least_usd(evaluator, low, _CURVE_STEPS) <= budget:
        return 0.0
    for _ in range(_BUDGET_ROUNDS):  # the bound falls as the waiting time grows: `low` stays above the budget
        middle = (low * high) ** 0.5 if low else high / 1_000
        low, high = (low, middle) if least_usd(evaluator, middle, _CURVE_STEPS) <= budget else (middle, high)
    return low


def least_usd(evaluator: Evaluator, wait: float, steps: int | None = None) -> float:
    """The lower bound of cost for a waiting time, over all instance types and concurrencies, today's included."""
    return min(
        evaluator.usd_per_month(
            least_instance_seconds(evaluator.workload, wait, evaluator.percent, option.bounded(level), steps=steps),
            option.usd_per_hour,
        )
        for option in evaluator.options.values()
        for level in option.concurrencies
    )
