"""`async-endpoint batch` and `watch` as a person runs them: what is printed, and with which code they end."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.batch.run import Progress
from async_endpoint.cli import batch, watch
from async_endpoint.cli.batch_progress import counts_text
from async_endpoint.core.errors import AsyncEndpointError, BatchFailed, EndpointNotReady, InvalidInput
from async_endpoint.operations.watch import Activity, Watch, WatchSnapshot
from async_endpoint.terraform.outputs import AwsAccess
from support.common import until

Line = Callable[..., Any]
pytestmark = pytest.mark.xdist_group("client-batch")  # one local AWS for all of them


@pytest.fixture
def line(shared_endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> Line:
    """`async-endpoint …` on the shared endpoint, as if Terraform had applied it."""
    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_endpoint = lambda environment, *, local: (shared_endpoint.outputs, AwsAccess(shared_endpoint.local_aws.url))
    monkeypatch.setitem(sys.modules, deployed.__name__, deployed)
    monkeypatch.setattr(batch.console, "width", 200)
    app = typer.Typer()
    batch.register(app)
    watch.register(app)

    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], terminal_width=200)

    return run


def code_of(result: Any) -> int:
    """What the console command would end with."""
    return result.exception.exit_code if isinstance(result.exception, AsyncEndpointError) else result.exit_code


def test_a_batch_ends_with_a_table_and_code_0(line: Line, inputs: Path, tmp_path: Path) -> None:
    result = line("batch", "local", inputs, "--out", tmp_path / "out")
    assert code_of(result) == 0, result.exception
    assert result.stdout == ""
    assert "6" in result.stderr
    assert "submission to result" in result.stderr


def test_failed_items_end_it_with_code_1_until_they_are_fixed(line: Line, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"body": {{"needs": "{tmp_path}/fixed"}}}}\n{{"body": {{"number": 2}}}}')
    arguments = ("batch", "local", tmp_path / "rows.jsonl", "--out", tmp_path / "out", "--json")
    result = line(*arguments)
    assert isinstance(result.exception, BatchFailed)
    assert code_of(result) == 1
    assert "1 of 2 items failed" in str(result.exception)
    document = json.loads(result.stdout)
    assert (document["done"], document["failed"]) == (1, 1)
    assert "not fixed yet" in document["reasons"][0]["text"]
    (tmp_path / "fixed").touch()
    assert code_of(line(*arguments)) == 1
    result = line(*arguments, "--retry-failed")
    assert code_of(result) == 0, result.exception
    assert json.loads(result.stdout)["done"] == 2


def test_a_source_that_is_none_ends_it_with_code_2(line: Line, tmp_path: Path) -> None:
    result = line("batch", "local", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert isinstance(result.exception, InvalidInput)
    assert code_of(result) == 2
    assert not (tmp_path / "out").exists()


def test_the_progress_line_shows_counts_rate_and_time_left() -> None:
    progress = Progress(seen=50, skipped=10, submitted=40, waiting=5, done=33, failed=2)
    assert counts_text(progress, 2.0, 100, "instances 1, 2 wanted").split("  ") == [
        "submitted 40",
        "waiting 5",
        "done 33",
        "failed 2",
        "skipped 10",
        "2.0/s",
        "0:28 left",
        "instances 1, 2 wanted",
    ]
    assert "left" not in counts_text(progress, 2.0, None, "")


def test_watch_shows_backlog_instances_and_results(line: Line, shared_endpoint: Any) -> None:
    def measured() -> dict[str, Any] | None:
        shared_endpoint.deployed.ask({"number": 1})
        document: dict[str, Any] = json.loads(line("watch", "local", "--json").stdout)
        return document if document["processed"] else None

    document = until(measured, "a minute in which something was processed has been measured")
    assert (document["endpoint"], document["status"]) == (shared_endpoint.deployed.name, "InService")
    assert (document["instances"], document["desired_instances"]) == (1, 1)
    assert document["backlog"] is not None
    assert document["hidden"] == []
    newest = document["results"][0]
    assert newest["uri"].startswith(f"s3://{shared_endpoint.deployed.bucket}/")
    assert document["keys_seen"] >= len(document["results"]) > 0
    assert document["all_keys"] is True
    result = line("watch", "local", "--once")
    assert result.exit_code == 0, result.exception
    for word in (shared_endpoint.deployed.name, "InService", "backlog", "oldest request", newest["uri"].rpartition("/")[2]):
        assert word in result.stderr


def test_watch_continues_until_ctrl_c(line: Line, shared_endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch, "time", types.SimpleNamespace(sleep=nap))
    result = line("watch", "local", "--interval", "0.5")
    assert result.exit_code == 0, result.exception
    assert naps == [0.5, 0.5, 0.5]
    assert shared_endpoint.deployed.name in result.stderr
    assert result.stderr.rstrip().endswith("stopped")


def test_watch_of_an_endpoint_that_is_not_there_says_so(shared_endpoint: Any) -> None:
    missing = replace(shared_endpoint.outputs, endpoint=replace(shared_endpoint.outputs.endpoint, name="missing"))
    with pytest.raises(EndpointNotReady, match="Endpoint missing does not exist; apply its environment first"):
        Watch(AwsSession.create(missing.region, shared_endpoint.local_aws.url), missing).snapshot()


def test_what_watch_may_not_read_is_named() -> None:
    view = WatchSnapshot(
        endpoint="shop",
        status="Failed",
        config="shop-1",
        failure_reason="no capacity",
        instances=0,
        desired_instances=1,
        measured=None,
        backlog=None,
        oldest_seconds=None,
        processed=None,
        failed=None,
        expired=None,
        results=(),
        keys_seen=3_000,
        all_keys=False,
        activities=(Activity("2026-11-27T08:00:00+00:00", "Successful", "Setting desired to 1", "the alarm"),),
        hidden=("cloudwatch:GetMetricData is denied",),
        suspended=(),
        suspension=None,
    )
    console = Console(width=200)
    with console.capture() as capture:
        console.print(watch.shown(view))
    for word in (
        "no capacity",
        "0 of 1",
        "no datapoint yet",
        "of the first 3,000 by name",
        "Setting desired to 1",
        "not shown: ",
    ):
        assert word in capture.get()
