"""Laws that every simulation obeys, whatever its settings: monotonicity, conservation, reproducibility, Erlang's formula."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from statistics import NormalDist, fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.settings import ModuleSettings, Settings
from async_endpoint.capacity.simulation import Outcome, simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.sizing.arrival_sources import ArrivalOptions, not_applied, read_workload

START = 1_700_006_400.0
PROGRAM = """
import json
from async_endpoint.capacity.arrivals.models import Bursts, Poisson, Sum, generate
from async_endpoint.capacity.distributions import LogNormal
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.capacity.simulation import simulate
from async_endpoint.capacity.workload import Workload

START = 1_700_006_400.0
arrivals = generate(Sum((Poisson.per_hour(20), Bursts(7200, 30, 60))), START, START + 86_400, seed=5)
workload = Workload.of(arrivals, LogNormal(20, 60), START, START + 86_400, seed=6)
found = simulate(ModuleSettings(max_instances=4).settings(), workload, starts=LogNormal(120, 300), seed=7)
print(json.dumps([list(found.waits), found.instance_seconds, [list(activity) for activity in found.activities]]))
"""


@st.composite
def loads(draw: st.DrawFn) -> Workload:
    """Up to 60 requests in an hour, many at the same time, with service times from nothing to ten minutes."""
    size = draw(st.integers(1, 60))
    arrivals = sorted(draw(st.lists(st.floats(0, 3600), min_size=size, max_size=size)))
    service = draw(st.lists(st.floats(0, 600), min_size=size, max_size=size))
    return Workload.of([START + time for time in arrivals], service, START, START + 3600)


def fixed(instances: int, concurrency: int, ttl: int = 21_600) -> Settings:
    return Settings("ml.m5.xlarge", concurrency, Bounds(instances, instances), instances, request_ttl_seconds=ttl)


@given(loads(), st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=150)
def test_one_more_instance_makes_no_request_wait_longer(workload: Workload, instances: int, concurrency: int) -> None:
    """With first in, first out, and service times attached to requests; of any number of instances and any concurrency."""
    some = simulate(fixed(instances, concurrency), workload, starts=Fixed(60))
    more = simulate(fixed(instances + 1, concurrency), workload, starts=Fixed(60))
    assert len(some.waits) == len(more.waits) == len(workload)
    assert all(fewer <= wait + 1e-6 for fewer, wait in zip(more.waits, some.waits, strict=True))


@given(
    loads(), st.integers(0, 2), st.integers(1, 2), st.sampled_from([60, 300, 21_600]), st.lists(st.floats(0, 4000), max_size=5)
)
@settings(max_examples=100)
def test_every_request_ends_once(workload: Workload, low: int, concurrency: int, ttl: int, deaths: list[float]) -> None:
    module = ModuleSettings(min_instances=low, max_concurrent_invocations=concurrency, request_ttl_seconds=ttl)
    times = [START + time for time in deaths]
    found = simulate(module.settings(), workload, starts=Fixed(100), deaths=times)
    assert len(found.waits) == len(found.latencies)
    assert len(found.waits) + found.expired + found.failed == len(workload) == found.requests
    assert len(found.unserved) == found.expired + found.failed
    assert all(0 <= wait < ttl for wait in found.waits)
    served = [seconds for index, seconds in enumerate(workload.service) if index not in set(found.unserved)]
    for wait, latency, seconds in zip(found.waits, found.latencies, served, strict=True):
        assert latency == pytest.approx(wait + seconds, abs=1e-5)


def test_the_result_is_the_same_in_every_process() -> None:
    """Whatever the hash seed, and in this process as well."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(json.loads(outputs[0])[0]) > 300


def erlang_c_wait(servers: int, rate: float, mean: float) -> float:
    """The mean wait in seconds of an M/M/c queue: Erlang's second formula."""
    load = rate * mean
    blocked = load**servers / math.factorial(servers) * servers / (servers - load)
    chance = blocked / (sum(load**k / math.factorial(k) for k in range(servers)) + blocked)
    return chance * mean / (servers - load)


@pytest.mark.parametrize(("instances", "concurrency", "utilization"), [(1, 1, 0.6), (2, 2, 0.7)])
def test_the_mean_wait_is_that_of_erlang(instances: int, concurrency: int, utilization: float) -> None:
    """Means of independent runs: the formula lies within their 99.9 % confidence interval, which is narrow enough."""
    servers, mean = instances * concurrency, 20.0
    rate = utilization * servers / mean

    def times(generator: random.Random) -> Iterator[float]:
        now = START
        while (now := now + generator.expovariate(rate)) < START + 150_000:
            yield now

    means = []
    for seed in range(20):
        generator = random.Random(seed)
        arrivals = list(times(generator))
        service = [generator.expovariate(1 / mean) for _ in arrivals]
        workload = Workload.of(arrivals, service, START, START + 150_000)
        means.append(fmean(simulate(fixed(instances, concurrency), workload, starts=Fixed(0)).waits))
    check_mean(means, erlang_c_wait(servers, rate, mean))


def check_mean(means: list[float], expected: float) -> None:
    """`expected` lies in the 99.9 % confidence interval of 20 independent means, which is narrow enough."""
    half = NormalDist().inv_cdf(0.9995) * 1.2 * stdev(means) / math.sqrt(len(means))  # 1.2: Student's t with 19 degrees
    assert half < 0.25 * expected
    assert abs(fmean(means) - expected) < half, (fmean(means), half, expected)


def of_command(seed: int) -> Outcome:
    """What `simulate` computes of --seed: arrivals, service times and start times are drawn from it."""
    options = ArrivalOptions("uniform:1,19", duration="100000", seed=seed)
    workload = read_workload(["poisson:252/h"], options, not_applied("dev")).workload
    return simulate(fixed(1, 1), workload, starts=Fixed(0), seed=seed)


def test_the_mean_wait_of_the_command_is_that_of_pollaczek_and_khinchine() -> None:
    """One server, Poisson arrivals, any service S: rate x E[S^2] / 2 (1 - utilization), if these are independent."""
    rate, mean = 252 / 3_600, 10.0
    squares = mean**2 + 18**2 / 12
    expected = rate * squares / 2 / (1 - rate * mean)
    check_mean([fmean(of_command(seed).waits) for seed in range(20)], expected)
