"""Stated loads, and a guide's example: its figures, ours, and every difference between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import pytest

from async_endpoint.capacity import guide_example
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.guide_example import Comparison
from async_endpoint.capacity.load import Load, monday_after, request_usage, simulate_load
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds
from async_endpoint.capacity.simulation import Publication
from async_endpoint.core.errors import InvalidInput

PRICES = PriceList.load("us-east-1", today=date(2026, 11, 30))
SETTINGS = ModuleSettings(instance_type="ml.m5.large", max_concurrent_invocations=2, max_instances=4)


def differences(found: Comparison) -> dict[str, float]:
    return {one.name: round(one.usd, 4) for one in found.differences}


def test_the_guides_figures_are_reproduced_from_its_premises() -> None:
    """100 x 3 min x 30 days = 150 h x 0.096 = 14.40; 6 GB x 0.023 = 0.138; 6,000 messages 0.003. 720 h x 0.096 = 69.12."""
    assert guide_example.guide_usd() == pytest.approx(14.40 + 0.138 + 0.003)
    assert f"{guide_example.guide_usd():.2f}" == "14.54"
    assert guide_example.guide_always_on_usd() == pytest.approx(69.12)


def test_an_instance_that_is_always_on_costs_hosting_for_730_hours() -> None:
    """730 x 0.115 = 83.95: 720 x 0.019 = 13.68 for the price, 10 x 0.115 = 1.15 for the hours."""
    found = guide_example.always_on(PRICES)
    assert (found.guide_usd, found.ours_usd) == pytest.approx((69.12, 83.95))
    assert differences(found) == {"hosting price": 13.68, "hours": 1.15}


@cache
def spread() -> Comparison:
    return guide_example.spread(PRICES)


@cache
def nightly() -> Comparison:
    return guide_example.nightly(PRICES)


@pytest.mark.parametrize("example", [spread, nightly])
def test_the_differences_are_the_whole_gap(example: Callable[[], Comparison]) -> None:
    found = example()
    assert found.ours_usd - found.guide_usd == pytest.approx(sum(one.usd for one in found.differences), abs=1e-6)
    by_name = differences(found)
    # 150 h x (0.115 - 0.096); (152.0833 - 150) h x 0.115; a key; 17 metrics; 6.0833 GB x 0.02; 6,083 PUT and GET
    assert by_name["hosting price"] == 2.85
    assert by_name["hours of a month"] == pytest.approx(0.2396, abs=1e-4)
    assert (by_name["KMS key"], by_name["alarms"]) == (1.0, 1.7)
    assert by_name["data processed"] == pytest.approx(0.1217, abs=1e-4)
    assert by_name["requests to S3"] == pytest.approx(6.0833 * 0.0054, abs=1e-4)
    assert by_name["one message a request"] == pytest.approx(3_041.67 * 5e-7 - 6_000 * 5e-7, abs=1e-4)
    assert by_name["storage that accumulates"] == pytest.approx(6.0833 * 37 / 30.4167 * 0.023 - 0.138, abs=1e-3)
    assert by_name["cold starts"] > 0
    assert by_name["scale-in"] >= 0


def test_requests_at_random_moments_pay_for_starts_and_one_batch_a_night_for_thirty() -> None:
    all_day, at_night = spread(), nightly()
    assert all_day.outcome
    assert at_night.outcome
    assert at_night.outcome.launches == 30
    # 30 starts of 240 s, by 730 of 720 hours: 2.0278 h x 0.115
    assert differences(at_night)["cold starts"] == pytest.approx(0.2332, abs=1e-4)
    assert all_day.outcome.launches > 1_000
    assert all_day.ours_usd > 1.5 * at_night.ours_usd
    assert all_day.ours_usd < guide_example.always_on(PRICES).ours_usd


def test_the_example_names_the_price_that_it_lacks() -> None:
    with pytest.raises(InvalidInput, match=r"No price of ml\.m5\.large in mars-1 is known"):
        guide_example.always_on(PriceList.load("mars-1", today=date(2026, 11, 30)))
    with pytest.raises(InvalidInput, match=r"cannot be computed in mars-1: No price of ml\.m5\.large"):
        guide_example.nightly(PriceList.load("mars-1", today=date(2026, 11, 30)))


def test_a_load_is_simulated_with_exactly_its_requests_and_scaled_to_a_month() -> None:
    found = simulate_load(SETTINGS.settings(), Load(300), service=Fixed(60), starts=Fixed(120), seed=3)
    assert len(found.workload) == 300
    assert found.workload.seconds == 730 * 3_600
    assert found.usage.instance_seconds == {"ml.m5.large": pytest.approx(found.outcome.instance_seconds)}
    again = simulate_load(SETTINGS.settings(), Load(300), service=Fixed(60), starts=Fixed(120), seed=3)
    assert again.outcome.instance_seconds == found.outcome.instance_seconds


def test_a_large_load_is_simulated_for_a_shorter_time_and_says_so() -> None:
    found = simulate_load(SETTINGS.settings(), Load(800_000), service=Fixed(1), starts=Fixed(120))
    assert len(found.workload) == 200_000
    assert found.workload.seconds == pytest.approx(730 * 3_600 / 4)
    assert found.usage.instance_seconds["ml.m5.large"] == pytest.approx(4 * found.outcome.instance_seconds)
    assert found.notes == (
        "Simulated: 200,000 requests in 7.6 days from Monday 2024-01-01 UTC on, after a long idle time; "
        "instance hours and starts are those of 730 hours like them.",
    )


@pytest.mark.parametrize("requests", [20_000, 1_500_000])
def test_schedules_of_a_load_run_for_whole_weeks(requests: float) -> None:
    """One instance, and two more from Monday to Friday, 8 to 18 o'clock: 168 + 2 x 50 of 168 hours."""
    opened = ScheduledBounds("open", "cron(0 8 ? * MON-FRI *)", None, 3, 3)
    closed = ScheduledBounds("close", "cron(0 18 ? * MON-FRI *)", None, 1, 1)
    settings = replace(SETTINGS, min_instances=2, max_instances=2, initial_instances=2, schedules=(opened, closed)).settings()
    found = simulate_load(settings, Load(requests), service=Fixed(0.5), starts=Fixed(60))
    assert found.workload.seconds in {604_800.0, 4 * 604_800.0}
    assert found.usage.instance_seconds["ml.m5.large"] == pytest.approx(268 / 168 * 730 * 3_600, rel=0.001)
    with pytest.raises(InvalidInput, match="state 1 to 20,000,000, since schedules need a week of them"):
        simulate_load(settings, Load(3e7), service=Fixed(1), starts=Fixed(60))


