"""`async-endpoint simulate`: what it prints for people and as JSON, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from async_endpoint.cli.app import app
from async_endpoint.core.errors import AsyncEndpointError, NotApplied
from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.described_endpoints import DescribedAws, capacity_activity


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch, outputs: AsyncEndpointOutputs) -> DescribedAws:
    """The live endpoint of dev/recommender."""
    aws = DescribedAws(activities=[capacity_activity(0, 0, 30), capacity_activity(10, 1, 200)])
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda address, local: (outputs, aws))
    return aws


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def document(result: Result) -> Any:
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    """The sentence of the error; the command line prints it and ends with its exit code."""
    found = run("simulate", "dev/recommender", *arguments).exception
    assert isinstance(found, AsyncEndpointError), found
    return str(found)


def trace(folder: Path, *seconds: float) -> str:
    path = folder / "trace.csv"
    path.write_text("seconds\n" + "".join(f"{at}\n" for at in seconds))
    return str(path)


def test_waits_instances_and_costs_of_a_trace(described: DescribedAws, tmp_path: Path) -> None:
    # One instance serves four at once: ten requests of 30 s at one moment start after 0, 30 and 60 s.
    arguments = ("dev/recommender", trace(tmp_path, *[0] * 10), "--service-time", "30", "--duration", "3600", "--json")
    found = document(run("simulate", *arguments, "--initial-instances", "1"))
    assert found["wait_seconds"] == {"p50": 30, "p90": 60, "p95": 60, "p99": 60, "p100": 60}
    assert found["latency_seconds"]["p100"] == 90
    assert (found["expired"], found["failed"], found["late"]) == (0, 0, 0)
    assert found["settings"]["policies"][0]["target"] == 5
    [instances] = [line for line in found["cost"]["lines"] if line["component"] == "instances"]
    assert instances["item"] == "ml.m5.xlarge"
    assert instances["quantity"] == pytest.approx(found["instance_hours"], abs=1e-3)
    assert found["cost"]["usd_per_month"] == pytest.approx(found["cost"]["usd"] * 730)
    assert any("200 s on average: 1 scale-outs" in note for note in found["notes"])
    assert found["timeline"] == []
    # Whatever the endpoint has now, it is asleep unless asked otherwise: two minutes until the alarm, and 200 s of start.
    asleep = document(run("simulate", *arguments))
    assert asleep["wait_seconds"] == {"p50": 350, "p90": 380, "p95": 380, "p99": 380, "p100": 380}
    assert any("after a long idle time" in note for note in asleep["notes"])


def test_options_replace_settings_and_seeds_repeat(described: DescribedAws) -> None:
    arguments = [
        "simulate",
        "dev/recommender",
        "poisson:60/h",
        "--service-time",
        "lognormal:20,60",
        "--duration",
        "day",
        "--json",
    ]
    first, again, other = (document(run(*arguments, "--seed", seed)) for seed in ("1", "1", "2"))
    assert first == again
    assert first["latency_seconds"] != other["latency_seconds"]
    busier = document(run(*arguments, "--seed", "1", "--min-instances", "2", "--max-concurrent-invocations", "1"))
    assert busier["settings"]["min_instances"] == 2
    assert busier["instance_hours"] > first["instance_hours"]
    assert busier["wait_seconds"]["p95"] < first["wait_seconds"]["p95"]


def test_an_endless_wait_is_null_in_json_and_words_on_the_screen(described: DescribedAws, tmp_path: Path) -> None:
    arguments = ["simulate", "dev/recommender", trace(tmp_path, 0), "--service-time", "30", "--min-instances", "0"]
    arguments += ["--initial-instances", "0", "--request-ttl", "60", "--duration", "3600"]
    found = document(run(*arguments, "--json"))
    assert (found["expired"], found["wait_seconds"]["p50"]) == (1, None)
    screen = run(*arguments)
    assert screen.exception is None
    assert "for ever" in screen.stderr
    assert screen.stdout == ""


def test_people_see_waits_costs_and_where_the_figures_are_from(described: DescribedAws) -> None:
    screen = run("simulate", "dev/recommender", "poisson:10/h", "--service-time", "20", "--duration", "day").stderr
    for text in (
        "poisson:10/h, seed 0",
        "p95",
        "latency",
        "ml.m5.xlarge",
        "for a month of 730 hours",
        "scaling activities; --timel",
    ):
        assert text in screen


def test_what_is_not_known_of_metrics_on_aws_can_be_tried(described: DescribedAws) -> None:
    arguments = ("simulate", "dev/recommender", "poisson:2/h", "--service-time", "20", "--duration", "day", "--json")
    hours, late, longer = (
        document(run(*arguments, *more))["instance_hours"] for more in ((), ("--metric-delay", "5"), ("--no-backlog-at-zero",))
    )
    assert late != hours
    assert longer > 1.5 * hours, "an endpoint that was woken stays for a quarter of an hour"


def test_a_type_without_a_price_leaves_the_rest_and_is_named(described: DescribedAws) -> None:
    arguments = ("simulate", "dev/recommender", "poisson:10/h", "--service-time", "20", "--duration", "day")
    screen = run(*arguments, "--instance-type", "ml.q9.huge").stderr
    assert "without what has no price" in screen
    assert "No price of ml.q9.huge in eu-west-1 is known" in screen
    found = document(run(*arguments, "--instance-type", "ml.q9.huge", "--json"))
    assert found["cost"]["usd"] is None
    assert found["cost"]["usd_per_month"] is None


def test_a_chart_of_the_timeline(described: DescribedAws, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "day.svg"
    arguments = ("poisson:10/h", "--service-time", "20", "--duration", "day", "--plot", str(chart))
    assert run("simulate", "dev/recommender", *arguments).exception is None
    assert chart.read_text().lstrip().startswith("<")
    assert "give a name that ends in .svg" in refused(*arguments[:-1], str(tmp_path / "day.png"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["poisson:10/h"], "does not say how long a request takes"),
        (["poisson:10/h", "--service-time", "1", "--start-time", "soon"], "'soon' is no distribution of seconds"),
        (["nothing.csv", "--service-time", "1"], "nothing.csv cannot be read"),
        (["poisson:10/h", "--service-time", "1", "--profile", "nothing.json"], "nothing.json cannot be read"),
        (["poisson:10/h", "--service-time", "1", "--min-instances", "3", "--max-instances", "1"], "bounds are 3 to 1"),
        (["poisson:10/h", "--service-time", "1", "--prices", "nothing.csv"], "nothing.csv cannot be read"),
        (["poisson:10/h", "--service-time", "1", "--instance-type", "m5.large"], "'m5.large' is no SageMaker instance type"),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(described: DescribedAws, arguments: list[str], sentence: str) -> None:
    message = refused(*arguments)
    assert sentence in message
    assert "\n" not in message


def test_an_unknown_start_time_is_asked_for(described: DescribedAws) -> None:
    described.activities.clear()
    assert "give --start-time, or a --profile" in refused("poisson:10/h", "--service-time", "1")


def test_a_profile_has_start_times_service_times_and_slowdown(described: DescribedAws, tmp_path: Path) -> None:
    measured = {"version": 1, "endpoint": "shop", "instance_type": "ml.m5.large", "measured": "2026-11-30T14:00:00Z"}
    measured |= {"start_seconds": [120], "service_seconds": {"1": [10], "4": [40]}, "memory_percent": None}
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(measured))
    source = trace(tmp_path, 0, 0, 0, 0)
    options = ("--profile", str(path), "--duration", "600", "--initial-instances", "1", "--json")
    found = document(run("simulate", "dev/recommender", source, *options))
    assert found["wait_seconds"]["p100"] == 0
    assert found["latency_seconds"]["p50"] == 20, "the second to start has one beside it"
    assert found["latency_seconds"]["p100"] == 40
    assert any("The profile is of ml.m5.large, and the endpoint has ml.m5.xlarge" in note for note in found["notes"])


def test_an_environment_that_is_not_applied_has_the_settings_of_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there(address: str, local: bool) -> None:
        raise NotApplied("dev has not been applied")

    asked: list[tuple[str, bool]] = []
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", not_there)
    monkeypatch.setattr("async_endpoint.cli.sizing_inputs._planned", lambda address, local: asked.append((address, local)))
    run("simulate", "dev/recommender", "poisson:10/h", "--service-time", "1", "--local")
    assert asked == [("dev/recommender", True)]


def test_the_defaults_of_the_module_need_neither_terraform_nor_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda *_, **__: pytest.fail("it was asked for"))
    arguments = ("simulate", "defaults", "poisson:10/h", "--service-time", "20", "--start-time", "200", "--json")
    found = document(run(*arguments, "--max-instances", "3"))
    assert (found["settings"]["instance_type"], found["settings"]["max_instances"]) == ("ml.m5.xlarge", 3)
    assert "prices those of us-east-1" in found["notes"][0]
    assert document(run(*arguments, "--region", "eu-west-1"))["cost"]["usd"] != found["cost"]["usd"]
    error = run("simulate", "dev", "poisson:10/h", "--service-time", "20", "--region", "eu-west-1").exception
    assert "--region is for the settings called defaults" in str(error)


def test_an_unknown_environment_is_refused_with_the_word_for_defaults() -> None:
    error = run("simulate", "default", "poisson:10/h", "--service-time", "1", "--start-time", "9").exception
    assert str(error).endswith("In place of an environment, defaults has the defaults of module async-inference.")


def test_an_endpoint_without_instances_is_not_simulated() -> None:
    arguments = ("poisson:10/h", "--service-time", "1", "--start-time", "9", "--max-instances", "0")
    assert run("simulate", "defaults", *arguments).exit_code == 2


@pytest.mark.parametrize("source", ["nonsense", "poison:1/h", "cloudwatch:99", "cloudwatch:x", "s3://"])
def test_arrivals_are_checked_before_the_endpoint_is_looked_at(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr("async_endpoint.terraform.outputs.read_endpoint", lambda *_, **__: pytest.fail("it was asked for"))
    for arguments in ([source, "--service-time", "1"], ["poisson:1/h", source, "--service-time", "1"]):
        assert isinstance(run("simulate", "dev", *arguments).exception, AsyncEndpointError)
    assert "service time" in str(run("simulate", "dev", "cloudwatch:1", "--service-time", "a**b").exception)
