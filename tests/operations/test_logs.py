"""`async-endpoint logs`, on a CloudWatch Logs in memory that pages, delays and forgets as the real one does."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

import itertools
import json
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError
from moto.logs.models import LogsBackend
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.cli import logs as command
from async_endpoint.client.clock import Clock
from async_endpoint.core.errors import LocalAwsNotRunning, NotReady, UsageError
from async_endpoint.operations.logs import LATE_MILLISECONDS, LogLine, follow_logs, read_logs
from async_endpoint.terraform.outputs import AwsAccess

GROUP = "/aws/sagemaker/Endpoints/shop"
NOW = 1_700_000_000_000
FIRST, SECOND = "primary/i-1/data-log", "primary/i-2/data-log"


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Op")


@dataclass
class FakeLogs:
    """Answers stream by stream, two events a page, an empty page first; `newest_known` is what DescribeLogStreams reports."""

    events: list[dict[str, Any]] = field(default_factory=list)
    there: bool = True
    error: Exception | None = None
    newest_known: int | None = None
    starts: list[int] = field(default_factory=list)

    def say(self, stream: str, seconds: float, message: str) -> None:
        event = {"timestamp": NOW + int(seconds * 1000), "logStreamName": stream, "message": message}
        self.events.append(event | {"eventId": str(len(self.events))})

    def filter_log_events(self, logGroupName: str, startTime: int = 0, nextToken: str | None = None) -> dict[str, Any]:
        self._check(logGroupName)
        if nextToken is None:
            self.starts.append(startTime)
            return {"events": [], "nextToken": "0"}
        found = [event for event in self.events if event["timestamp"] >= startTime]
        found.sort(key=lambda event: event["logStreamName"])
        begin = int(nextToken)
        more = {"nextToken": str(begin + 2)} if begin + 2 < len(found) else {}
        return {"events": found[begin : begin + 2]} | more

    def describe_log_streams(self, logGroupName: str, orderBy: str, descending: bool, limit: int) -> dict[str, Any]:
        self._check(logGroupName)
        assert (orderBy, descending, limit) == ("LastEventTime", True, 1)
        return {"logStreams": [{} if self.newest_known is None else {"lastEventTimestamp": self.newest_known}]}

    def _check(self, group: str) -> None:
        assert group == GROUP
        if self.error:
            raise self.error
        if not self.there:
            raise refused("ResourceNotFoundException", "The specified log group does not exist.")


@pytest.fixture
def cloud() -> FakeLogs:
    return FakeLogs()


def session(cloud: Any) -> AwsSession:
    return AwsSession({"logs": cloud}.__getitem__, "eu-west-1", "http://127.0.0.1:9")


def messages(lines: Any) -> list[str]:
    return [line.message for line in lines]


def followed(cloud: FakeLogs, *rounds: Callable[[], None], **options: Any) -> Iterator[LogLine]:
    """The lines of a follow that is interrupted after these rounds, each of which happens while it sleeps."""
    left = iter(rounds)

    def sleep(seconds: float) -> None:
        assert seconds > 0
        happen = next(left, None)
        if happen is None:
            raise KeyboardInterrupt
        happen()

    lines = follow_logs(session(cloud), "shop", clock=Clock(sleep=sleep), **options)
    try:
        yield from lines
    except KeyboardInterrupt:
        return


def test_streams_are_merged_by_time_over_every_page(cloud: FakeLogs) -> None:
    for number in (3, 0, 4, 1, 2):
        cloud.say(SECOND if number % 2 else FIRST, number, f"line {number}\n")
    lines = read_logs(session(cloud), "shop")
    assert messages(lines) == [f"line {number}" for number in range(5)]
    assert [line.instance for line in lines] == ["i-1", "i-2", "i-1", "i-2", "i-1"]
    assert lines[1].time == "2023-11-14T22:13:21.000Z"


def test_lines_of_one_millisecond_keep_their_order(cloud: FakeLogs) -> None:
    for number in range(12):
        cloud.say(FIRST, 0, str(number))
    assert messages(read_logs(session(cloud), "shop")) == [str(number) for number in range(12)]


@pytest.mark.parametrize("known", [None, 0, 90, 100])
def test_since_counts_from_the_newest_line_however_late_aws_knows_of_it(cloud: FakeLogs, known: int | None) -> None:
    for seconds in (0, 39, 40, 90, 100):
        cloud.say(FIRST, seconds, str(seconds))
    cloud.newest_known = None if known is None else NOW + known * 1000
    assert messages(read_logs(session(cloud), "shop", since_minutes=1)) == ["40", "90", "100"]
    if known:
        assert cloud.starts == [NOW + (known - 60) * 1000]


def test_since_of_a_group_without_a_line_is_nothing(cloud: FakeLogs) -> None:
    assert read_logs(session(cloud), "shop", since_minutes=1) == []


def test_follow_continues_and_repeats_no_line(cloud: FakeLogs) -> None:
    cloud.say(FIRST, 0, "a")
    rounds = [
        lambda: cloud.say(SECOND, 0, "b"),
        lambda: None,
        lambda: cloud.say(FIRST, 3600, "d"),
        lambda: cloud.say(SECOND, 3590, "c, late"),
        lambda: cloud.say(FIRST, 3600, "e"),
        lambda: None,
    ]
    assert messages(followed(cloud, *rounds)) == ["a", "b", "d", "c, late", "e"]
    assert cloud.starts[0] == 0
    assert cloud.starts[-1] == NOW + 3_600_000 - LATE_MILLISECONDS


def test_follow_since_leaves_out_what_was_before(cloud: FakeLogs) -> None:
    cloud.newest_known = NOW + 600_000
    for seconds in (0, 594, 600):
        cloud.say(FIRST, seconds, str(seconds))
    rounds = [lambda: None, lambda: cloud.say(FIRST, 601, "601")]
    assert messages(followed(cloud, *rounds, since_minutes=0.1)) == ["594", "600", "601"]


def test_follow_waits_for_the_first_line(cloud: FakeLogs) -> None:
    assert messages(followed(cloud, lambda: None, lambda: cloud.say(FIRST, 0, "a"))) == ["a"]


@pytest.mark.parametrize("read", [read_logs, lambda *args, **options: list(follow_logs(*args, **options))])
@pytest.mark.parametrize("since", [None, 5])
def test_a_group_that_is_not_there_is_one_sentence(cloud: FakeLogs, read: Any, since: float | None) -> None:
    cloud.there = False
    with pytest.raises(NotReady, match=f"Endpoint shop has logged nothing yet .*{GROUP}.*invoke it"):
        read(session(cloud), "shop", since_minutes=since)


def test_a_denied_call_names_the_action(cloud: FakeLogs) -> None:
    cloud.error = refused("AccessDeniedException", "no")
    with pytest.raises(UsageError, match=f"logs:FilterLogEvents on {GROUP} is denied"):
        read_logs(session(cloud), "shop")


def test_a_local_aws_that_does_not_answer_is_named() -> None:
    aws = AwsSession.create("eu-west-1", "http://127.0.0.1:1")
    with pytest.raises(LocalAwsNotRunning, match="make local-up"):
        read_logs(aws, "shop")


def test_what_moto_answers_is_understood() -> None:
    """The local AWS's own Logs, with two instances and more lines than a page."""
    backend = LogsBackend("eu-west-1", "123456789012")
    backend.create_log_group(GROUP, tags={})
    now = int(time.time() * 1000)
    for number, stream in enumerate((FIRST, SECOND)):
        backend.create_log_stream(GROUP, stream)
        events = [{"timestamp": now + 2 * index + number, "message": f"{index}/{number}"} for index in range(50)]
        backend.put_log_events(GROUP, stream, events)

    def filter_log_events(logGroupName: str, startTime: int = 0, nextToken: str | None = None) -> dict[str, Any]:
        events, token, _ = backend.filter_log_events(logGroupName, [], startTime, 0, 30, nextToken, "", False)
        return {"events": events, "nextToken": token}

    def describe_log_streams(logGroupName: str, orderBy: str, descending: bool, limit: int) -> dict[str, Any]:
        streams, _ = backend.describe_log_streams(descending, limit, logGroupName, "", "", None, orderBy)
        return {"logStreams": streams}

    logs = SimpleNamespace(filter_log_events=filter_log_events, describe_log_streams=describe_log_streams)
    everything = [f"{index}/{number}" for index, number in itertools.product(range(50), range(2))]
    assert messages(read_logs(session(logs), "shop")) == everything
    assert messages(read_logs(session(logs), "shop", since_minutes=9.5 / 60_000)) == everything[-10:]


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(cloud: FakeLogs, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    asked: list[tuple[str, bool]] = []

    def read_endpoint(environment: str, *, local: bool) -> tuple[Any, AwsAccess]:
        asked.append((environment, local))
        outputs = SimpleNamespace(region="eu-west-1", endpoint=SimpleNamespace(name="shop"))
        return outputs, AwsAccess("http://127.0.0.1:4566" if local else None)

    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_endpoint = read_endpoint
    monkeypatch.setitem(sys.modules, deployed.__name__, deployed)
    monkeypatch.setattr(AwsSession, "create", lambda region, url, role_arn: session(cloud))
    app = typer.Typer()
    command.register(app)

    @app.callback()
    def several() -> None:
        """Keeps `logs` a command of its own name."""

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["logs", "dev", *arguments])
        result.asked = asked
        return result

    return run


