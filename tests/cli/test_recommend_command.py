"""`async-endpoint recommend`: what it prints for people and as JSON, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from async_endpoint.cli.app import app
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.described_endpoints import DescribedAws, capacity_activity

BASICS = ("--service-time", "30", "--start-time", "240", "--no-schedules", "--most-instances", "2")


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch, outputs: AsyncEndpointOutputs) -> DescribedAws:
    """The live endpoint of dev/recommender."""
    aws = DescribedAws(activities=[capacity_activity(0, 0, 30), capacity_activity(10, 1, 200)])
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda address, local: (outputs, aws))
    return aws


@pytest.fixture
def trace(tmp_path: Path) -> str:
    """Requests every ten minutes of three hours."""
    path = tmp_path / "trace.csv"
    path.write_text("seconds\n" + "".join(f"{600 * number}\n" for number in range(18)))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def document(*arguments: str) -> Any:
    found = run("recommend", "dev/recommender", *arguments, "--json")
    assert found.exception is None, found.exception
    return json.loads(found.stdout)


def test_settings_with_what_they_are_compared_with(described: DescribedAws, trace: str) -> None:
    found = document("--trace", trace, "--p95", "300", *BASICS)
    best = found["recommended"]
    assert found["meets_objective"]
    assert best["wait_seconds"] <= 300
    assert best["usd_per_month"] == min(one["usd_per_month"] for one in found["front"] if one["wait_seconds"] <= 300)
    assert 0 < found["lower_bound"]["usd_per_month"] <= best["usd_per_month"]
    assert best["settings"]["max_concurrent_invocations"] == 4, "without a slowdown, concurrency stays"
    assert f"target_backlog_per_instance = {best['settings']['target_backlog_per_instance']:g}" in found["block"]
    assert 0 < found["current"]["usd_per_month"] < found["always_on"]["usd_per_month"]
    assert found["always_on"]["what"] == "1 × ml.m5.xlarge, always on"
    assert found["serverless"]["wait_seconds"] == 240
    notes = " ".join(found["notes"])
    assert "Concurrency stays at 4" in notes and "The arrivals span 2.9 hours" in notes


def test_a_budget_types_and_a_slowdown(described: DescribedAws, trace: str) -> None:
    choices = ("--slowdown", "2=1.5,4=3", "--instance-type", "ml.m5.large=2")
    found = document("--trace", trace, "--budget", "100", "--percentile", "90", *BASICS, *choices)
    assert found["objective"] == {"percentile": 90, "wait_seconds": None, "usd_per_month": 100}
    assert found["meets_objective"] and found["recommended"]["usd_per_month"] <= 100
    assert found["lower_bound"]["wait_seconds"] <= found["recommended"]["wait_seconds"]
    types = {one["settings"]["instance_type"] for one in found["front"]}
    assert types <= {"ml.m5.xlarge", "ml.m5.large"}
    assert "ml.m5.large" in types, "half the price, and fast enough"
    assert not any("do not slow each other down" in note for note in found["notes"])


def test_an_old_serverless_price_is_named(described: DescribedAws, trace: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("name,region,usd,date,source\nserverless_gb_seconds,eu-west-1,1,2020-01-01,a bill\n")
    found = document("--trace", trace, "--p95", "600", *BASICS, "--prices", str(tmp_path / "prices.csv"))
    assert any("serverless_gb_seconds in eu-west-1 is of 2020-01-01, over a year old" in note for note in found["notes"])


def test_hours_of_arrivals_without_dates_are_pointed_out(described: DescribedAws) -> None:
    """Two mornings with many requests and nights without: a schedule, by hours that the model gives."""
    arrivals = ("--trace", "office:60/day,8-12", "--duration", "172800", "--service-time", "20", "--start-time", "240")
    found = document(*arrivals, "--p95", "30", "--most-instances", "1")
    assert [one["name"] for one in found["recommended"]["settings"]["schedules"]] == ["close", "open"]
    assert any("Arrivals without dates begin on a Monday" in note for note in found["notes"])


def test_people_see_a_block_and_a_front(described: DescribedAws, trace: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "front.svg"
    screen = run("recommend", "dev/recommender", "--trace", trace, "--p95", "0.5", *BASICS, "--plot", str(chart))
    assert screen.exception is None, screen.exception
    for text in (
        "recommended",
        "today's settings",
        "AWS's guide",
        "always on",
        "serverless",
        "scaling = {",
        "No schedule with",
    ):
        assert text in screen.stderr
    assert screen.stdout == ""
    assert "lower bound" in chart.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give the arrivals"),
        (["--trace", "poisson:10/h"], "needs one objective"),
        (["--trace", "poisson:10/h", "--wait", "3", "--plot", "front.png"], "front.png is not an SVG file"),
        (["--trace", "poisson:10/h", "--wait", "3", "--plot", "no/front.svg"], "no folder no"),
        (["--trace", "poisson:10/h", "--p95", "3", "--budget", "4"], "needs one objective"),
        (["--trace", "poisson:10/h", "--p95", "3"], "does not say how long a request takes"),
        (["--trace", "poisson:10/h", "--p95", "3", *BASICS, "--slowdown", "two=3"], "'two=3' is no slowdown"),
        (
            ["--trace", "poisson:10/h", "--p95", "3", *BASICS, "--instance-type", "ml.g5.xlarge"],
            "no choice of an instance type",
        ),
        (
            ["--trace", "poisson:10/h", "--p95", "3", *BASICS, "--instance-type", "ml.nope.xlarge=2"],
            "No price of ml.nope.xlarge",
        ),
        (["--trace", "poisson:10/h", "--p95", "3", *BASICS, "--timezone", "Mars", "--schedules"], "Invalid time zone Mars"),
    ],
)
def test_what_cannot_be_recommended_is_one_sentence(described: DescribedAws, arguments: list[str], sentence: str) -> None:
    found = run("recommend", "dev/recommender", *arguments).exception
    assert isinstance(found, AsyncEndpointError), found
    assert sentence in str(found)
    assert "\n" not in str(found)
