"""invoke_sync against AWS in memory: InvokeEndpoint's response, and for each failure the error that boto3 would raise."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from async_endpoint import AsyncEndpoint, Invocation, State, invoke_sync
from async_endpoint.client import synchronous
from async_endpoint.client.botocore_errors import as_boto3_error, raise_as_boto3
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.reply_queues import ReplyQueues
from async_endpoint.core.errors import (
    Abandoned,
    BucketMissing,
    CredentialsExpired,
    EndpointDeleted,
    InvalidInput,
    NotReady,
    ResultDeleted,
    ResultNotReady,
    ResultUnreadable,
    UsageError,
    WrongRegion,
)
from support.answering_endpoint import AnsweringEndpoint, exceptions
from support.in_memory_aws import FakeAws, client_error


@pytest.fixture
def answering(aws: FakeAws) -> AnsweringEndpoint:
    return AnsweringEndpoint(aws)


def ask(endpoint: AsyncEndpoint, body: bytes = b"shirt", timeout: float = 20, **arguments: Any) -> dict[str, Any]:
    return invoke_sync(endpoint, body, timeout, exceptions=exceptions(), **arguments)


def test_the_response_has_the_keys_of_invoke_endpoint(answering: AnsweringEndpoint) -> None:
    with answering.client() as endpoint:
        reply = ask(endpoint, content_type="text/plain", accept="text/plain", custom_attributes="shop=7")
    assert reply["Body"].read(2) == b"sh" and reply["Body"].read() == b"irt"
    assert (reply["ContentType"], reply["InvokedProductionVariant"], reply["CustomAttributes"]) == ("text/plain", "primary", "")
    metadata = reply["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (200, 0)
    assert metadata["HTTPHeaders"]["content-length"] == "5"
    [sent] = answering.calls
    assert (sent["Accept"], sent["CustomAttributes"], sent["InferenceId"]) == ("text/plain", "shop=7", metadata["RequestId"])


@pytest.mark.parametrize(("timeout", "seconds"), [(0.5, 60), (70.2, 71), (100_000, 3_600)])
def test_a_request_expires_when_its_caller_has_left(answering: AnsweringEndpoint, timeout: float, seconds: int) -> None:
    """At least a minute, the shortest that AWS accepts, and at most the endpoint's own hour."""
    with answering.client() as endpoint:
        ask(endpoint, timeout=timeout)
    assert [call["RequestTTLSeconds"] for call in answering.calls] == [seconds]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"bad", 400, 'no such \\"size\\", "XL"'),
        (b"crash", 500, "Traceback"),
        (b"silent", 0, "Your invocation timed out"),
    ],
)
def test_an_error_of_the_model_is_a_model_error(answering: AnsweringEndpoint, body: bytes, status: int, message: str) -> None:
    with answering.client() as endpoint, pytest.raises(exceptions().ModelError) as caught:
        ask(endpoint, body)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
    assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (status, message)
    assert response["LogStreamArn"] == "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop"
    assert str(caught.value).startswith("An error occurred (ModelError) when calling the InvokeEndpoint operation: Received ")


def test_an_error_is_of_the_callers_own_class(answering: AnsweringEndpoint) -> None:
    """Each boto3 session has its own ModelError, so another session's except clause does not match."""
    assert exceptions("other").ModelError is not exceptions().ModelError
    with answering.client() as endpoint, pytest.raises(exceptions("other").ModelError):
        invoke_sync(endpoint, b"bad", 20, exceptions=exceptions("other"))


@pytest.mark.parametrize(
    ("body", "code", "status"), [(b"expire", "ServiceUnavailable", 503), (b"upload", "InternalFailure", 500)]
)
def test_a_failure_that_is_not_the_models_is_the_services(
    answering: AnsweringEndpoint, body: bytes, code: str, status: int
) -> None:
    with answering.client() as endpoint, pytest.raises(exceptions().from_code(code)) as caught:
        ask(endpoint, body)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_late_result_is_a_read_timeout_and_is_collected_no_longer(
    answering: AnsweringEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Invocation] = []
    original = synchronous._wait
    monkeypatch.setattr(synchronous, "_wait", lambda *given: (seen.append(given[1]), original(*given))[1])
    with answering.client() as endpoint:
        begun = time.monotonic()
        with pytest.raises(ReadTimeoutError, match="shop"):
            ask(endpoint, b"never", timeout=0.3)
        assert 0.25 < time.monotonic() - begun < 5
        [invocation] = seen
        assert invocation.status() is State.ABANDONED
        assert ask(endpoint)["Body"].read() == b"shirt"


def test_a_request_that_is_not_sent_in_time_is_never_sent(answering: AnsweringEndpoint) -> None:
    answering.go.clear()  # the endpoint does not respond
    with answering.client(concurrency=1) as endpoint:
        for _ in range(4):  # one is being sent, another has a place; two more have none
            with pytest.raises(ReadTimeoutError):
                ask(endpoint, b"shirt", timeout=0.2)
        answering.go.set()
        assert ask(endpoint, b"hat")["Body"].read() == b"hat"
        assert [call["Body"] for call in answering.calls] == [b"shirt", b"hat"]