def test_schedules_with_a_date_act_in_the_weeks_that_begin_after_today() -> None:
    start = monday_after(date(2026, 11, 30))
    assert start == datetime(2026, 12, 7, tzinfo=UTC).timestamp()
    assert monday_after(date(2026, 12, 6)) == start
    once = ScheduledBounds("campaign", "at(2026-12-21T00:00:00)", None, 2, 2)
    settings = replace(SETTINGS, min_instances=1, max_instances=1, initial_instances=1, schedules=(once,)).settings()
    found = simulate_load(settings, Load(100), service=Fixed(1), starts=Fixed(60), start=start)
    assert found.outcome.instance_seconds == pytest.approx(604_800 * (2 * 1 + 2 * 2), rel=0.001)


def test_a_request_of_a_load_takes_as_long_as_an_invocation_may_at_most() -> None:
    found = simulate_load(SETTINGS.settings(), Load(50), service=Fixed(100_000), starts=Fixed(60))
    assert set(found.workload.service) == {3_600.0}
    assert found.notes[-1].startswith("50 requests take longer than an invocation may, 3,600 s")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"requests": -1}, "Requests of a load is -1"),
        ({"requests": 1, "kept_days": float("inf")}, "Kept days of a load is inf"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Load(**wrong)
    for requests in (0, 1e12):
        with pytest.raises(InvalidInput, match="cannot be simulated; state 1 to 100,000,000"):
            simulate_load(SETTINGS.settings(), Load(requests), service=Fixed(1), starts=Fixed(1))


def test_the_usage_of_requests_in_part_of_a_month_counts_each_of_them() -> None:
    usage = request_usage(100, 0.25, input_bytes=1_000, output_bytes=3_000)
    assert (usage.requests, usage.s3_puts, usage.notifications, usage.endpoint_bytes) == (100, 200, 100, 400_000)
    assert usage.months == 0.25


def test_the_page_has_the_figures_that_are_computed(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "capacity.md").read_text(encoding="utf-8")
    columns = {1: (spread(), nightly()), 0: (guide_example.always_on(PRICES),)}
    for comparisons in columns.values():
        rows = [("**the guide's figure**", [f"**{one.guide_usd:.2f}**" for one in comparisons])]
        for parts in zip(*(one.differences for one in comparisons), strict=True):
            rows.append((parts[0].name, [f"{part.usd:+.2f}" for part in parts]))
        rows.append(("**the bill here**", [f"**{one.ours_usd:.2f}**" for one in comparisons]))
        assert "\n".join(f"| {name} | {' | '.join(amounts)} |" for name, amounts in rows) in page
    other = guide_example.spread(PRICES, publication=Publication(per_instance_at_zero=False))
    said = f"costs {other.ours_usd:.2f}, of which scale-in has {differences(other)['scale-in']:.2f}"
    assert said in page
    assert other.ours_usd - other.guide_usd == pytest.approx(sum(one.usd for one in other.differences), abs=1e-6)
