"""`async-endpoint compare` and `retire` as a person runs them, on a real-time and an asynchronous endpoint of one model."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.capacity.prices import PriceList
from async_endpoint.cli import compare, retire
from async_endpoint.core.errors import AnswersDiffer, EndpointInUse, EndpointNotReady, InvalidInput, UsageError
from async_endpoint.terraform.outputs import AwsAccess
from support.client_against_emulator import JSON, Stage, orders
from support.common import until
from support.echo_endpoint import outputs_of
from support.in_process_aws import REGION, AwsHarness
from support.synchronous_endpoint import Live, go_live

Line = Callable[..., Any]
pytestmark = pytest.mark.xdist_group("compare-and-retire")  # one local AWS, and one endpoint that several tests compare


@pytest.fixture
def line(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Line:
    """`async-endpoint …`, as if Terraform had applied the endpoint of the stage."""
    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_endpoint = lambda address, *, local: (outputs_of(stage.deployed), AwsAccess(stage.local_aws.url))
    monkeypatch.setitem(sys.modules, deployed.__name__, deployed)
    monkeypatch.setattr(compare.console, "width", 200)
    app = typer.Typer()
    compare.register(app)
    retire.register(app)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], terminal_width=200)


def real_time_endpoint(local_aws: AwsHarness, stage: Stage) -> Live:
    deployed = stage.deployed
    variant = {"VariantName": "old", "ModelName": deployed.model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return go_live(local_aws, deployed.bucket, deployed.role, [variant])


@pytest.fixture(scope="module")
def real_time(local_aws: AwsHarness, stage: Stage) -> Live:
    return real_time_endpoint(local_aws, stage)


def test_equal_answers_are_found_equal(line: Line, stage: Stage, real_time: Live, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.json").write_bytes(orders(answer={"number": number, "score": number / 3}))
    (tmp_path / "refused.json").write_bytes(orders(status=400, message="no size XL"))
    (tmp_path / ".hidden").write_bytes(b"not an input")
    done = line("compare", real_time.name, "local", tmp_path, "--accept", JSON, "--repeat", 2, "--json")
    assert done.exit_code == 0, done.exception
    report = json.loads(done.stdout)
    assert report["passed"] and {name: count for name, count in report["counts"].items() if count} == {
        "equal": 8,
        "same error": 2,
    }
    for latency in report["latency"].values():
        assert latency["answered"] == 8
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["longest"]
    hourly = PriceList.load(REGION, today=date(2026, 11, 30)).instance("ml.m5.large")
    assert hourly is not None
    for running, name in zip(report["running"], (real_time.name, stage.deployed.name), strict=True):
        assert (running["endpoint_name"], running["instances"]) == (name, {"ml.m5.large": 1})
        assert running["usd_per_hour"] == hourly.usd
    assert [Path(item["name"]).name for item in report["inputs"][:5]] == [
        "0.json",
        "1.json",
        "2.json",
        "3.json",
        "refused.json",
    ]


def test_different_answers_are_found_out(line: Line, real_time: Live, tmp_path: Path) -> None:
    """The model answers with its request's inference id and its endpoint's environment, which differ."""
    (tmp_path / "one.json").write_bytes(orders())
    words = ("compare", real_time.name, "local", tmp_path, "--accept", JSON)
    done = line(*words, "--markdown")
    assert isinstance(done.exception, AnswersDiffer) and "1 of 1 answers" in str(done.exception)
    assert "| 1 | different |" in done.stdout and "one.json" in done.stdout and "&#36;.seen" in done.stdout
    named = line(*words, "--ignore", "environment")
    assert isinstance(named.exception, AnswersDiffer) and "$.seen.inference_id is " in named.stderr
    same = line(*words, "--ignore", "environment", "--ignore", "inference_id")
    assert same.exit_code == 0, same.exception
    assert "equal: 1" in same.stderr


def test_inputs_are_checked_before_anything_is_sent(line: Line, tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "nothing.json"):
        assert isinstance(line("compare", "old", "local", wrong).exception, InvalidInput)
    assert isinstance(line("compare", "old", "local", __file__, "--json", "--markdown").exception, UsageError)


def test_an_endpoint_that_is_called_is_kept_and_one_that_is_quiet_is_deleted(
    line: Line, local_aws: AwsHarness, stage: Stage
) -> None:
    old = real_time_endpoint(local_aws, stage)
    unused = line("retire", old.name, "local", "--quiet", 5, "--check")
    assert unused.exit_code == 0 and "nor in the 14 days before" in unused.stderr, unused.exception
    assert old.call({"answer": 7}).document == 7
    until(lambda: line("retire", old.name, "local", "--quiet", 600, "--check").exception, "the call is counted")
    refused = line("retire", old.name, "local", "--quiet", 600, "--yes")
    assert isinstance(refused.exception, EndpointInUse), refused.exception
    assert "was called 1 time in the last 600 minutes" in str(refused.exception)
    assert local_aws.sagemaker.describe_endpoint(EndpointName=old.name)["EndpointStatus"] == "InService"

    unanswered = line("retire", old.name, "local", "--quiet", 5, "--wait", 60)
    assert isinstance(unanswered.exception, UsageError) and "--yes" in str(unanswered.exception)
    done = line("retire", old.name, "local", "--quiet", 5, "--wait", 60, "--yes", "--json")
    assert done.exit_code == 0, done.exception
    document = json.loads(done.stdout)
    assert document["deleted"] and document["kept"] == {"endpoint_config": old.config, "models": [stage.deployed.model]}
    gone = line("retire", old.name, "local", "--yes")
    assert isinstance(gone.exception, EndpointNotReady) and "does not exist" in str(gone.exception)
    assert local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=old.config)
    assert f"create-endpoint --endpoint-name {old.name} --endpoint-config-name {old.config}" in done.stderr


def test_an_asynchronous_endpoint_is_not_retired(line: Line, stage: Stage) -> None:
    asynchronous = line("retire", stage.deployed.name, "local", "--yes")
    assert isinstance(asynchronous.exception, UsageError) and "is asynchronous" in str(asynchronous.exception)
