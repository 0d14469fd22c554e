"""Usage from metrics and scaling activities: each figure by hand, and its source."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.recommendation import Recommendation, recommend
from async_endpoint.cli.app import app
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import NotReady
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.comparison import compared
from async_endpoint.sizing.metric_history import Measure, MetricHistory, metric_history
from async_endpoint.sizing.scaling_activities import CapacityChange
from async_endpoint.sizing.usage import MeasuredUsage, desired_seconds, measured_usage
from support.described_endpoints import ACTIVE, DescribedAws, capacity_activity
from support.metric_store import FakeMetrics

START = ACTIVE.timestamp()
HOUR = 3_600
HISTORY = MetricHistory(60, START, START + 2 * HOUR, {})
PRICES = PriceList.load("eu-west-1", today=ACTIVE.date())


def change(minute: int, desired: int) -> CapacityChange:
    return CapacityChange(START + 60 * minute, None, desired, "")


@pytest.mark.parametrize(
    ("changes", "serving", "seconds", "before"),
    [
        ([change(-5, 1)], {}, 2 * HOUR, 1),
        ([change(-5, 1), change(60, 3)], {}, HOUR + 3 * HOUR, 1),
        ([change(30, 1), change(90, 0)], {START: 2.0}, 2 * 60 + HOUR, 2),  # before the first change what served is counted
        ([change(30, 1)], {START + 600: 1.0}, 60 + 1.5 * HOUR, 0),  # the endpoint was created in the window
        ([change(30, 2)], {}, 4 * HOUR, 2),  # nothing is known of before
        ([], {}, 4 * 2 * HOUR, 4),  # as now
        ([change(500, 9)], {}, 4 * 2 * HOUR, 4),
    ],
)
def test_instance_time_is_desired_capacity_over_time(
    changes: list[CapacityChange], serving: dict[float, float], seconds: float, before: int
) -> None:
    assert desired_seconds(changes, 4, HISTORY, serving) == (seconds, before)


def test_activities_of_an_endpoint_that_was_deleted_are_not_of_this_one() -> None:
    """Its last activity left three instances; it was deleted, and another one was created at minute 90."""
    changes, created = [change(10, 3), change(95, 1)], START + 60 * 90
    assert desired_seconds(changes, 1, HISTORY, {START + 600: 6.0}, created) == (6 * 60 + 25 * 60, 0)
    assert desired_seconds(changes, 1, HISTORY, {}, created) == (5 * 60 + 25 * 60, 0)
    assert desired_seconds(changes[:1], 2, HISTORY, {}, created) == (2 * 30 * 60, 0)


def aws(**more: dict[float, float]) -> DescribedAws:
    """Ten minutes in which 30 requests waited 1, 2 or 90 seconds, and one instance served for five of them."""
    minutes = [START + 60 * minute for minute in range(10)]
    values: dict[str, dict[float, float]] = {
        "ApproximateBacklogSize": dict.fromkeys(minutes, 0.0),
        "InvocationsProcessed": {minutes[3]: 10.0, minutes[4]: 20.0},
        "InvocationFailures": {minutes[4]: 2.0},
        "ExpiredRequests": {minutes[5]: 1.0},
        "TimeInBacklog": {minutes[3]: 1_000.0, minutes[4]: 90_000.0},
        "TimeInBacklog:SampleCount": {minutes[3]: 20.0, minutes[4]: 10.0},
        "CPUUtilization": dict.fromkeys(minutes[2:7], 1.0),
        "ModelLatency": {minutes[3]: 2e6},
    }
    activities = [capacity_activity(-60, 0, 10), capacity_activity(1, 1, 60), capacity_activity(8, 0, 60)]
    return DescribedAws(instances=0, activities=activities, metrics=FakeMetrics(values | more))


def measured(found: DescribedAws, outputs: AsyncEndpointOutputs, days: float = 0.125) -> MeasuredUsage:
    return measured_usage(found.session(), outputs, PRICES, days, START + 600)


def test_each_figure_and_where_it_comes_from(outputs: AsyncEndpointOutputs) -> None:
    found = measured(aws(), outputs)
    figures = {name: figure.value for name, figure in found.figures.items()}
    assert (figures["processed"], figures["failed"], figures["expired"]) == (30, 2, 1)
    assert figures["instance hours serving"] == pytest.approx(5 / 60)
    assert figures["instance hours desired"] == pytest.approx(7 / 60)
    assert figures["wait longest"] == 90
    assert found.instances_before == 0
    price = PRICES.instance("ml.m5.large")
    assert price is not None
    [instances] = [line for line in found.bill.lines if line.component == "instances"]
    assert instances.usd == pytest.approx(7 / 60 * price.usd)
    others = sum(line.usd or 0.0 for line in found.bill.lines if line.component != "instances")
    assert figures["cost"] == pytest.approx(7 / 60 * price.usd + others)
    assert found.warnings == found.bill.warnings
    assert found.figures["instance hours serving"].source == "sample count of CPUUtilization"
    assert "scaling activities" in found.figures["cost"].source
    assert all(figure.source and figure.uncertainty for figure in found.figures.values())


def test_a_missing_price_leaves_no_cost_and_not_that_of_the_rest(outputs: AsyncEndpointOutputs) -> None:
    unpriced = replace(
        PRICES, listed={"eu-west-1": {name: one for name, one in PRICES.listed["eu-west-1"].items() if "ml." not in name}}
    )
    found = measured_usage(aws().session(), outputs, unpriced, 0.125, START + 600)
    assert found.figures["cost"].value is None
    assert "without ml.m5.large, whose price is not known" in found.figures["cost"].uncertainty
    assert any("No price of ml.m5.large" in warning for warning in found.warnings)


def test_a_creation_in_the_window_and_hours_that_do_not_agree_are_said(outputs: AsyncEndpointOutputs) -> None:
    described = aws()
    described.created = ACTIVE - timedelta(minutes=61)
    described.activities[:2] = [capacity_activity(-60, 3, 60)]
    found = measured(described, outputs)
    assert "created at 2026-11-30 10:59 UTC" in found.figures["instance hours desired"].uncertainty
    assert any("3.4 instance hours were desired and 0.1 served" in warning for warning in found.warnings)


def test_metrics_of_instances_that_are_not_published_leave_the_activities(outputs: AsyncEndpointOutputs) -> None:
    found = measured(aws(CPUUtilization={}), outputs)
    assert found.figures["instance hours serving"].value is None
    assert "may not publish" in found.figures["instance hours serving"].uncertainty
    assert found.figures["instance hours desired"].value == pytest.approx(7 / 60)


def test_beyond_six_weeks_what_served_is_the_better_figure(outputs: AsyncEndpointOutputs) -> None:
    found = measured(aws(), outputs, days=50)
    assert "sample count" in found.figures["cost"].source
    assert "kept for 42 days" in found.figures["instance hours desired"].uncertainty
    assert "5-minute data" in found.figures["processed"].uncertainty


def test_waits_are_percentiles_of_requests_or_of_averages_that_count_them(outputs: AsyncEndpointOutputs) -> None:
    found = measured(aws(**{"TimeInBacklog:p50": {START: 1_500.0}, "TimeInBacklog:p95": {}}), outputs).figures
    assert found["wait p50"].value == 1.5
    assert "percentile of single requests" in found["wait p50"].uncertainty
    assert found["wait p95"].value == 90, "20 requests waited a second, 10 of them 90"
    assert "of averages by period" in found["wait p95"].uncertainty
    assert measured(aws(**{"TimeInBacklog:p50": {}}), outputs).figures["wait p50"].value == 1


def test_an_endpoint_without_requests_has_no_waits(outputs: AsyncEndpointOutputs) -> None:
    found = measured(aws(**{"TimeInBacklog": {}, "TimeInBacklog:SampleCount": {}}), outputs)
    assert [figure.value for name, figure in found.figures.items() if name.startswith("wait")] == [None] * 3
    assert found.p95_wait is None


@pytest.mark.parametrize(("days", "period"), [(15, 60), (63, 300), (14, 60)])
def test_no_period_is_asked_for_that_cloudwatch_has_no_more(outputs: AsyncEndpointOutputs, days: int, period: int) -> None:
    asked: list[datetime] = []
    store = FakeMetrics({"ApproximateBacklogSize": {START: 0.0}})

    class Recorded:
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            asked.append(request["StartTime"])
            return store.get_metric_data(**request)

    session = AwsSession({"cloudwatch": Recorded()}.__getitem__, "eu-west-1")
    history = metric_history(
        session, outputs.endpoint, {"b": Measure(m.APPROXIMATE_BACKLOG_SIZE, "Average")}, days, START + 700
    )
    assert history.period == period
    assert asked[0].timestamp() >= START + 700 - days * 86_400 - (period if days == 14 else 0) - 60
    assert (days != 14) == (asked[0].timestamp() > START + 700 - days * 86_400)
    assert history.start == asked[0].timestamp() + period


def test_an_endpoint_without_metrics_is_named(outputs: AsyncEndpointOutputs) -> None:
    with pytest.raises(NotReady, match="no metric of endpoint shop in the last 3 days"):
        measured(DescribedAws(), outputs, days=3)


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch, outputs: AsyncEndpointOutputs) -> DescribedAws:
    found = aws()
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda address, local: (outputs, found))
    monkeypatch.setattr("time.time", lambda: START + 600)
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["usage", "dev/recommender", "--days", "0.125", *arguments])


def test_the_command_compares_with_simulations_of_the_same_arrivals(described: DescribedAws) -> None:
    document = json.loads(run("--json").stdout)
    assert document["figures"]["processed"] == {
        "value": 30,
        "unit": "requests",
        "source": "InvocationsProcessed",
        "uncertainty": "exact, 1-minute data; failed ones too",
    }
    current, recommended = document["simulated"]["rows"]
    assert current["label"] == "current settings"
    assert recommended["p95_wait"] <= current["p95_wait"]
    assert recommended["settings"]["instance_type"] == "ml.m5.xlarge"
    assert any("an estimate from 1-minute data" in note for note in document["simulated"]["notes"])
    screen = run().stderr
    for text in ("instance hours serving", "sample count of CPUUtilization", "current settings", "recommended for a p95"):
        assert text in screen


def test_the_comparison_may_use_as_many_instances_as_today_and_begins_with_those_that_were_there(
    outputs: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve were there, and more than the usual eight are allowed: the target is that of the same simulation."""
    asked: list[dict[str, Any]] = []

    def noted(*arguments: Any, **options: Any) -> Recommendation:
        asked.append(options)
        return recommend(*arguments, **options)

    monkeypatch.setattr("async_endpoint.sizing.comparison.recommend", noted)
    found = aws()
    found.targets[0]["MaxCapacity"] = 12
    used = replace(measured(found, outputs), instances_before=12)
    compared_with = compared(found.session(), outputs, used, PRICES, start_time="60")
    assert (asked[0]["most_instances"], asked[0]["before"]) == (12, 12)
    assert asked[0]["current"].bounds.maximum == 12
    current, recommended = compared_with.rows
    assert recommended.p95_wait is not None and current.p95_wait is not None and recommended.p95_wait <= current.p95_wait
    assert recommended.label.startswith("recommended for")


def test_without_simulation_or_start_times_the_figures_are_there_all_the_same(described: DescribedAws) -> None:
    assert json.loads(run("--json", "--no-simulate").stdout)["simulated"] is None
    described.activities.clear()
    document = json.loads(run("--json").stdout)
    assert document["simulated"]["rows"] == []
    assert "give --start-time" in document["simulated"]["notes"][0]