def test_lines_are_printed_with_time_and_instance(run: Callable[..., Any], cloud: FakeLogs) -> None:
    cloud.say(SECOND, 0.25, "[bold]loaded")
    result = run("--local")
    assert result.exit_code == 0, result.exception
    assert result.stdout == "2023-11-14T22:13:20.250Z i-2 [bold]loaded\n"
    assert result.asked == [("dev", True)]


def test_json_is_one_document(run: Callable[..., Any], cloud: FakeLogs) -> None:
    cloud.say(FIRST, 0, "old")
    cloud.say(FIRST, 120, "new")
    document = json.loads(run("--json", "--since", "1").stdout)
    assert (document["endpoint_name"], document["log_group"]) == ("shop", GROUP)
    [event] = document["events"]
    assert event == {
        "event_id": "1",
        "instance": "i-1",
        "message": "new",
        "stream": FIRST,
        "time": "2023-11-14T22:15:20.000Z",
        "timestamp": NOW + 120_000,
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_ends_following_cleanly(
    run: Callable[..., Any], cloud: FakeLogs, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.say(FIRST, 0, "a")
    cloud.say(FIRST, 1, "b")
    monkeypatch.setattr(command, "follow_logs", lambda *_, since_minutes: followed_until_ctrl_c(cloud))
    result = run("--follow", *(["--json"] if as_json else []))
    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert ([json.loads(line)["message"] for line in lines] if as_json else [line[-1] for line in lines]) == ["a", "b"]


def followed_until_ctrl_c(cloud: FakeLogs) -> Iterator[LogLine]:
    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    return follow_logs(session(cloud), "shop", clock=Clock(sleep=sleep))


def test_nothing_logged_is_an_error_of_the_tree(run: Callable[..., Any], cloud: FakeLogs) -> None:
    cloud.there = False
    result = run()
    assert isinstance(result.exception, NotReady)
    assert result.exception.exit_code == 3
