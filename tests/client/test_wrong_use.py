"""A client used where or as it cannot be: one sentence at once, and never a wait without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Invocation, Request, Submitted
from async_endpoint.core.errors import InvalidInput
from support.forked_child import in_child


@pytest.fixture
def endpoint(aws: Any) -> Any:
    """A client with one request that has no outcome and one that has."""

    def answer(request: dict[str, Any], reply: dict[str, Any]) -> None:
        if request["Body"] == b"1":
            aws.s3.put(reply["OutputLocation"], request["Body"])

    aws.runtime.then = answer
    with AsyncEndpoint.from_outputs(
        aws.outputs, session=aws.session, config=ClientConfig(collect="head", poll_interval=0.01)
    ) as endpoint:
        yield endpoint


def test_a_forked_child_is_refused_at_once(endpoint: AsyncEndpoint) -> None:
    pending = endpoint.submit(b"2")
    submitted = pending.accepted(30)
    uses: list[Callable[[], object]] = [
        lambda: endpoint.submit(b"1"),
        lambda: endpoint.map([b"1"]),
        lambda: endpoint.as_completed([b"1"]),
        lambda: endpoint.send(Request(payload=b"1")),
        lambda: endpoint.resume(submitted),
        pending.result,
        pending.exception,
        pending.done,
        pending.status,
        pending.running,
        pending.cancelled,
        pending.cancel,
        lambda: pending.add_done_callback(print),
    ]
    for use in uses:
        assert "cannot be used in process" in in_child(use)
    assert not pending.done(), "the parent continues"


def test_locks_that_another_thread_held_do_not_matter(endpoint: AsyncEndpoint) -> None:
    pending = endpoint.submit(b"2")
    pending.accepted(30)
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with pending._condition, endpoint._collector._changed, endpoint._lock:
            held.set()
            go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        assert in_child(pending.result).startswith("UsageError")
        assert in_child(lambda: endpoint.submit(b"1")).startswith("UsageError")
        assert in_child(endpoint.close) == "returned None"
    finally:
        go.set()
        thread.join(30)


def test_a_child_neither_closes_the_parents_client_nor_loses_what_has_ended(endpoint: AsyncEndpoint, aws: Any) -> None:
    ended = endpoint.submit(b"1")
    ended.result(30)
    assert in_child(lambda: ended.result().body) == "returned b'1'"
    assert in_child(lambda: endpoint.__exit__(None, None, None)) == "returned None"
    assert endpoint.submit(b"1").result(30).body == b"1"


@pytest.mark.parametrize("payload", [None, 1, 1.5, bytearray(b"x"), memoryview(b"x"), ["x"], {"a": 1}, object])
def test_a_payload_of_another_type_is_refused(endpoint: AsyncEndpoint, aws: Any, payload: Any) -> None:
    with pytest.raises(InvalidInput, match=f"The payload is of type {type(payload).__name__}; give"):
        endpoint.submit(payload)
    [invocation] = endpoint.as_completed([payload])
    with pytest.raises(InvalidInput, match="The payload is of type"):
        invocation.result(0)
    assert aws.runtime.calls == []


def test_a_request_takes_its_payload_by_position_and_options_by_name() -> None:
    assert Request(b"1", key="one") == Request(payload=b"1", key="one")
    with pytest.raises(TypeError, match="positional"):
        Request(b"1", "text/plain")  # type: ignore[misc]


@pytest.mark.parametrize("option", [{"content_type": 1}, {"accept": b"x"}, {"key": 7}, {"inline": "yes"}, {"inline": 1}])
def test_an_option_of_another_type_is_refused(endpoint: AsyncEndpoint, option: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(option))):
        endpoint.submit(b"x", **option)


def test_other_arguments_of_other_types_are_refused(endpoint: AsyncEndpoint, aws: Any) -> None:
    anything: Any = endpoint
    pending = Invocation("run-1", "1")
    submitted = Submitted("a", None, "s3://b-1/o", None, 1.0, datetime(2026, 1, 1, tzinfo=UTC))
    uses: list[Callable[[], object]] = [
        lambda: anything.send(b"1"),
        lambda: anything.send(None),
        lambda: anything.resume(None),
        lambda: anything.resume(submitted.as_dict()),
        lambda: anything.map(None),
        lambda: anything.map(b"bytes are one payload"),
        lambda: anything.map("s3://b-1/k"),
        lambda: anything.map(Request(payload=b"1")),
        lambda: anything.as_completed(None),
        lambda: AsyncEndpoint(aws.outputs, session=aws.session),  # type: ignore[arg-type]
        lambda: AsyncEndpoint.from_outputs(None, session=aws.session),  # type: ignore[arg-type]
        lambda: AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, config={"max_in_flight": 1}),  # type: ignore[arg-type]
        lambda: AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, run=7),  # type: ignore[arg-type]
        lambda: AsyncEndpoint.from_outputs({"schema_version": 1}, session=aws.session),
        lambda: pending.result("soon"),  # type: ignore[arg-type]
        lambda: pending.exception(float("nan")),
        lambda: pending.add_done_callback(None),  # type: ignore[arg-type]
        lambda: Submitted.from_dict({"inference_id": "x"}),
        lambda: Submitted.from_dict(submitted.as_dict() | {"submitted_at": "yesterday"}),
    ]
    for use in uses:
        with pytest.raises(InvalidInput):
            use()


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": "8"},
        {"concurrency": True},
        {"max_in_flight": 1.5},
        {"attempts": None},
        {"max_rate": "fast"},
        {"max_rate": float("nan")},
        {"backoff_base": -1},
        {"poll_interval": 0},
        {"max_poll_interval": float("inf")},
        {"deadline": float("nan")},
        {"unreachable_timeout": None},
        {"collect": "telepathy"},
        {"trust_notifications": "no"},
    ],
)
def test_a_setting_of_another_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"ClientConfig.{next(iter(wrong))} is "):
        ClientConfig(**wrong)


def test_a_callback_that_exits_ends_no_thread_of_the_client(endpoint: AsyncEndpoint) -> None:
    def leave(_: Invocation) -> None:
        raise SystemExit(1)

    first = endpoint.submit(b"1")
    first.add_done_callback(leave)
    first.result(30)
    assert endpoint.submit(b"1").result(30).body == b"1"


def test_a_file_with_a_name_no_system_has_is_one_sentence(endpoint: AsyncEndpoint) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        endpoint.submit(Path("a\0b")).result(30)
