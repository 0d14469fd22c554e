"""Distributions of seconds, slowdowns and workloads: values, and what is refused."""

from __future__ import annotations

from itertools import islice
from statistics import correlation, fmean

import pytest

from async_endpoint.capacity.distributions import (
    Distribution,
    Fixed,
    LogNormal,
    Recorded,
    Sampled,
    Uniform,
    draws,
    parse_distribution,
)
from async_endpoint.capacity.slowdown import Slowdown
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("12", Fixed(12)),
        ("0", Fixed(0)),
        ("lognormal:8,20", LogNormal(8, 20)),
        ("uniform:1,3", Uniform(1, 3)),
        ("sample:3,1,2", Sampled((3, 1, 2))),
    ],
)
def test_a_distribution_is_parsed_and_has_the_mean_of_its_draws(text: str, distribution: Distribution) -> None:
    assert parse_distribution(text) == distribution
    assert fmean(islice(draws(distribution, 1, "test"), 40_000)) == pytest.approx(distribution.mean, rel=0.03)
    assert distribution.quantile(0.3) <= distribution.quantile(0.9)


def test_draws_for_different_purposes_are_independent() -> None:
    service, starts = (list(islice(draws(Uniform(0, 1), 7, purpose), 4_000)) for purpose in ("service", "starts"))
    assert abs(correlation(service, starts)) < 0.06
    assert service == list(islice(draws(Uniform(0, 1), 7, "service"), 4_000))


def test_a_log_normal_distribution_has_its_percentile() -> None:
    for mean, p95 in ((8, 20), (100, 110), (1, 3.8)):
        assert LogNormal(mean, p95).quantile(0.95) == pytest.approx(p95)


def test_quantiles_of_a_sample_are_its_values() -> None:
    assert [Sampled((3, 1, 2)).quantile(u) for u in (0, 0.32, 0.34, 0.7, 0.9999)] == [1, 1, 2, 3, 3]


def test_recorded_values_are_drawn_in_order_and_their_mean_afterwards() -> None:
    assert list(islice(draws(Recorded((5, 1, 3)), 9, "test"), 5)) == [5, 1, 3, 3, 3]


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "-1", "nan", "inf", "1,2", "uniform:3", "uniform:3,1", "uniform:1,inf", "lognormal:8", "lognormal:8,8",
        "lognormal:8,32", "lognormal:0,1", "sample:", "sample:1,x", "gamma:1,2",
        "1e9", "uniform:1,1e300", "lognormal:1e8,2e8", "sample:1,1e300",
    ],
)  # fmt: skip
def test_a_wrong_distribution_is_one_sentence(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_distribution(text)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


def test_a_slowdown_is_interpolated_and_extrapolated() -> None:
    slowdown = Slowdown.of({4: 2.5, 2: 1.5})
    assert [slowdown.factor(concurrency) for concurrency in (1, 2, 3, 4, 8)] == [1, 1.5, 2, 2.5, 5]
    assert [Slowdown().factor(concurrency) for concurrency in (1, 8)] == [1, 1]
    assert Slowdown.of({2: 1.5}, instance_factor=0.5).factor(2) == 0.75


@pytest.mark.parametrize("points", [((0, 1.0),), ((2, 0.0),), ((2, 1.0), (2, 1.5)), ((4, 2.0), (2, 1.0))])
def test_a_wrong_slowdown_is_refused(points: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(InvalidInput):
        Slowdown(points)


def test_a_stretched_workload_keeps_its_service_times() -> None:
    stretched = Workload.of([100, 110, 130], [1, 2, 3], 100, 200).stretched(1_000)
    assert (list(stretched.arrivals), list(stretched.service)) == ([100, 200, 400], [1, 2, 3])
    assert (stretched.start, stretched.end, stretched.seconds, len(stretched)) == (100, 1_100, 1_000, 3)


@pytest.mark.parametrize(
    ("arrivals", "service", "start", "end", "why"),
    [
        ([1], [1, 2], 0, 10, "1 arrivals and 2 service times"),
        ([2, 1], [1, 1], 0, 10, "not in ascending order"),
        ([1, float("nan"), 2], [1, 1, 1], 0, 10, "not in ascending order"),
        ([1], [-1], 0, 10, "negative or not finite"),
        ([1], [float("inf")], 0, 10, "negative or not finite"),
        ([11], [1], 0, 10, "outside its window"),
        ([], [], 10, 10, "end must be after its start"),
    ],
)
def test_a_wrong_workload_is_refused(arrivals: list[float], service: list[float], start: float, end: float, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        Workload.of(arrivals, service, start, end)
