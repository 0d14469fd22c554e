"""Recommended settings: found as well as by trying everything, and compared fairly."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.distributions import Fixed, Uniform
from async_endpoint.capacity.recommendation import InstanceOption, Objective, affordable, office_hours, recommend
from async_endpoint.capacity.recommendation.alternatives import guide_settings, real_time, serverless
from async_endpoint.capacity.recommendation.evaluation import Evaluator, in_steady_state
from async_endpoint.capacity.recommendation.grid import Grid
from async_endpoint.capacity.recommendation.recommendation import pareto_front
from async_endpoint.capacity.recommendation.report import as_dict
from async_endpoint.capacity.recommendation.schedules import OfficeHours
from async_endpoint.capacity.recommendation.search import Search
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds, Settings, Stepped
from async_endpoint.capacity.simulation import Publication, simulate
from async_endpoint.capacity.slowdown import Slowdown
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput
from support.traces import MONDAY, of_hours

OPTION = InstanceOption("ml.m5.xlarge", 0.23, Fixed(240), concurrencies=(2,))

OFFICE = of_hours([0] * 8 + [40] * 10 + [0] * 6, 1, seconds=60)
TRICKLE = of_hours([2] * 24, 1)
MORNING = Workload.of([MONDAY + 600 * number for number in range(24)], Uniform(5, 40), MONDAY, MONDAY + 4 * 3_600)
BURSTS = of_hours([0, 120, 0, 0, 0, 0] * 4, 1, seconds=60)


def small_grid(hours: tuple[OfficeHours, ...]) -> Grid:
    return replace(Grid.of([OPTION], hours, 3), targets=(1, 5, 20), scale_in=(300,), scale_out=(0, 300), wake=(300,))


@pytest.mark.parametrize(
    ("requests", "objective"),
    [
        pytest.param(OFFICE, Objective(wait=90), id="office-90s"),
        pytest.param(OFFICE, Objective(budget=60), id="office-60usd"),
        pytest.param(TRICKLE, Objective(wait=450), id="trickle-450s"),
        pytest.param(BURSTS, Objective(wait=600), id="bursts-600s"),
    ],
)
def test_the_search_finds_what_trying_everything_finds(requests: Workload, objective: Objective) -> None:
    grid = small_grid(office_hours(requests))
    exhaustive = Evaluator(requests, [OPTION], 95)
    everything = [exhaustive.point(settings) for choice in grid.choices() if (settings := grid.settings(choice))]
    best = min(everything, key=lambda point: objective.rank(point.usd, point.wait))

    evaluator = Evaluator(requests, [OPTION], 95)
    found = Search(grid, evaluator, objective).run()

    assert found is not None
    assert objective.meets(found.usd, found.wait) == objective.meets(best.usd, best.wait)
    if objective.wait is not None:
        assert found.usd <= 1.02 * best.usd
    else:
        assert found.wait <= 1.02 * best.wait + 1
    assert evaluator.simulations < exhaustive.simulations or exhaustive.simulations < 100


def test_room_that_costs_nothing_is_recommended_too() -> None:
    """One instance is enough for the trace: more of them are allowed, since none of them ran."""
    result = recommend(MORNING, [OPTION], Objective(wait=300), most_instances=4)
    assert result.best.settings is not None
    assert (result.best.peak, result.best.settings.max_instances) == (1, 4)
    assert result.best.settings.scale_in_cooldown_seconds == ModuleSettings().scale_in_cooldown_seconds


def test_settings_that_were_not_simulated_are_what_they_stand_for() -> None:
    """A maximum that is not reached: the same point as a simulation of its own."""
    evaluator = Evaluator(OFFICE, [OPTION], 95)
    for maximum in (1, 8, 3, 4, 7):
        settings = ModuleSettings(max_concurrent_invocations=2, max_instances=maximum, target_backlog_per_instance=3)
        alone = Evaluator(OFFICE, [OPTION], 95).point(settings)
        assert evaluator.point(settings) == alone
    assert evaluator.simulations < 5


def test_a_recommendation_is_complete_and_never_worse_than_the_guides_settings() -> None:
    objective = Objective(wait=300)
    current = ModuleSettings().settings()
    result = recommend(MORNING, [OPTION], objective, usd_per_gb_second=0.00002, current=current, most_instances=2)
    assert result.meets and result.best.wait <= 300 and result.best.settings is not None
    assert objective.rank(result.best.usd, result.best.wait) <= objective.rank(result.guide.usd, result.guide.wait)
    assert 0 < result.bound <= result.best.usd
    assert result.best in result.front
    assert all(usd <= next(point.usd for point in result.front if point.wait == wait) for wait, usd in result.curve)
    assert result.current is not None and result.current.settings is None
    assert result == recommend(MORNING, [OPTION], objective, usd_per_gb_second=0.00002, current=current, most_instances=2)


def test_a_target_that_cannot_be_met_gets_the_nearest_settings() -> None:
    slow = InstanceOption("ml.m5.xlarge", 0.23, Fixed(240), Slowdown((), 60), (1,))
    result = recommend(MORNING, [slow], Objective(wait=1), most_instances=1)
    assert not result.meets
    assert result.best.wait > 1


def test_a_faster_type_is_chosen_where_it_is_cheaper_for_the_target() -> None:
    slow = InstanceOption("ml.m5.xlarge", 0.23, Fixed(240), Slowdown((), 40.0), (1,))
    fast = InstanceOption("ml.m5.2xlarge", 0.461, Fixed(240), Slowdown((), 1.0), (1,))
    result = recommend(MORNING, [slow, fast], Objective(wait=600), most_instances=2)
    assert result.best.settings is not None
    assert result.best.settings.instance_type == "ml.m5.2xlarge"


def test_windows_of_the_day_are_found() -> None:
    assert office_hours(OFFICE) and all(8 <= window.first < window.last <= 18 for window in office_hours(OFFICE))
    assert OfficeHours(8, 18, weekdays=False) in office_hours(OFFICE)
    weekly = of_hours([0] * 8 + [20] * 10 + [0] * 6, 7, weekend=0.02)
    assert all(window.weekdays for window in office_hours(weekly))
    assert office_hours(TRICKLE) == ()
    assert office_hours(OFFICE.stretched(3_600)) == ()
    berlin = office_hours(OFFICE, "Europe/Berlin")
    assert OfficeHours(9, 19, weekdays=False, timezone="Europe/Berlin") in berlin


def test_a_window_that_ends_at_midnight_closes_on_the_next_day() -> None:
    closing, opening = OfficeHours(18, 24, weekdays=True).actions(1, 0, 4)
    assert (closing.schedule, closing.minimum) == ("cron(0 0 ? * TUE-SAT *)", 0)
    assert (opening.schedule, opening.minimum, opening.maximum) == ("cron(0 18 ? * MON-FRI *)", 1, 4)


@pytest.mark.parametrize(("hour", "minimum"), [(3, 0), (8, 1), (12, 1), (18, 0), (23, 0)])
def test_the_state_before_the_first_request_follows_the_schedules(hour: int, minimum: int) -> None:
    settings = ModuleSettings(schedules=OfficeHours(8, 18, weekdays=False).actions(1, 0, 2), initial_instances=2).settings()
    steady = in_steady_state(settings, MONDAY + hour * 3_600)
    assert (steady.bounds, steady.initial) == (Bounds(minimum, 2), minimum)


NOVEMBER_20: Final = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedules", "minimum"),
    [
        pytest.param([("m", "cron(0 0 1 * ? *)", 2)], 2, id="monthly"),
        pytest.param([("y", "cron(0 0 1 1 ? *)", 2)], 2, id="yearly"),
        pytest.param([("once", "at(2026-03-01T00:00:00)", 2)], 2, id="once"),
        pytest.param([("m", "cron(0 0 1 * ? *)", 2), ("w", "cron(0 0 ? * MON *)", 1)], 1, id="the later one"),
        pytest.param([("each", "cron(* * * * ? *)", 1), ("m", "cron(0 0 20 * ? *)", 2)], 1, id="every minute"),
        pytest.param([("each", "cron(* 8-9 1-5 * ? *)", 1), ("m", "cron(58 9 5 * ? *)", 2)], 1, id="every minute of some days"),
        pytest.param([("m", "cron(0 0 21 12 ? *)", 2), ("next", "at(2026-11-21T00:00:00)", 1)], 2, id="not yet"),
    ],
)
def test_rare_schedules_count_in_the_state_before_the_first_request(
    schedules: list[tuple[str, str, int]], minimum: int
) -> None:
    actions = tuple(ScheduledBounds(name, schedule, None, low, 4) for name, schedule, low in schedules)
    began = time.process_time()
    assert in_steady_state(ModuleSettings(schedules=actions).settings(), NOVEMBER_20).bounds == Bounds(minimum, 4)
    assert time.process_time() - began < 1, "a year is not stepped through"


def test_a_month_is_the_window_repeated() -> None:
    evaluator = Evaluator(OFFICE, [OPTION], 95)
    always = evaluator.point(ModuleSettings(max_concurrent_invocations=2, min_instances=1, max_instances=1))
    assert always.usd == pytest.approx(730 * 0.23)


def test_always_on_is_the_fewest_instances_that_keep_the_waiting_time() -> None:
    evaluator = Evaluator(BURSTS, [OPTION], 95)
    found = real_time(evaluator, OPTION, Objective(wait=30))
    count = int(found.what.split()[0])
    waits = [
        simulate(Settings("ml.m5.xlarge", 2, Bounds(n, n), n), BURSTS, starts=Fixed(240)).wait(95) for n in (count - 1, count)
    ]
    assert waits[0] > 30 >= waits[1] == found.wait
    assert found.usd == pytest.approx(count * 0.23 * 730)


def test_comparisons_take_as_many_requests_at_a_time_as_suits_them() -> None:
    """The guide's scaling has today's concurrency, or its own 4; always on has the number that is cheapest."""
    option = replace(OPTION, slowdown=Slowdown.of({1: 1, 4: 1.2}), concurrencies=(1, 4))
    result = recommend(MORNING, [option], Objective(wait=300), most_instances=2)
    assert result.guide.settings is not None and result.guide.settings.max_concurrent_invocations == 4
    today = ModuleSettings(max_concurrent_invocations=1).settings()
    result = recommend(MORNING, [option], Objective(wait=300), most_instances=2, current=today)
    assert result.guide.settings is not None and result.guide.settings.max_concurrent_invocations == 1
    busy = Evaluator(of_hours([300] * 2 + [0] * 22, 1, seconds=30), [option], 95)
    one, four = (real_time(busy, replace(option, concurrencies=(level,)), Objective(wait=30)) for level in (1, 4))
    assert real_time(busy, option, Objective(wait=30)) == four != one


def alert(settings: Settings) -> Settings:
    """The settings with a waking alarm of one minute instead of two, which module async-inference does not have."""
    policies = (
        replace(one, alarm=replace(one.alarm, evaluation_periods=1, datapoints_to_alarm=1)) if isinstance(one, Stepped) else one
        for one in settings.policies
    )
    return replace(settings, policies=tuple(policies))


def test_settings_of_today_that_are_better_than_all_others_stay() -> None:
    today = alert(ModuleSettings(max_concurrent_invocations=2).settings())
    alone = recommend(TRICKLE, [OPTION], Objective(wait=330), most_instances=2)
    result = recommend(TRICKLE, [OPTION], Objective(wait=330), most_instances=2, current=today)
    assert result.current is not None and result.current.usd < 0.9 * alone.best.usd
    assert result.stays and result.meets and result.best == result.current
    assert result.best in result.front
    assert (as_dict(result)["keep_current"], as_dict(result)["block"]) == (True, "")
    small = recommend(TRICKLE, [OPTION], Objective(wait=330), most_instances=1, current=today)
    assert not small.stays and small.ranks_before(small.current), "more instances than are to be recommended"


def test_worse_settings_of_today_and_equal_ones_do_not_stay() -> None:
    for maximum in (1, 2):
        today = ModuleSettings(max_concurrent_invocations=2, max_instances=maximum, target_backlog_per_instance=40).settings()
        result = recommend(MORNING, [OPTION], Objective(wait=300), most_instances=2, current=today)
        assert not result.stays and result.best.settings is not None


def test_the_bound_and_real_time_count_the_concurrency_of_today() -> None:
    """52 at once are served by one instance in 152 s, and take longer with the two at a time that are to choose from."""
    requests = Workload(array("d", [MONDAY + 60] * 52), array("d", [100, 100] + [1] * 50), MONDAY, MONDAY + 86_400)
    option = InstanceOption("ml.m5.large", 0.1, Fixed(100), Slowdown.of({1: 1, 2: 1, 52: 1}), (1, 2))
    today = ModuleSettings(instance_type="ml.m5.large", max_concurrent_invocations=52, min_instances=1, max_instances=1)
    other = recommend(requests, [option], Objective(wait=0), most_instances=1)
    result = recommend(requests, [option], Objective(wait=0), most_instances=1, current=today.settings())
    assert result.current is not None and result.current.wait == 0
    assert result.bound <= result.current.usd
    assert result.bound < other.bound
    assert not result.always_on.obstacles or "take longer" in result.always_on.obstacles[0]
    assert (result.always_on.what, other.always_on.what) == ("1 × ml.m5.large, always on", "25 × ml.m5.large, always on")


def test_a_search_with_few_simulations_is_still_a_search() -> None:
    """As of hundreds of thousands of requests: beginnings, of which there are more than simulations, leave some to descend."""
    levels = (1, 2, 4, 8)
    types = [
        InstanceOption(f"ml.m5.{size}", price, Fixed(240), Slowdown.of({level: level**0.5 for level in levels}, factor), levels)
        for size, price, factor in (("large", 0.115, 2.0), ("xlarge", 0.23, 1.0))
    ]
    grid, objective = Grid.of(types, (), 8), Objective(wait=600)
    assert len(grid.warmths) * len(grid.machines) > 50
    few, more = Evaluator(BURSTS, types, 95), Evaluator(BURSTS, types, 95)
    found, best = Search(grid, few, objective, 60).run(), Search(grid, more, objective, 400).run()
    assert few.simulations <= 60 < more.simulations
    assert found is not None and best is not None and objective.meets(found.usd, found.wait)
    assert found.usd <= 1.1 * best.usd
    assert affordable(Workload.of([MONDAY] * 300_000, Fixed(1), MONDAY, MONDAY + 60), 40) == 120


def test_what_is_known_already_needs_no_simulation() -> None:
    """A search without a simulation left still ranks what others looked at."""
    evaluator, grid = Evaluator(OFFICE, [OPTION], 95), small_grid(())
    Search(grid, evaluator, Objective(wait=90)).run()
    done = evaluator.simulations
    cheapest = min(point.usd for point in evaluator.points if point.wait <= 1_200)
    found = Search(grid, evaluator, Objective(wait=1_200), done).run()
    assert evaluator.simulations == done
    assert found is not None and found.usd == cheapest


def test_alarms_that_see_metrics_later_wake_later() -> None:
    waits = [
        Evaluator(MORNING, [OPTION], 95, publication=Publication(minutes)).of(ModuleSettings().settings()).wait
        for minutes in (0, 1)
    ]
    assert waits[1] - waits[0] == pytest.approx(60)


def test_alternatives_say_why_they_cannot_serve() -> None:
    long = Workload(array("d", [0, 10]), array("d", [5, 61]), 0, 100)
    evaluator = Evaluator(long, [replace(OPTION, instance_type="ml.g5.xlarge")], 95)
    option = evaluator.options["ml.g5.xlarge"]
    assert real_time(evaluator, option, Objective(wait=30)).obstacles == ("1 of 2 requests take longer than 60 s",)
    obstacles = serverless(evaluator, option, None, memory_gb=8).obstacles
    assert [word in " ".join(obstacles) for word in ("longer than 60 s", "8 GB", "accelerator")] == [True] * 3


def test_serverless_is_billed_for_service_and_waits_for_cold_starts() -> None:
    """Two at once start two instances; ten seconds later one is warm; after the idle time it is not."""
    requests = Workload(array("d", [0, 0, 30, 2_000]), array("d", [10, 10, 10, 10]), 0, 3_600)
    evaluator = Evaluator(requests, [OPTION], 100)
    found = serverless(evaluator, replace(OPTION, starts=Fixed(15)), 0.00002, memory_gb=4)
    assert found.wait == 15 and not found.obstacles
    assert found.usd == pytest.approx(40 * 4 * 0.00002 * 730)
    assert serverless(Evaluator(requests, [OPTION], 50), replace(OPTION, starts=Fixed(15)), None).wait == 15
    assert serverless(Evaluator(requests, [OPTION], 25), replace(OPTION, starts=Fixed(15)), None).wait == 0


def test_a_front_has_no_point_that_another_beats() -> None:
    evaluator = Evaluator(TRICKLE, [OPTION], 95)
    for target in (1, 5, 20):
        for minimum in (0, 1):
            evaluator.point(
                ModuleSettings(max_concurrent_invocations=2, min_instances=minimum, target_backlog_per_instance=target)
            )
    front = pareto_front(evaluator.points)
    assert all(left.usd < right.usd and left.wait > right.wait for left, right in pairwise(front))
    assert all(any(one.usd <= other.usd and one.wait <= other.wait for one in front) for other in evaluator.points)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Objective, "one objective"),
        (lambda: Objective(wait=3, budget=4), "one objective"),
        (lambda: Objective(wait=-1), "waiting time of a recommendation is -1"),
        (lambda: Objective(budget=float("nan")), "budget of a recommendation is nan"),
        (lambda: Objective(wait=1, percent=0), "percentile of the waiting time is 0"),
        (lambda: replace(OPTION, usd_per_hour=0), "price of ml.m5.xlarge is 0"),
        (lambda: replace(OPTION, concurrencies=()), "concurrencies of ml.m5.xlarge"),
        (lambda: recommend(Workload(array("d"), array("d"), 0, 60), [OPTION], Objective(wait=1)), "no requests"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        make()


def test_start_times_that_vary_are_drawn_alike_for_all_settings() -> None:
    option = replace(OPTION, starts=Uniform(60, 400))
    first, second = (Evaluator(OFFICE, [option], 95, seed=4).point(guide_settings("ml.m5.xlarge", 2)) for _ in range(2))
    assert first == second != Evaluator(OFFICE, [option], 95, seed=5).point(guide_settings("ml.m5.xlarge", 2))
