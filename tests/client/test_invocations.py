"""Invocations as futures, and the iterations over many of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Completed, Invocation, Request, State, Submitted
from async_endpoint.core.errors import Abandoned, InvalidInput, InvocationFailed, ResultNotReady, UsageError


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
    calls: list[Invocation] = []
    invocation.add_done_callback(calls.append)
    wins: list[bool] = []
    threads = [threading.Thread(target=lambda: wins.append(invocation.settle(completed()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wins.count(True) == 1
    assert calls == [invocation]


def test_a_late_callback_is_called_at_once_and_a_failing_one_affects_no_other(invocation: Invocation) -> None:
    calls: list[str] = []

    def broken(_: Invocation) -> None:
        raise RuntimeError("mine")

    invocation.add_done_callback(broken)
    invocation.add_done_callback(lambda _: calls.append("second"))
    invocation.settle(completed())
    invocation.add_done_callback(lambda _: calls.append("late"))
    assert calls == ["second", "late"]


def test_a_wait_that_is_too_short_is_a_timeout_error_of_the_tree(invocation: Invocation) -> None:
    for wait in (invocation.result, invocation.exception, invocation.accepted):
        with pytest.raises(TimeoutError) as caught:
            wait(timeout=0.01)
        assert isinstance(caught.value, ResultNotReady)
        assert str(caught.value) == "run-1 is still submitting after 0.01 s; wait longer."


def test_accepted_raises_what_prevented_acceptance(invocation: Invocation) -> None:
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
    settings = ClientConfig(**{"collect": "listing", "poll_interval": 0.01, "max_poll_interval": 0.05} | config)
    return AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, config=settings)


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


def numbered(count: int) -> list[Request]:
    return [Request(payload=json.dumps(number).encode(), tag=number) for number in range(count)]


def test_map_yields_results_in_order(answering: Any) -> None:
    with client(answering, max_in_flight=7) as endpoint:
        assert [result.json() for result in endpoint.map(numbered(100))] == list(range(100))


def test_as_completed_yields_each_invocation_once_with_its_tag(answering: Any) -> None:
    with client(answering, max_in_flight=7) as endpoint:
        ended = list(endpoint.as_completed(numbered(100)))
    assert all(invocation.result().json() == invocation.tag for invocation in ended)
    assert sorted(invocation.tag for invocation in ended) == list(range(100))


@pytest.mark.parametrize("method", ["map", "as_completed"])
def test_an_iteration_submits_at_most_max_in_flight_ahead(answering: Any, method: str) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"1"

    with client(answering, max_in_flight=5) as endpoint:
        results = getattr(endpoint, method)(endless())
        for number in range(1, 20):
            next(results)
            assert taken <= number + 5 + 1


def test_map_raises_the_first_failure_in_its_place_and_ends(answering: Any) -> None:
    with client(answering) as endpoint:
        results = endpoint.map([b"1", "not a uri", b"3"])
        assert next(results).body == b"1"
        with pytest.raises(InvalidInput):
            next(results)
        assert next(results, None) is None


def test_map_returns_exceptions_in_place_and_continues(answering: Any) -> None:
    with client(answering) as endpoint:
        first, second, third = endpoint.map([b"1", "not a uri", b"3"], return_exceptions=True)
    assert isinstance(first, Completed) and isinstance(third, Completed)
    assert (first.body, third.body) == (b"1", b"3")
    assert isinstance(second, InvalidInput)


def test_as_completed_continues_after_failures(answering: Any) -> None:
    with client(answering) as endpoint:
        states = [invocation.status() for invocation in endpoint.as_completed([b"1", "not a uri", b"3"])]
    assert sorted(states) == [State.COMPLETED, State.COMPLETED, State.NOT_SENT]


@pytest.mark.parametrize("method", ["map", "as_completed"])
def test_ending_an_iteration_early_cancels_what_has_not_been_sent(blocked: Any, method: str) -> None:
    with client(blocked.aws, concurrency=1, max_in_flight=2) as endpoint:
        results = getattr(endpoint, method)([b"ahead", b"blocked", b"never", b"never"])
        assert next(results)
        blocked.started.wait(30)
        results.close()
        blocked.release.set()
    assert all(call["Body"] != b"never" for call in blocked.aws.runtime.calls)


# --- cancelling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def blocked(answering: Any) -> Iterator[Any]:
    """An endpoint whose call with b"blocked" lasts until `release` is set; `started` is set when it begins."""
    started, release = threading.Event(), threading.Event()
    invoke = answering.runtime.invoke_endpoint_async

    def wait(**request: Any) -> Any:
        if request["Body"] == b"blocked":
            started.set()
            release.wait(30)
        return invoke(**request)

    answering.runtime.invoke_endpoint_async = wait
    yield SimpleNamespace(aws=answering, started=started, release=release)
    release.set()


def test_cancel_before_sending_means_it_is_never_sent(blocked: Any) -> None:
    with client(blocked.aws, concurrency=1) as endpoint:
        first = endpoint.submit(b"blocked")
        assert blocked.started.wait(30)
        second = endpoint.submit(b"2")
        assert (first.running(), second.running()) == (True, False)
        assert not first.cancel(), "it is being sent"
        assert second.cancel() and second.cancel()
        assert second.cancelled() and second.done() and not second.running()
        assert second.status() is State.CANCELLED
        for wait in (second.result, second.exception, second.accepted):
            with pytest.raises(CancelledError):
                wait(0)
        assert concurrent.futures.wait([second], timeout=0).done == {second}
        blocked.release.set()
        assert first.result(30).body == b"blocked"
        assert not first.cancel() and not first.cancelled()
        assert endpoint.submit(b"3").result(30).body == b"3"
    assert [call["Body"] for call in blocked.aws.runtime.calls] == [b"blocked", b"3"]


def test_a_cancelled_request_frees_its_key(blocked: Any) -> None:
    with client(blocked.aws, concurrency=1) as endpoint:
        endpoint.submit(b"blocked")
        assert blocked.started.wait(30)
        assert endpoint.submit(b"1", key="one").cancel()
        blocked.release.set()  # a third request would wait for the first to be sent
        again = endpoint.submit(b"2", key="one")
        assert again.result(30).body == b"2"


def test_a_shared_request_is_cancelled_by_none_of_its_invocations(blocked: Any) -> None:
    with client(blocked.aws, concurrency=1) as endpoint:
        endpoint.submit(b"blocked")
        assert blocked.started.wait(30)
        first, second = (endpoint.submit(b"1", key="one") for _ in range(2))
        assert not first.cancel()
        assert second.cancel(), "it only waits for the first"
        blocked.release.set()
        assert first.result(30).body == b"1"
        assert second.cancelled()


def test_closing_cancels_what_has_not_been_sent_and_abandons_the_rest(blocked: Any) -> None:
    endpoint = client(blocked.aws, concurrency=1)
    first = endpoint.submit(b"blocked")
    assert blocked.started.wait(30)
    second, third = (endpoint.submit(b"2", key="one") for _ in range(2))
    endpoint.close()
    with pytest.raises(Abandoned):
        first.result(0)
    assert [invocation.cancelled() for invocation in (first, second, third)] == [False, True, True]


def test_many_threads_cancel_and_the_sender_begins_and_one_wins(invocation: Invocation) -> None:
    for _ in range(200):
        one, barrier = Invocation("run-1", "1"), threading.Barrier(3)
        outcomes: list[bool] = []

        def act(do: Callable[[], bool], barrier: threading.Barrier = barrier, outcomes: list[bool] = outcomes) -> None:
            barrier.wait(30)
            outcomes.append(do())

        threads = [threading.Thread(target=act, args=(do,)) for do in (one.cancel, one.begin)]
        for thread in threads:
            thread.start()
        barrier.wait(30)
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == [False, True]
        assert one.cancelled() != one.running()


def test_wait_and_as_completed_of_the_standard_library(answering: Any) -> None:
    with client(answering) as endpoint:
        invocations = [endpoint.submit(str(number).encode()) for number in range(20)]
        assert {future.result().body for future in concurrent.futures.as_completed(invocations, timeout=30)} == {
            str(number).encode() for number in range(20)
        }
        done, pending = concurrent.futures.wait(invocations, timeout=30)
        assert (len(done), len(pending)) == (20, 0)


def test_a_wait_of_the_standard_library_ends_with_its_timeout(invocation: Invocation) -> None:
    assert concurrent.futures.wait([invocation], timeout=0.01).not_done == {invocation}
    with pytest.raises(TimeoutError):
        next(concurrent.futures.as_completed([invocation], timeout=0.01))


def test_an_acceptance_does_not_end_a_wait_for_the_result(invocation: Invocation) -> None:
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            invocation.result(30)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    for _ in range(100):
        invocation.accept(Submitted("run-1", None, "s3://b-1/o", None, 5.0, datetime(2026, 1, 1, tzinfo=UTC)))
    assert thread.is_alive() and not invocation.done()
    invocation.settle(completed())
    thread.join(30)
    assert raised == []


# --- its end -------------------------------------------------------------------------------------------------------------


def test_a_closed_client_refuses_requests(answering: Any) -> None:
    endpoint = client(answering)
    submitted = endpoint.submit(b"1", key="one").accepted(30)
    endpoint.close()
    endpoint.close()
    uses: list[Callable[[], object]] = [
        lambda: endpoint.submit(b"1"),
        lambda: endpoint.submit(b"1", key="one"),
        lambda: endpoint.send(Request(b"1")),
        lambda: endpoint.resume(submitted),
        lambda: endpoint.map([b"1"]),
        lambda: endpoint.as_completed([b"1"]),
        endpoint.__enter__,
    ]
    for use in uses:
        with pytest.raises(UsageError, match="shop is closed; create another one"):
            use()


def test_closing_raises_in_callers_that_wait_for_room(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(answering.runtime, "invoke_endpoint_async", lambda **_: held.wait(30) and {})
    endpoint = client(answering, concurrency=1)
    sent: list[Invocation] = []
    raised: list[Exception] = []

    def submit_for_ever() -> None:
        try:
            while True:
                sent.append(endpoint.submit(b"1"))
        except UsageError as error:
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


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"max_in_flight": 0}, {"attempts": 0}, {"max_rate": 0}, {"deadline": -1}]
)
def test_invalid_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        ClientConfig(**wrong)


def test_a_run_that_could_not_be_a_folder_is_refused(aws: Any) -> None:
    with pytest.raises(InvalidInput, match="The run 'a/b' is invalid"):
        AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, run="a/b")


def test_submitted_survives_json() -> None:
    submitted = Submitted("run-1", None, "s3://b-1/o", "s3://b-1/f", 5.0, datetime(2026, 1, 1, tzinfo=UTC))
    assert Submitted.from_dict(json.loads(json.dumps(submitted.as_dict() | {"more": 1}))) == submitted
