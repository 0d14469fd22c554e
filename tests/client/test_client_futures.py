"""Invocations as futures, and the iterations over many of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from async_endpoint.client import AsyncEndpoint, ClientConfig, Completed, Invocation, Request, State, Submitted
from async_endpoint.core.errors import Abandoned, InvalidInput, InvocationFailed, ResultNotReady


def completed(body: bytes = b"1") -> Completed:
    return Completed(body, "application/json", "s3://b-1/o", 1.0)


@pytest.fixture
def invocation() -> Invocation:
    return Invocation("run-1", "1")


def test_the_first_outcome_stays(invocation: Invocation) -> None:
    assert invocation.settle(completed(b"1"))
    assert not invocation.settle(completed(b"2"))
    assert not invocation.settle(InvocationFailed("late"))
    assert invocation.result().body == b"1"
    assert invocation.exception() is None


def test_of_many_threads_that_settle_one_wins(invocation: Invocation) -> None:
    told: list[Invocation] = []
    invocation.add_done_callback(told.append)
    wins: list[bool] = []
    threads = [threading.Thread(target=lambda: wins.append(invocation.settle(completed()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wins.count(True) == 1
    assert told == [invocation]


def test_a_callback_after_the_end_is_called_at_once_and_one_that_fails_harms_nobody(invocation: Invocation) -> None:
    told: list[str] = []

    def broken(_: Invocation) -> None:
        raise RuntimeError("mine")

    invocation.add_done_callback(broken)
    invocation.add_done_callback(lambda _: told.append("second"))
    invocation.settle(completed())
    invocation.add_done_callback(lambda _: told.append("late"))
    assert told == ["second", "late"]


def test_a_wait_that_is_too_short_is_a_timeout_error_of_the_tree(invocation: Invocation) -> None:
    for wait in (invocation.result, invocation.exception, invocation.accepted):
        with pytest.raises(TimeoutError) as caught:
            wait(timeout=0.01)
        assert isinstance(caught.value, ResultNotReady)
        assert str(caught.value) == "run-1 is still submitting after 0.01 s; wait longer."


def test_accepted_raises_what_kept_it_away(invocation: Invocation) -> None:
    invocation.settle(InvalidInput("too long"))
    with pytest.raises(InvalidInput):
        invocation.accepted()
    assert invocation.status() is State.NOT_SENT


def test_await_and_gather(invocation: Invocation) -> None:
    others = [Invocation(f"run-{number}", str(number)) for number in range(2, 5)]

    async def wait() -> list[Any]:
        return await asyncio.gather(invocation, *others, return_exceptions=True)

    def settle() -> None:
        for number, one in enumerate([invocation, *others]):
            one.settle(completed(str(number).encode()) if number != 2 else InvocationFailed("bad"))

    timer = threading.Timer(0.05, settle)
    timer.start()
    first, second, third, fourth = asyncio.run(wait())
    timer.join()
    assert (first.body, second.body, fourth.body) == (b"0", b"1", b"3")
    assert isinstance(third, InvocationFailed)


def test_an_await_that_is_cancelled_leaves_the_invocation_alone(invocation: Invocation) -> None:
    async def give_up() -> None:
        async with asyncio.timeout(0.01):
            await invocation

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    invocation.settle(completed())
    assert asyncio.run(_of(invocation)).body == b"1"


async def _of(invocation: Invocation) -> Completed:
    return await invocation


# --- the client ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering(aws: Any) -> Any:
    """An endpoint that answers each body with itself; results are listed."""

    def answer(request: dict[str, Any], reply: dict[str, Any]) -> None:
        reply["OutputLocation"] = f"s3://shop-123456789012/output/{request['S3OutputPathExtension']}/{request['Filename']}"
        aws.s3.put(reply["OutputLocation"], request["Body"])

    aws.runtime.then = answer
    return aws


def client(aws: Any, **config: Any) -> AsyncEndpoint:
    settings = ClientConfig(**{"collect": "listing", "poll_seconds": 0.01, "poll_cap_seconds": 0.05} | config)
    return AsyncEndpoint(aws.outputs, session=aws.session, config=settings)


def test_ids_are_the_runs_and_unique_and_outputs_are_known_beforehand(answering: Any) -> None:
    with client(answering) as endpoint:
        invocations = [endpoint.submit(b"1") for _ in range(30)]
        ids = {invocation.inference_id for invocation in invocations}
        assert len(ids) == 30
        assert all(name.startswith(f"{endpoint.run}-") and len(name) <= 64 for name in ids)
        where = invocations[0].accepted().output_location
        assert where == f"s3://shop-123456789012/output/{endpoint.run}/{invocations[0].key}.out"


def test_two_clients_have_two_runs(aws: Any) -> None:
    with client(aws) as one, client(aws) as other:
        assert one.run != other.run


@pytest.mark.parametrize("ordered", [True, False])
def test_map_brings_each_request_once_with_its_tag(answering: Any, ordered: bool) -> None:
    requests = [Request(payload=json.dumps(number).encode(), tag=number) for number in range(100)]
    with client(answering, window=7) as endpoint:
        ended = list(endpoint.map(requests, ordered=ordered))
    assert [invocation.result().document() for invocation in ended] == [invocation.tag for invocation in ended]
    tags = [invocation.tag for invocation in ended]
    assert tags == list(range(100)) if ordered else sorted(tags) == list(range(100))


@pytest.mark.parametrize("ordered", [True, False])
def test_map_takes_no_more_than_its_window_ahead(answering: Any, ordered: bool) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"1"

    with client(answering, window=5) as endpoint:
        results = endpoint.map(endless(), ordered=ordered)
        for number in range(1, 20):
            assert next(results).done()
            assert taken <= number + 5 + 1


def test_map_goes_on_past_what_fails(answering: Any) -> None:
    with client(answering) as endpoint:
        ended = list(endpoint.map([b"1", "not a uri", b"3"], ordered=True))
    assert [invocation.status() for invocation in ended] == [State.COMPLETED, State.NOT_SENT, State.COMPLETED]


def test_a_closed_client_takes_nothing_more(answering: Any) -> None:
    endpoint = client(answering)
    endpoint.submit(b"1").result()
    endpoint.close()
    endpoint.close()
    with pytest.raises(Abandoned, match="make another one"):
        endpoint.submit(b"1")


def test_whoever_waits_for_room_is_told_when_the_client_is_closed(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(answering.runtime, "invoke_endpoint_async", lambda **_: held.wait(30) and {})
    endpoint = client(answering, concurrency=1)
    sent: list[Invocation] = []
    raised: list[Exception] = []

    def submit_for_ever() -> None:
        try:
            while True:
                sent.append(endpoint.submit(b"1"))
        except Abandoned as error:
            raised.append(error)

    thread = threading.Thread(target=submit_for_ever)
    thread.start()
    while len(sent) < 2:
        assert thread.is_alive()
    endpoint.close()
    thread.join(30)
    assert not thread.is_alive() and raised
    assert all(invocation.done() for invocation in sent)
    held.set()


def test_sending_alone_starts_no_thread(answering: Any) -> None:
    with client(answering) as endpoint:
        submitted = endpoint.send(Request(payload=b"1", key="mine"))
        assert submitted.inference_id == f"{endpoint.run}-mine"
        assert endpoint._thread is None


def test_a_submission_that_cannot_be_made_ends_its_invocation(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(answering.runtime, "invoke_endpoint_async", broken)
    with client(answering) as endpoint, pytest.raises(Exception, match="ZeroDivisionError"):
        endpoint.submit(b"1").result(timeout=30)


def test_an_endpoint_by_its_outputs_as_json(answering: Any) -> None:
    with AsyncEndpoint(answering.outputs.as_dict(), session=answering.session) as endpoint:
        assert endpoint.target.name == "shop"
        assert endpoint.target.deadline_seconds == 3_960


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"window": 0}, {"attempts": 0}, {"max_rate": 0}, {"deadline_seconds": -1}]
)
def test_numbers_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        ClientConfig(**wrong)


def test_a_run_that_could_not_be_a_folder_is_refused(aws: Any) -> None:
    with pytest.raises(InvalidInput, match="The run 'a/b' cannot be used"):
        AsyncEndpoint(aws.outputs, session=aws.session, run="a/b")


def test_submitted_survives_json() -> None:
    submitted = Submitted("run-1", None, "s3://b-1/o", "s3://b-1/f", 5.0, datetime(2026, 1, 1, tzinfo=UTC))
    assert Submitted.from_dict(json.loads(json.dumps(submitted.as_dict() | {"more": 1}))) == submitted
