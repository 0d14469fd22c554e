"""`async-endpoint profile`: what it says and asks before it measures, what it refuses, and the file that it writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.profile import Profile, parse_profile
from async_endpoint.cli.app import app
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.profiler import ProfilePlan, Profiler
from support.described_endpoints import ACTIVE, DescribedAws
from support.metric_store import FakeMetrics

MEASURED = Profile("shop", "ml.m5.large", "2026-11-30T14:00:00Z", (200.0,), {1: (1.0, 2.0), 4: (3.0,)}, 41.0)


@dataclass
class Live:
    """The endpoint, how it is reached, and the profiles that were begun."""

    aws: DescribedAws
    begun: list[ProfilePlan]
    endpoint_url: str | None = None

    def session(self, region: str) -> AwsSession:
        return self.aws.session(region)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, outputs: AsyncEndpointOutputs) -> Live:
    found = Live(DescribedAws(instances=0, metrics=FakeMetrics({"ApproximateBacklogSize": {ACTIVE.timestamp(): 0.0}})), [])

    def measure(self: Profiler, inputs: Sequence[Path], plan: ProfilePlan) -> Profile:
        found.begun.append(plan)
        return MEASURED

    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda address, local: (outputs, found))
    monkeypatch.setattr(Profiler, "run", measure)
    monkeypatch.setattr("time.time", lambda: ACTIVE.timestamp() + 60)
    return found


@pytest.fixture
def shirt(tmp_path: Path) -> str:
    (tmp_path / "shirt.png").write_bytes(b"pixels")
    return str(tmp_path / "shirt.png")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> str:
    found = run("profile", "dev/recommender", *arguments).exception
    assert isinstance(found, AsyncEndpointError), found
    return str(found)


def test_costs_are_said_before_and_the_file_is_what_simulate_reads(live: Live, shirt: str, tmp_path: Path) -> None:
    out = tmp_path / "profile.json"
    done = run("profile", "dev/recommender", shirt, "--out", str(out), "--yes", "--json")
    assert done.exception is None, done.exception
    assert parse_profile(out.read_text(), "profile.json") == MEASURED
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["slowdown"] == {"1": 1.0, "4": 2.0}
    assert document["service_seconds"] == {"1": [1.0, 2.0], "4": [3.0]}
    [plan] = live.begun
    assert plan.levels == (1, 2, 4)
    assert (
        "10 or more requests at each of 1, 2 and 4 at once; beside their time, one ml.m5.large runs for about 20" in done.stderr
    )
    assert "(some 0.04 US dollars)" in done.stderr
    assert "If this command is killed: aws application-autoscaling register-scalable-target" in done.stderr
    assert "--min-capacity 0 --max-capacity 2 --region eu-west-1" in done.stderr
    screen = run("profile", "dev/recommender", shirt, "--out", str(out), "--yes").stderr
    for text in ("ml.m5.large: start 200 s, memory 41.0 %", "slowdown", "2.00", "--profile"):
        assert text in screen


def test_an_old_price_is_named_where_it_is_used(live: Live, shirt: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("name,region,usd,date,source\nml.m5.large,eu-west-1,3,2020-01-01,a bill\n")
    done = run(
        "profile",
        "dev/recommender",
        shirt,
        "--out",
        str(tmp_path / "p.json"),
        "--yes",
        "--prices",
        str(tmp_path / "prices.csv"),
    )
    assert "(some 1.00 US dollars)" in done.stderr
    assert "is of 2020-01-01, over a year old" in " ".join(done.stderr.split())


def test_without_a_terminal_it_asks_for_yes_and_measures_nothing(live: Live, shirt: str, tmp_path: Path) -> None:
    assert "pass --yes" in refused(shirt, "--out", str(tmp_path / "p.json"))
    assert live.begun == []


def test_a_local_aws_is_not_asked_about_and_its_limits_are_said(live: Live, shirt: str, tmp_path: Path) -> None:
    live.endpoint_url = "http://127.0.0.1:4599"
    done = run("profile", "dev/recommender", shirt, "--out", str(tmp_path / "p.json"))
    assert done.exception is None, done.exception
    assert "measured on a local AWS" in done.stderr
    assert len(live.begun) == 1


def test_an_endpoint_that_serves_others_is_left_alone_unless_asked(live: Live, shirt: str, tmp_path: Path) -> None:
    out = str(tmp_path / "p.json")
    live.aws.metrics = FakeMetrics({"ApproximateBacklogSize": {ACTIVE.timestamp(): 7.0}})
    assert "has a backlog of 7 requests of others" in refused(shirt, "--out", out, "--yes")
    assert live.begun == []
    assert run("profile", "dev/recommender", shirt, "--out", out, "--yes", "--while-serving").exception is None
    live.aws.instances = 3
    assert "has 3 instances, and a profile holds it at one" in refused(shirt, "--out", out, "--yes", "--while-serving")


def test_files_are_checked_before_anything_starts(live: Live, shirt: str, tmp_path: Path) -> None:
    assert "absent.png cannot be read" in refused(str(tmp_path / "absent.png"), "--out", str(tmp_path / "p.json"), "--yes")
    assert "is in no folder that exists" in refused(shirt, "--out", str(tmp_path / "absent" / "p.json"), "--yes")
    assert "it is a folder" in refused(shirt, "--out", str(tmp_path), "--yes")
    assert live.begun == []
