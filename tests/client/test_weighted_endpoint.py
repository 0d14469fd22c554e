"""WeightedEndpoint: the share of calls that move, which ones, and that a call fails only where both endpoints would."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from async_endpoint import AsyncEndpoint, Weight, WeightedEndpoint
from async_endpoint.client.botocore_errors import client_error
from async_endpoint.client.weighted import share_of
from async_endpoint.core.errors import EndpointNotReady, InvalidInput
from support.answering_endpoint import AnsweringEndpoint, exceptions
from support.forked_child import in_child
from support.in_memory_aws import FakeAws
from support.in_memory_aws import client_error as service_error


@dataclass
class RealTime:
    """A boto3 client of sagemaker-runtime: answers `real <body>`, or raises `error`."""

    error: Exception | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    exceptions: Any = field(default_factory=exceptions)
    meta: Any = field(default_factory=lambda: SimpleNamespace(config=SimpleNamespace(read_timeout=20)))

    def invoke_endpoint(self, **given: Any) -> dict[str, Any]:
        self.calls.append(given)
        if self.error:
            raise self.error
        return {"Body": io.BytesIO(b"real " + given["Body"]), "InvokedProductionVariant": "old"}

    def close(self) -> None:
        self.calls.append({"closed": True})


class Traffic:
    """A router between the two, and how its calls were answered."""

    def __init__(self, answering: AnsweringEndpoint, weight: Weight, **options: Any) -> None:
        self.answering, self.real_time, self.connected = answering, RealTime(), 0
        self.router = WeightedEndpoint(self.real_time, "old", self.connect, weight, **options)

    def connect(self) -> AsyncEndpoint:
        self.connected += 1
        return self.answering.client()

    def call(self, body: Any = b"shirt", **arguments: Any) -> bytes:
        answer: bytes = self.router.invoke_endpoint(**{"EndpointName": "old", "Body": body} | arguments)["Body"].read()
        return answer


@pytest.fixture
def answering(aws: FakeAws) -> AnsweringEndpoint:
    return AnsweringEndpoint(aws)


@pytest.fixture
def traffic(answering: AnsweringEndpoint) -> Iterator[Callable[..., Traffic]]:
    made: list[Traffic] = []

    def make(weight: float | Weight = 1, **options: Any) -> Traffic:
        made.append(Traffic(answering, weight if isinstance(weight, Weight) else Weight.fixed(weight), **options))
        return made[-1]

    yield make
    for one in made:
        one.router.close()


# --- which calls move --------------------------------------------------------------------------------------------------


def test_a_weight_of_0_never_connects_and_1_moves_every_call(traffic: Callable[..., Traffic]) -> None:
    none, every = traffic(0, draw=lambda: 0.0), traffic(1, draw=lambda: 0.999_999)
    assert {none.call() for _ in range(20)} == {b"real shirt"}
    assert none.connected == 0
    assert {every.call() for _ in range(20)} == {b"shirt"}
    assert (every.connected, every.real_time.calls) == (1, [])


def test_the_share_of_calls_is_the_weight(traffic: Callable[..., Traffic]) -> None:
    draws = iter([0.1, 0.25, 0.24, 0.9] * 5)
    router = traffic(0.25, draw=lambda: next(draws))
    answers = [router.call() for _ in range(20)]
    assert answers == [b"shirt", b"real shirt", b"shirt", b"real shirt"] * 5
    assert (router.router.counts.asynchronous, router.router.counts.real_time) == (10, 10)


def test_a_sticky_key_moves_once_and_stays(traffic: Callable[..., Traffic], tmp_path: Path) -> None:
    weight, moved = tmp_path / "weight", []
    weight.write_text("0")
    router = traffic(Weight.in_file(weight), key=lambda call: call["CustomAttributes"])
    users = [f"user-{number}" for number in range(40)]
    for share in ("0", "0.1", "0.5", "0.5", "1"):
        weight.write_text(share)
        moved.append({user for user in users if router.call(CustomAttributes=user) == b"shirt"})
    assert moved[0] < moved[1] < moved[2] == moved[3] < moved[4] == set(users)


def test_keys_are_spread_evenly_and_alike_in_every_process() -> None:
    shares = sorted(share_of(f"user-{number}") for number in range(2_000))
    assert max(abs(share - number / 2_000) for number, share in enumerate(shares)) < 0.04
    assert share_of("user-1") == share_of(b"user-1") == pytest.approx(0xC6C289E49E9C05B2 / 2**64)  # sha256sum


def test_calls_without_a_key_are_drawn(traffic: Callable[..., Traffic]) -> None:
    router = traffic(0.5, key=lambda call: call.get("CustomAttributes"), draw=lambda: 0.4)
    assert router.call() == b"shirt"


@pytest.mark.parametrize("key", [lambda call: call["nothing"], lambda call: 7, lambda call: None])
def test_a_key_that_is_none_is_no_failure(traffic: Callable[..., Traffic], key: Any) -> None:
    assert traffic(0.5, key=key, draw=lambda: 0.4).call() == b"shirt"
    assert traffic(0.5, key=key, draw=lambda: 0.6).call() == b"real shirt"


def test_a_forked_child_connects_by_itself(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    router.call()
    assert in_child(lambda: (router.call(b"hat"), router.connected, router.router.counts.fallbacks)) == (
        "returned (b'hat', 2, 0)"
    )
    assert (router.call(), router.connected) == (b"shirt", 1)


def body_of(router: WeightedEndpoint, body: bytes) -> bytes:
    answer: bytes = router.invoke_endpoint(EndpointName="old", Body=body)["Body"].read()
    return answer


def test_a_child_that_is_forked_while_its_parent_connects_or_counts_is_not_blocked(answering: AnsweringEndpoint) -> None:
    connecting, parent, go_on = threading.Event(), os.getpid(), threading.Event()

    def connect() -> AsyncEndpoint:
        if os.getpid() == parent:
            connecting.set()
            assert go_on.wait(30)
        return answering.client()

    router = WeightedEndpoint(RealTime(), "old", connect, Weight.fixed(1))
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(body_of, router, b"shirt")
        assert connecting.wait(20)
        with router._lock, router._connection._lock:
            said = in_child(lambda: body_of(router, b"hat"))
        go_on.set()
        assert said == "returned b'hat'" and call.result(20) == b"shirt"
    router.close()


def test_a_child_that_is_forked_while_its_parent_reads_the_weight_reads_it_too() -> None:
    reading, parent, go_on, values = threading.Event(), os.getpid(), threading.Event(), iter(["0.1", "0.2", "0.3"])

    def read() -> str:
        value = next(values)
        if value != "0.1" and os.getpid() == parent:
            reading.set()
            assert go_on.wait(30)
        return value

    weight = Weight(read, refresh=0.0, in_background=True)
    assert weight.current() == 0.1 and reading.wait(20)
    assert in_child(lambda: wait_for(lambda: weight.current() == 0.3)) == "returned None"
    go_on.set()


def test_calls_to_other_endpoints_and_other_methods_pass_through(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    assert router.call(EndpointName="another") == b"real shirt"
    assert router.router.exceptions is router.real_time.exceptions
    assert router.router.meta is router.real_time.meta
    with pytest.raises(AttributeError):
        router.router.nothing_like_it()


# --- the weight --------------------------------------------------------------------------------------------------------


def test_the_weight_changes_while_callers_run(traffic: Callable[..., Traffic], tmp_path: Path) -> None:
    weight = tmp_path / "weight"
    weight.write_text("0")
    router, stop = traffic(Weight.in_file(weight)), threading.Event()
    answers: dict[str, set[bytes]] = {}

    def caller() -> int:
        calls = 0
        while not stop.is_set():
            share = weight.read_text()
            answer = router.call()
            if weight.read_text() == share:  # it did not change during the call
                answers.setdefault(share, set()).add(answer)
            calls += 1
        return calls

    with ThreadPoolExecutor(4) as callers:
        running = [callers.submit(caller) for _ in range(4)]
        for share in ("0", "1", "0", "1"):
            (tmp_path / "new").write_text(share)
            (tmp_path / "new").replace(weight)
            before = len(router.real_time.calls) + len(router.answering.calls)
            while len(router.real_time.calls) + len(router.answering.calls) < before + 40:
                threading.Event().wait(0.005)
        stop.set()
        calls = sum(done.result(20) for done in running)
    assert answers == {"0": {b"real shirt"}, "1": {b"shirt"}}
    counts = router.router.counts
    assert (counts.real_time + counts.asynchronous, counts.fallbacks) == (calls, 0)


@pytest.mark.parametrize("text", ["", "much", "-0.1", "1.01", "nan", "inf", "0,5", "\x00", "1" * 100])
def test_an_invalid_weight_is_refused_at_first_and_changes_nothing_later(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "weight"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="from 0"):
        Weight.in_file(file)
    file.write_text("0.3\n")
    weight = Weight.in_file(file)
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert [weight.current() for _ in range(5)] == [0.3] * 5
    assert len(caplog.records) == 1 and "stays 0.3" in caplog.text


def test_a_weight_that_has_gone_stays_and_one_that_comes_back_counts(tmp_path: Path) -> None:
    file = tmp_path / "weight"
    with pytest.raises(InvalidInput, match="No such file"):
        Weight.in_file(file)
    file.write_text("0.3")
    weight = Weight.in_file(file)
    file.unlink()
    assert weight.current() == 0.3
    file.write_text("0.4")
    assert weight.current() == 0.4


def test_a_parameter_is_read_in_the_background_and_seldom() -> None:
    now, asked, let_go = [0.0], threading.Semaphore(0), threading.Event()
    values = iter(["0.1", "0.2", "throttled"])

    def get_parameter(Name: str) -> dict[str, Any]:  # noqa: N803
        assert Name == "/shop/weight"
        value = next(values)
        if value != "0.1":
            asked.release()
            assert let_go.wait(20)
        if value == "throttled":
            raise service_error("ThrottlingException", "Rate exceeded")
        return {"Parameter": {"Value": value}}

    weight = Weight.in_parameter(SimpleNamespace(get_parameter=get_parameter), "/shop/weight")
    weight._elapsed = lambda: now[0]
    weight._due = 10.0
    assert weight.current() == 0.1
    now[0] = 10.0
    assert [weight.current() for _ in range(5)] == [0.1] * 5  # AWS has not answered, and no call waits for it
    assert asked.acquire(timeout=20) and not asked.acquire(blocking=False)
    let_go.set()
    wait_for(lambda: weight.current() == 0.2)
    now[0] = 20.0
    assert weight.current() == 0.2
    assert asked.acquire(timeout=20)
    wait_for(lambda: weight._due == 30.0)
    assert weight.current() == 0.2


def test_a_weight_that_no_thread_can_read_stays(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    values = iter(["0.1", "0.2"])
    weight = Weight(lambda: next(values), refresh=0.0, in_background=True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        assert [weight.current() for _ in range(3)] == [0.1] * 3
    assert len(caplog.records) == 1 and "stays 0.1: can't start new thread" in caplog.text
    wait_for(lambda: weight.current() == 0.2)


def wait_for(so: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if so():
            return
        threading.Event().wait(0.01)
    raise AssertionError("not within 20 s")


# --- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        service_error("AccessDeniedException", "s3:PutObject", 403),
        service_error("ThrottlingException", "Rate exceeded", 429),
        service_error("ValidationError", "Endpoint shop of account 1 not found."),
        EndpointConnectionError(endpoint_url="shop"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_call_that_the_asynchronous_endpoint_cannot_take_is_answered_in_real_time(
    traffic: Callable[..., Traffic], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    router = traffic(1)
    router.answering.aws.runtime.error = error
    assert router.call(io.BytesIO(b"hat"), Accept="text/plain") == b"real hat"  # a stream, which can be read once
    assert router.real_time.calls[0] == {"EndpointName": "old", "Body": b"hat", "Accept": "text/plain"}
    assert (router.router.counts.asynchronous, router.router.counts.fallbacks) == (1, 1)
    assert "instead of an asynchronous one" in caplog.text


def test_without_a_fallback_the_callers_see_the_error(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1, fallback=False)
    router.answering.aws.runtime.error = service_error("ServiceUnavailable", "later", 503)
    with pytest.raises(exceptions().ServiceUnavailable):
        router.call()
    assert router.real_time.calls == []


def test_a_client_that_cannot_be_created_is_a_fallback_or_an_error_of_boto3(answering: AnsweringEndpoint) -> None:
    def connect() -> AsyncEndpoint:
        raise EndpointNotReady("Endpoint shop does not exist.")

    falling, failing = (
        WeightedEndpoint(RealTime(), "old", connect, Weight.fixed(1), fallback=fallback) for fallback in (True, False)
    )
    assert falling.invoke_endpoint(EndpointName="old", Body=b"hat")["Body"].read() == b"real hat"
    with pytest.raises(exceptions().ValidationError):
        failing.invoke_endpoint(EndpointName="old", Body=b"hat")


def test_a_failure_to_connect_is_shared_by_the_calls_that_wait_and_not_repeated_at_once() -> None:
    now, attempts, go_on = [0.0], threading.Semaphore(0), threading.Event()

    def connect() -> AsyncEndpoint:
        attempts.release()
        assert go_on.wait(20)
        raise EndpointNotReady("Endpoint shop does not exist.")

    router = WeightedEndpoint(RealTime(), "old", connect, Weight.fixed(1), elapsed=lambda: now[0])

    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(body_of, router, b"hat") for _ in range(8)]
        wait_for(lambda: router.counts.asynchronous == 8)
        go_on.set()
        assert {done.result(20) for done in calls} == {b"real hat"}
    now[0] = 4.9
    assert body_of(router, b"hat") == b"real hat"
    assert attempts.acquire(blocking=False) and not attempts.acquire(blocking=False)
    now[0] = 5.0
    assert body_of(router, b"hat") == b"real hat" and attempts.acquire(blocking=False)
    assert router.counts.fallbacks == 10


def test_connecting_counts_as_time_of_the_call(answering: AnsweringEndpoint) -> None:
    go_on = threading.Event()

    def connect() -> AsyncEndpoint:
        assert go_on.wait(30)
        return answering.client()

    waiting, hedging = (
        WeightedEndpoint(RealTime(), "old", connect, Weight.fixed(1), **limit)
        for limit in ({"timeout": 0.2}, {"fallback_after": 0.2})
    )
    begun = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        body_of(waiting, b"hat")
    assert body_of(hedging, b"hat") == b"real hat"
    assert time.monotonic() - begun < 10
    go_on.set()
    for router in (waiting, hedging):
        assert router._connection.endpoint(20)
        router.close()


@pytest.mark.parametrize(
    "error",
    [
        service_error("InternalFailure", "failed", 500),
        ConnectionClosedError(endpoint_url="shop"),
        ReadTimeoutError(endpoint_url="s"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_request_that_may_have_been_accepted_is_not_repeated(traffic: Callable[..., Traffic], error: Exception) -> None:
    router = traffic(1)
    router.answering.aws.runtime.error = error
    with pytest.raises((exceptions().InternalFailure, ConnectionClosedError, ReadTimeoutError)):
        router.call()
    assert router.real_time.calls == []


def test_a_request_that_was_processed_is_not_repeated_and_one_that_expired_is(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    with pytest.raises(exceptions().InternalFailure):
        router.call(b"upload")  # as after three containers have died of it
    assert router.real_time.calls == []
    assert router.call(b"expire") == b"real expire"


def test_a_call_whose_time_has_passed_does_not_wait_for_the_other_endpoint_too(traffic: Callable[..., Traffic]) -> None:
    times = iter([0.0, 0.0, 20.0])
    router = traffic(1, elapsed=lambda: next(times, 20.0))
    with pytest.raises(exceptions().ServiceUnavailable):
        router.call(b"expire")
    assert router.real_time.calls == []


def test_after_the_old_endpoint_is_gone_the_first_error_is_raised(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    router.answering.aws.runtime.error = service_error("ServiceUnavailable", "later", 503)
    router.real_time.error = service_error("ValidationError", "Endpoint old of account 1 not found.")
    with pytest.raises(exceptions().ServiceUnavailable, match="later"):
        router.call()


def test_an_error_of_the_model_is_not_asked_for_twice(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    with pytest.raises(exceptions().ModelError):
        router.call(b"bad")
    assert router.real_time.calls == []
    router.answering.aws.runtime.error = service_error("ServiceUnavailable", "later", 503)
    router.real_time.error = client_error(exceptions(), "ModelError", "of the old endpoint", 424)
    with pytest.raises(exceptions().ModelError, match="old endpoint"):
        router.call(b"bad")


def test_a_late_answer_is_a_timeout_unless_there_is_time_for_the_other(traffic: Callable[..., Traffic]) -> None:
    waiting, hedging = traffic(1, timeout=0.2), traffic(1, fallback_after=0.2)
    with pytest.raises(ReadTimeoutError):
        waiting.call(b"never")
    assert waiting.real_time.calls == []
    assert hedging.call(b"never") == b"real never"


def test_the_timeout_is_that_of_the_boto3_client(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    router.call()
    [call] = router.answering.calls
    assert router.router._timeout == 20.0 and call["RequestTTLSeconds"] == 60
    for wrong in (0, -1, float("nan"), "5"):
        with pytest.raises(InvalidInput, match="timeout"):
            traffic(1, timeout=wrong)


# --- arguments ---------------------------------------------------------------------------------------------------------


def test_the_arguments_are_those_of_invoke_endpoint() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker-runtime").operation_model("InvokeEndpoint")
    code = WeightedEndpoint.invoke_endpoint.__code__
    assert {*model.input_shape.members} == {*code.co_varnames[1 : 1 + code.co_kwonlyargcount]}


@pytest.mark.parametrize(
    "body",
    [b"shirt", bytearray(b"shirt"), memoryview(b"shirt"), "shirt", io.BytesIO(b"shirt")],
    ids=lambda body: type(body).__name__,
)
def test_a_body_is_whatever_boto3_takes(traffic: Callable[..., Traffic], body: Any) -> None:
    assert traffic(1).call(body) == b"shirt"


def test_a_body_that_boto3_does_not_take_is_refused(traffic: Callable[..., Traffic]) -> None:
    with pytest.raises(ParamValidationError):
        traffic(1).call({"text": "shirt"})


@pytest.mark.parametrize("argument", ["TargetModel", "TargetVariant", "EnableExplanations", "SessionId"])
def test_what_only_real_time_can_do_goes_there(traffic: Callable[..., Traffic], argument: str) -> None:
    router = traffic(1, fallback=False)
    assert router.call(**{argument: "x"}) == b"real shirt"
    assert (router.connected, router.router.counts.real_time) == (0, 1)
    assert router.call(InferenceId="mine") == b"shirt"


def test_a_content_type_is_sent_where_the_caller_gave_one(traffic: Callable[..., Traffic]) -> None:
    """boto3 adds none to InvokeEndpoint, so neither endpoint receives one; an object in S3 has one in any case."""
    for weight in (0, 1):
        router = traffic(weight)
        router.call()
        router.call(ContentType="text/plain")
        first, second = router.answering.calls if weight else router.real_time.calls
        assert ("ContentType" in first, second["ContentType"]) == (False, "text/plain")
    router.call(b"x" * 128_001)
    assert router.answering.calls[-1]["ContentType"] == "application/octet-stream"


def test_closing_closes_both(traffic: Callable[..., Traffic]) -> None:
    router = traffic(1)
    router.call()
    router.router.close()
    assert router.real_time.calls == [{"closed": True}]