def test_a_call_does_not_wait_for_the_lease_of_a_queue(answering: AnsweringEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    leasing, done = threading.Event(), threading.Event()

    def lease(queues: ReplyQueues) -> None:
        leasing.set()
        assert done.wait(30)
        raise UsageError("no queue")

    monkeypatch.setattr(ReplyQueues, "lease", lease)
    with answering.client(collect="notifications") as endpoint:
        begun = time.monotonic()
        assert ask(endpoint)["Body"].read() == b"shirt"
        assert leasing.is_set() and time.monotonic() - begun < 5
        done.set()


def test_a_caller_that_is_interrupted_leaves_nothing_behind(
    answering: AnsweringEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocations: list[Invocation] = []

    def interrupted(self: Invocation, timeout: float | None = None) -> None:
        invocations.append(self)
        raise KeyboardInterrupt

    with answering.client() as endpoint:
        monkeypatch.setattr(Invocation, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask(endpoint, b"never")
    assert invocations[0].status() in (State.ABANDONED, State.CANCELLED)


def test_closing_the_client_ends_a_call(answering: AnsweringEndpoint) -> None:
    with answering.client() as endpoint, ThreadPoolExecutor(1) as caller:
        call = caller.submit(ask, endpoint, b"never")
        deadline = time.monotonic() + 20
        while not answering.calls and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        endpoint.close()
        assert isinstance(call.exception(20), ConnectionClosedError)
        with pytest.raises(UsageError, match="closed"):
            ask(endpoint)


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 429), ("ServiceUnavailable", 503), ("InternalFailure", 500), ("AccessDeniedException", 403)],
)
def test_a_refusal_of_the_service_keeps_its_code(answering: AnsweringEndpoint, code: str, status: int) -> None:
    answering.aws.runtime.error = client_error(code, "not now", status)
    with answering.client() as endpoint, pytest.raises(exceptions().from_code(code)) as caught:
        ask(endpoint)
    assert caught.value.response["Error"] == {"Code": code, "Message": "not now"}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_throttled_call_is_repeated_like_boto3_does(answering: AnsweringEndpoint) -> None:
    answering.aws.runtime.error = client_error("ThrottlingException", "Rate exceeded", 429)
    with answering.client(attempts=20, backoff_base=0.01, backoff_cap=0.02) as endpoint, ThreadPoolExecutor(1) as caller:
        call = caller.submit(ask, endpoint)
        assert not call.done()
        answering.aws.runtime.error = None
        assert call.result(20)["Body"].read() == b"shirt"


def test_an_invalid_request_is_refused_as_by_boto3(answering: AnsweringEndpoint) -> None:
    with answering.client() as endpoint:
        for wrong in ({"content_type": "\n"}, {"custom_attributes": "x" * 1_025}, {"custom_attributes": "ü"}):
            with pytest.raises(ParamValidationError):
                ask(endpoint, **wrong)
        for timeout in (0, -1, float("nan"), float("inf"), "5", None, True):
            with pytest.raises(InvalidInput, match="timeout"):
                invoke_sync(endpoint, b"shirt", timeout)  # type: ignore[arg-type]
        assert not answering.calls


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ResultNotReady("late"), ReadTimeoutError, "shop/invocations"),
        (Abandoned("left"), ConnectionClosedError, "shop/invocations"),
        (NotReady("no response for 120 s"), EndpointConnectionError, "shop/invocations"),
        (InvalidInput("too large"), ParamValidationError, "too large"),
        (caused(UsageError("sign in"), NoCredentialsError()), NoCredentialsError, "credentials"),
        (caused(UsageError("denied"), client_error("AccessDenied", "s3:PutObject", 403)), ClientError, "s3:PutObject"),
        (ResultUnreadable("denied"), ClientError, "AccessDeniedException"),
        (CredentialsExpired("sign in"), ClientError, "ExpiredTokenException"),
        (BucketMissing("no bucket"), ClientError, "ValidationError"),
        (WrongRegion("other region"), ClientError, "ValidationError"),
        (EndpointDeleted("gone"), ClientError, "ValidationError"),
        (ResultDeleted("gone"), ClientError, "InternalFailure"),
        (UsageError("no output location"), ClientError, "InternalFailure"),
        (ZeroDivisionError("a defect"), ZeroDivisionError, "a defect"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_error_has_one_of_boto3(aws: FakeAws, error: Exception, kind: type[Exception], words: str) -> None:
    info = EndpointInfo.from_outputs(aws.outputs)
    found = as_boto3_error(error, info, "shop/invocations", exceptions())
    assert isinstance(found, kind) and words in str(found)
    assert isinstance(found, (BotoCoreError, ClientError, ZeroDivisionError))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (caused(UsageError("sign in"), NoCredentialsError()), NoCredentialsError),
        (ZeroDivisionError("a defect"), ZeroDivisionError),
        (UsageError("no output location"), ClientError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_is_never_its_own_cause(aws: FakeAws, error: Exception, kind: type[Exception]) -> None:
    """Also if it was raised before, as one that calls share."""
    info = EndpointInfo.from_outputs(aws.outputs)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            raise_as_boto3(error, info, "shop/invocations", exceptions())
        causes: list[BaseException | None] = [caught.value]
        while causes[-1] is not None:
            causes.append(causes[-1].__cause__)
            assert len(causes) < 5, "the causes go in circles"


def test_causes_that_go_in_circles_end(aws: FakeAws) -> None:
    error = UsageError("no output location")
    error.__cause__ = NotReady("later")
    error.__cause__.__cause__ = error
    found = as_boto3_error(error, EndpointInfo.from_outputs(aws.outputs), "shop/invocations", exceptions())
    assert isinstance(found, ClientError)


def test_many_threads_share_one_client(answering: AnsweringEndpoint) -> None:
    with answering.client(concurrency=4) as endpoint, ThreadPoolExecutor(16) as callers:
        bodies = [f"{number}".encode() for number in range(80)]
        assert [reply["Body"].read() for reply in callers.map(lambda body: ask(endpoint, body), bodies)] == bodies
    assert len({call["InferenceId"] for call in answering.calls}) == 80
