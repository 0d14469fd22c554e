"""The lower bound: hand-solved cases, and never above a simulated outcome that has the waiting time."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.distributions import Distribution, Fixed, Uniform
from async_endpoint.capacity.recommendation.lower_bound import BoundedInstance, least_instance_seconds
from async_endpoint.capacity.settings import ModuleSettings, Settings
from async_endpoint.capacity.simulation import simulate
from async_endpoint.capacity.slowdown import Slowdown
from async_endpoint.capacity.workload import Workload

START = 200  # seconds that an instance takes to start
ONE = BoundedInstance(START, 1)


def workload(arrivals: Sequence[float], service: Sequence[float] | float, end: float = 10_000) -> Workload:
    seconds = [service] * len(arrivals) if isinstance(service, int | float) else service
    return Workload(array("d", arrivals), array("d", seconds), 0, end)


@pytest.mark.parametrize(
    ("arrivals", "service", "wait", "percent", "instance", "warm", "seconds"),
    [
        # One request: a launch and its service.
        pytest.param([100], 10, 60, 95, ONE, False, START + 10, id="one"),
        # Up from the window's start: 100 s until the request, and its service; cheaper than a launch.
        pytest.param([100], 10, 60, 95, ONE, True, 110, id="warm"),
        pytest.param([1_000], 10, 60, 95, ONE, True, START + 10, id="warm-too-long"),
        # The second waits for the first, or the first for the second: one launch, two services.
        pytest.param([100, 150], 10, 60, 100, ONE, False, START + 20, id="together"),
        # 300 is 140 s after the latest start of the first: staying up is cheaper than another launch.
        pytest.param([100, 300], 10, 60, 100, ONE, False, START + 140 + 10, id="stays-up"),
        # An instance from 300 on serves the first at its latest moment, and the second when it comes: less than two launches.
        pytest.param([100, 400], 10, 200, 100, ONE, False, START + 110, id="late-for-the-next"),
        pytest.param([100, 1_000], 10, 60, 100, ONE, False, 2 * (START + 10), id="two-launches"),
        # 20 requests, of which one may be late: the one that needs a launch of its own.
        pytest.param([100] * 19 + [5_000], 1, 60, 95, ONE, False, START + 19, id="one-dropped"),
        pytest.param([100] * 19 + [5_000], 1, 60, 100, ONE, False, 2 * START + 20, id="none-dropped"),
        # One a second that takes two: the time of the work, where an hour's wait lets one instance do it.
        pytest.param(list(range(1_000)), 2, 3_600, 100, ONE, False, START + 2_000, id="work"),
        pytest.param(list(range(1_000)), 2, 0, 100, BoundedInstance(START, 2), False, START + 1_001, id="two-at-a-time"),
        pytest.param([100, 100], 30, 60, 100, BoundedInstance(START, 2, Slowdown((), 2)), False, START + 60, id="slow-type"),
        pytest.param([], 1, 60, 95, ONE, False, 0, id="none"),
    ],
)
def test_it_is_tight_on_cases_solved_by_hand(
    arrivals: list[float], service: float, wait: float, percent: float, instance: BoundedInstance, warm: bool, seconds: float
) -> None:
    assert least_instance_seconds(workload(arrivals, service), wait, percent, instance, warm=warm) == pytest.approx(seconds)


def random_case(generator: random.Random) -> tuple[Settings, Workload, Distribution, Slowdown]:
    """Few requests in clusters, on settings that scale in all directions."""
    end = generator.choice([1_800, 7_200, 40_000])
    centres = [generator.uniform(0, end) for _ in range(generator.randint(1, 6))]
    spread = generator.choice([5, 60, 600])
    times = sorted(
        min(max(generator.gauss(generator.choice(centres), spread), 0), end) for _ in range(generator.randint(1, 60))
    )
    service = [generator.choice([0.5, 5, 40, generator.uniform(0, 200)]) for _ in times]
    start_times: list[Distribution] = [Fixed(0), Fixed(30), Fixed(240), Uniform(60, 300)]
    slowdown = Slowdown.of({1: 1, 3: generator.choice([0.8, 1, 1.7])}, generator.choice([0.5, 1, 2]))
    lowest = generator.choice([0, 0, 1, 2])
    module = ModuleSettings(
        max_concurrent_invocations=generator.randint(1, 4),
        min_instances=lowest,
        max_instances=lowest + generator.randint(1, 4),
        target_backlog_per_instance=generator.choice([1, 2, 5, 20]),
        scale_in_cooldown_seconds=generator.choice([0, 300]),
        scale_out_cooldown_seconds=generator.choice([0, 300]),
        wake_cooldown_seconds=generator.choice([0, 300]),
        request_ttl_seconds=generator.choice([300, 21_600]),
        initial_instances=generator.choice([0, lowest, 1]),
    )
    return module.settings(), workload(times, service, end), generator.choice(start_times), slowdown


def test_no_simulated_outcome_is_cheaper() -> None:
    generator = random.Random(17)
    ratios = []
    for number in range(400):
        settings, requests, starts, slowdown = random_case(generator)
        outcome = simulate(settings, requests, starts=starts, slowdown=slowdown, seed=number)
        percent = generator.choice([50, 90, 95, 100])
        wait = outcome.wait(percent)
        if wait == float("inf"):
            continue
        instance = BoundedInstance(starts.quantile(0), settings.concurrency, slowdown)
        bound = least_instance_seconds(requests, wait, percent, instance, warm=settings.initial > 0)
        assert bound <= outcome.instance_seconds + 1e-6, (number, settings, wait)
        ratios.append(bound / outcome.instance_seconds)
    assert len(ratios) > 300
    assert max(ratios) > 0.7  # close to an outcome somewhere: not only low enough


def test_no_fixed_fleet_is_cheaper_at_its_own_waiting_time() -> None:
    """Instances that are up all the time, of which the work alone may be nearly all."""
    times, end = [float(second) for second in range(0, 3_600, 2)], 3_600
    requests = workload(times, 3.9, end)
    outcome = simulate(Settings("ml.m5.large", 1, Bounds(2, 2), 2), requests, starts=Fixed(START))
    bound = least_instance_seconds(requests, outcome.wait(100), 100, ONE)
    assert 0.95 * outcome.instance_seconds < bound <= outcome.instance_seconds


def test_the_rate_of_requests_that_began_alone_is_counted() -> None:
    """The first of two requests runs at the speed of one to its end: 1 + 1/2, not 2/2, seconds of service a second."""
    assert BoundedInstance(0, 2, Slowdown.of({1: 1, 2: 2})).rate == pytest.approx(1.5)
    assert BoundedInstance(0, 2, Slowdown.of({1: 2, 2: 1})).rate == pytest.approx(2)


def test_it_falls_with_the_waiting_time_and_rises_with_the_percentile() -> None:
    generator = random.Random(3)
    times = sorted(generator.uniform(0, 50_000) for _ in range(200))
    requests = workload(times, [generator.uniform(1, 60) for _ in times], 50_000)
    by_wait = [least_instance_seconds(requests, wait, 100, ONE) for wait in (0, 10, 60, 300, 3_000)]
    by_percent = [least_instance_seconds(requests, 60, percent, ONE) for percent in (50, 80, 95, 100)]
    assert by_wait == sorted(by_wait, reverse=True)
    assert by_percent == sorted(by_percent)
