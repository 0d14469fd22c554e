from __future__ import annotations

import base64
import dataclasses
import functools
import json
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.cli import invoke as command
from async_endpoint.core.errors import (
    InvalidInput,
    InvocationFailed,
    ResultNotReady,
    SmokeTestFailed,
    UnknownEndpoint,
    UsageError,
)
from async_endpoint.core.outputs import Archive, ExecutionRole, Model
from async_endpoint.terraform.outputs import AwsAccess

pytestmark = pytest.mark.usefixtures("at_once")

OUTPUT = "s3://shop-123456789012/output/1.out"
RECOMMENDATIONS = {
    "recommendations": [
        {"path": "catalogue/[red]/shirt-01.png", "category": "shirt", "gender": "women", "score": 0.98765},
        {"path": "catalogue/shirt-02.png", "category": "shirt", "gender": "men", "score": 1},
    ]
}


@pytest.fixture
def shirt(tmp_path: Path) -> Path:
    path = tmp_path / "shirt.png"
    path.write_bytes(b"pixels")
    return path


class Line:
    """`async-endpoint …` on the fake AWS; records the addresses read and the sessions created."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.asked: list[tuple[str, bool]] = []
        self.created: list[tuple[str, str | None]] = []
        self.app = typer.Typer()
        command.register(self.app)

    def read_endpoint(self, address: str, *, local: bool) -> tuple[Any, AwsAccess]:
        self.asked.append((address, local))
        return self.aws.outputs, AwsAccess("http://127.0.0.1:4566" if local else None)

    def read_outputs(self, address: str, *, local: bool) -> Any:
        outputs, access = self.read_endpoint(address, local=local)
        return SimpleNamespace(environment=address, endpoints={"shirts": outputs}, access=access)

    def create(self, region: str, endpoint_url: str | None = None, **options: Any) -> AwsSession:
        self.created.append((region, endpoint_url))
        return self.aws.session

    def __call__(self, *arguments: Any) -> Any:
        return CliRunner().invoke(self.app, [str(argument) for argument in arguments], terminal_width=200)


@pytest.fixture
def line(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line(aws)
    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_outputs, deployed.read_endpoint = line.read_outputs, line.read_endpoint
    monkeypatch.setitem(sys.modules, deployed.__name__, deployed)
    monkeypatch.setattr(AwsSession, "create", line.create)
    monkeypatch.setattr(command.console, "width", 200)
    from_outputs = functools.partial(command.AsyncEndpoint.from_outputs, clock=aws.clock)
    monkeypatch.setattr(command, "AsyncEndpoint", SimpleNamespace(from_outputs=from_outputs))
    monkeypatch.setattr(command, "smoke_test", functools.partial(command.smoke_test, clock=aws.clock))
    return line


def test_without_wait_the_output_location_is_printed_at_once(line: Line, shirt: Path) -> None:
    result = line("invoke", "dev", shirt)
    assert result.exit_code == 0, result.exception
    assert result.stdout == f"{OUTPUT}\n"
    assert result.stderr.startswith("submitted ")
    assert line.aws.time.naps == []
    assert line.asked == [("dev", False)]
    assert line.created == [("eu-west-1", None)]


def test_local_selects_the_local_aws(line: Line, shirt: Path) -> None:
    assert line("invoke", "dev", shirt, "--local").exit_code == 0
    assert line.asked == [("dev", True)]
    assert line.created == [("eu-west-1", "http://127.0.0.1:4566")]


def test_wait_ends_with_the_output_location(line: Line, shirt: Path) -> None:
    line.aws.time.at(9, lambda: line.aws.s3.put(OUTPUT, b"{}"))
    result = line("invoke", "dev", shirt, "--wait")
    assert result.exit_code == 0, result.exception
    assert result.stdout == f"{OUTPUT}\n"
    assert "completed in" in result.stderr


def test_display_results_waits_and_shows_recommendations_as_a_table(line: Line, shirt: Path) -> None:
    line.aws.s3.put(OUTPUT, json.dumps(RECOMMENDATIONS).encode())
    result = line("invoke", "dev", shirt, "--display-results")
    assert result.exit_code == 0, result.exception
    assert result.stdout == f"{OUTPUT}\n"
    for shown in ("category", "gender", "score", "catalogue/[red]/shirt-01.png", "women", "0.9877", "men"):
        assert shown in result.stderr


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [
        (b'{"label": "[bold]shirt"}', "application/json", '"label": "[bold]shirt"'),
        (b"\x89PNG", "image/png", "4 bytes of image/png"),
        (b'{"recommendations": ["shirt-01"]}', "application/json", "shirt-01"),
    ],
)
def test_display_results_shows_any_result(line: Line, shirt: Path, body: bytes, content_type: str, shown: str) -> None:
    line.aws.s3.put(OUTPUT, body, content_type)
    result = line("invoke", "dev", shirt, "--display-results")
    assert result.exit_code == 0, result.exception
    assert shown in result.stderr


def test_json_without_wait_is_one_document(line: Line, shirt: Path) -> None:
    result = line("invoke", "dev", shirt, "--upload", "--json")
    document = json.loads(result.stdout)
    assert document["output_location"] == OUTPUT
    assert document["input_location"].startswith("s3://shop-123456789012/input/")
    assert document["deadline_seconds"] == 3960
    assert "status" not in document


def test_json_with_the_result_is_one_document(line: Line, shirt: Path) -> None:
    line.aws.s3.put(OUTPUT, json.dumps(RECOMMENDATIONS).encode())
    document = json.loads(line("invoke", "dev", shirt, "--display-results", "--json").stdout)
    assert document["status"] == "Completed"
    assert document["result"] == RECOMMENDATIONS
    assert document["output_location"] == OUTPUT


def test_json_of_a_failure_is_one_document_and_an_error(line: Line, shirt: Path) -> None:
    line.aws.s3.put("s3://shop-123456789012/failure/1-error.out", b"not an image")
    result = line("invoke", "dev", shirt, "--wait", "--json")
    assert isinstance(result.exception, InvocationFailed)
    assert result.exception.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["status"], document["reason"]) == ("Failed", "not an image")


def test_timeout_is_the_deadline_and_json_says_pending(line: Line, shirt: Path) -> None:
    result = line("invoke", "dev", shirt, "--timeout", 7, "--json")
    assert isinstance(result.exception, ResultNotReady)
    assert result.exception.exit_code == 3
    assert json.loads(result.stdout)["status"] == "Pending"
    assert sum(line.aws.time.naps) == pytest.approx(7)


def test_top_k_sends_the_recommenders_request(line: Line, shirt: Path) -> None:
    assert line("invoke", "dev", shirt, "--top-k", 3).exit_code == 0
    [call] = line.aws.runtime.calls
    assert call["ContentType"] == "application/json"
    assert json.loads(call["Body"]) == {"image": base64.b64encode(b"pixels").decode(), "top_k": 3}


def test_top_k_of_an_s3_uri_is_refused_before_anything_is_read(line: Line) -> None:
    result = line("invoke", "dev", "s3://elsewhere/shirt.png", "--top-k", 3)
    assert isinstance(result.exception, InvalidInput)
    assert result.exception.exit_code == 2
    assert line.asked == []


def test_options_reach_the_call(line: Line, shirt: Path) -> None:
    line("invoke", "dev", shirt, "--inline", "--content-type", "image/x-shirt", "--accept", "application/json")
    [call] = line.aws.runtime.calls
    assert (call["Body"], call["ContentType"], call["Accept"]) == (b"pixels", "image/x-shirt", "application/json")


def test_verbose_says_how_the_result_is_found(line: Line, shirt: Path) -> None:
    line.aws.s3.put(OUTPUT, b"{}")
    assert "found by listing" not in line("invoke", "dev", shirt, "--wait").stderr
    messages = line("invoke", "dev", shirt, "--wait", "--verbose").stderr
    assert "Results are looked up in S3 while fewer than 8 requests are pending." in messages


def test_an_s3_uri_is_invoked_as_it_is(line: Line) -> None:
    assert line("invoke", "dev", "s3://elsewhere/shirt.png").exit_code == 0
    assert line.aws.runtime.calls[0]["InputLocation"] == "s3://elsewhere/shirt.png"


def keep_promises(aws: Any) -> None:
    def take(request: dict[str, Any], reply: dict[str, Any]) -> None:
        good = request["ContentType"] == "image/png"
        aws.s3.put(reply["OutputLocation" if good else "FailureLocation"], b"{}" if good else b"not an image")
        aws.announce(request, reply, reason=None if good else "not an image")

    aws.runtime.then = take


def test_smoke_test_prints_a_table(line: Line, shirt: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"noise")
    keep_promises(line.aws)
    result = line("smoke-test", "dev", "--good", shirt, "--bad", tmp_path / "bad.jpg", "--local")
    assert result.exit_code == 0, result.exception
    assert result.stdout == ""
    assert result.stderr.count("passed") == 10
    assert "error notification" in result.stderr
    assert line.asked == [("dev", True)]


def test_smoke_test_takes_the_queries_of_the_example_that_the_archive_was_built_from(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("modules/async-inference", "envs", "examples/shirts/queries"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("red-shirt.png", "yellow-shirt.png", "corrupt.jpg"):
        (tmp_path / "examples/shirts/queries" / name).write_bytes(name.encode())
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(tmp_path))
    archive = Archive("s3://bucket/model/recommender/0123456789abcdef/shirts.tar.gz", None, None)
    line.aws.outputs = dataclasses.replace(line.aws.outputs, model=Model((archive,), ExecutionRole("{}", False)))
    keep_promises(line.aws)
    result = line("smoke-test", "dev", "--json")
    assert result.exit_code == 0, result.exception
    assert {call["Body"] for call in line.aws.runtime.calls} == {b"red-shirt.png", b"corrupt.jpg"}
    document = json.loads(result.stdout)
    assert document["passed"] is True
    assert len(document["endpoints"]["shirts"]["checks"]) == 5


def test_smoke_test_of_a_model_without_example_asks_for_requests(line: Line) -> None:
    result = line("smoke-test", "dev", "--json")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).endswith("give --good FILE and --bad FILE.")
    assert line.aws.runtime.calls == []


def test_smoke_test_of_an_environment_without_endpoints_does_not_pass(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = SimpleNamespace(environment="dev", endpoints={}, endpoint_url=None)
    monkeypatch.setattr(sys.modules["async_endpoint.terraform.outputs"], "read_outputs", lambda address, local: nothing)
    result = line("smoke-test", "dev")
    assert isinstance(result.exception, UnknownEndpoint)
    assert "dev has no endpoint; add one to envs/dev/main.tf" in str(result.exception)


def test_a_failed_check_fails_the_smoke_test(line: Line, shirt: Path) -> None:
    keep_promises(line.aws)
    result = line("smoke-test", "dev", "--good", shirt, "--bad", shirt, "--timeout", 5, "--json")
    assert isinstance(result.exception, SmokeTestFailed)
    assert result.exception.exit_code == 1
    assert "failed 2 of 5 checks (failure object, error notification)" in str(result.exception)
    assert json.loads(result.stdout)["passed"] is False
