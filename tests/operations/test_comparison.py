"""What a comparison concludes from two answers, and what its report says."""

from __future__ import annotations

import io
import json
import math
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from async_endpoint.aws import AwsSession
from async_endpoint.client.botocore_errors import client_error as model_error
from async_endpoint.operations.compare import difference
from async_endpoint.operations.comparison import (
    Answer,
    Compared,
    ComparisonReport,
    Latency,
    Options,
    Verdict,
    compare_endpoints,
    judge,
)
from support.answering_endpoint import AnsweringEndpoint, exceptions
from support.in_memory_aws import FakeAws, client_error

JSON = "application/json"
OPTIONS = Options()


def answered(document: object, content_type: str = JSON) -> Answer:
    return Answer(0.1, json.dumps(document).encode(), content_type)


def refused(status: int | None, error: str = "no") -> Answer:
    return Answer(0.1, error=error, status=status)


@pytest.mark.parametrize(
    ("first", "second", "verdict", "words"),
    [
        (answered({"a": 1}), answered({"a": 1.0}), Verdict.EQUAL, ""),
        (answered({"a": 1}), answered({"a": 2}), Verdict.DIFFERENT, "$.a is 1 and 2"),
        (answered(1, "text/plain"), answered(1), Verdict.DIFFERENT, "content types are 'text/plain' and 'application/json'"),
        (answered(1), refused(500, "out of memory"), Verdict.REAL_TIME_ONLY, "out of memory"),
        (replace(refused(0, "timed out"), beyond=True), answered(1), Verdict.ASYNCHRONOUS_ONLY, "timed out"),
        (refused(0, "too long"), answered("x" * 6_291_456), Verdict.ASYNCHRONOUS_ONLY, "too long"),  # with its quotes
        (refused(0, "died"), answered(1), Verdict.REAL_TIME_FAILED, "died"),
        (refused(500, "no memory"), answered(1), Verdict.REAL_TIME_FAILED, "no memory"),
        (refused(None, "denied"), answered(1), Verdict.REAL_TIME_FAILED, "denied"),
        (refused(400, "no size"), refused(400, "no size"), Verdict.SAME_ERROR, "no size"),
        (refused(400, "no size"), refused(500), Verdict.NEITHER, "real time: no size; asynchronous: no"),
        (refused(0, "timed out"), refused(0, "timed out"), Verdict.NEITHER, "timed out"),
        (refused(None, "denied"), refused(None, "denied"), Verdict.NEITHER, "denied"),
    ],
)
def test_a_verdict_of_two_answers(first: Answer, second: Answer, verdict: Verdict, words: str) -> None:
    found, detail = judge(first, second, OPTIONS)
    assert found is verdict and words in detail
    report = ComparisonReport("old", "new", (Compared("x", found, detail, 0.1, 0.2),), Latency.of([]), Latency.of([]))
    assert report.passed is (verdict in (Verdict.EQUAL, Verdict.SAME_ERROR, Verdict.ASYNCHRONOUS_ONLY))


def test_tolerance_and_ignored_members_are_the_callers() -> None:
    first, second = answered({"score": 1.0, "id": "a", "more": [{"id": 1}]}), answered({"score": 1.01, "more": [{}]})
    assert judge(first, second, OPTIONS)[0] is Verdict.DIFFERENT
    assert judge(first, second, Options(ignored={"id"}))[0] is Verdict.DIFFERENT
    assert judge(first, second, Options(ignored={"id"}, tolerance=0.1))[0] is Verdict.EQUAL
    assert judge(first, second, Options(tolerance=0.1))[0] is Verdict.DIFFERENT


def test_exact_numbers_and_hostile_documents_are_compared() -> None:
    assert difference(b"[1]", b"[1.0000001]", tolerance=0.0) == "$[0] is 1 and 1.0000001"
    assert difference(b"[NaN]", b"[NaN ]") is None
    deep = b"[" * 100_000
    assert difference(deep, deep + b" ") == "100,000 bytes and 100,001 bytes differ"
    closed = b"[" * 900 + b"1" + b"]" * 900
    assert difference(closed, closed.replace(b"1", b"2")) is not None


TIMED_OUT = "Your invocation timed out while waiting for a response from container primary"


@pytest.mark.parametrize(
    ("error", "size", "good"),
    [
        (client_error("AccessDeniedException", "sagemaker:InvokeEndpoint", 403), 5, False),
        (client_error("ThrottlingException", "Rate exceeded", 429), 5, False),
        (client_error("ServiceUnavailable", "later", 503), 7_000_000, False),
        (client_error("ValidationError", "Endpoint old not found.", 400), 5, False),
        (client_error("ValidationError", "length less than or equal to 6291456", 400), 7_000_000, True),
        (client_error("413", "Request Entity Too Large", 413), 7_000_000, True),
        (model_error(exceptions(), "ModelError", TIMED_OUT, 424, OriginalStatusCode=0, OriginalMessage=TIMED_OUT), 5, True),
        (model_error(exceptions(), "ModelError", "died", 424, OriginalStatusCode=0, OriginalMessage="died"), 5, False),
        (model_error(exceptions(), "ModelError", TIMED_OUT, 424, OriginalStatusCode=500, OriginalMessage=TIMED_OUT), 5, False),
        (ReadTimeoutError(endpoint_url="old"), 5, False),  # at once: of the caller's own network
        (EndpointConnectionError(endpoint_url="old"), 5, False),
        (None, 26_214_401, True),
    ],
)
def test_a_real_time_endpoint_that_fails_does_not_pass(
    aws: FakeAws, tmp_path: Path, error: Exception | None, size: int, good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("async_endpoint.client.uploads.PART_BYTES", 2**30)  # S3 in memory takes an object as a whole

    def invoke_endpoint(**_: Any) -> dict[str, Any]:
        assert error is not None, "it is too large to be sent"
        raise error

    session = AwsSession({"sagemaker-runtime": SimpleNamespace(invoke_endpoint=invoke_endpoint)}.__getitem__, "eu-west-1")
    with AnsweringEndpoint(aws).client() as endpoint:
        report = compare_endpoints(session, "old", endpoint, inputs(tmp_path, b"x" * size), Options())
    assert report.passed is good
    assert [item.verdict for item in report.items] == [Verdict.ASYNCHRONOUS_ONLY if good else Verdict.REAL_TIME_FAILED]
    assert ("the same answers" in report.markdown()) is good


class RealTime:
    """A real-time endpoint that answers with what it is sent; an interrupt comes with the body `stop`."""

    def invoke_endpoint(self, EndpointName: str, Body: bytes, ContentType: str) -> dict[str, Any]:  # noqa: N803
        if Body == b"stop":
            raise KeyboardInterrupt
        return {"Body": io.BytesIO(Body), "ContentType": ContentType}


@pytest.fixture
def session() -> AwsSession:
    return AwsSession({"sagemaker-runtime": RealTime()}.__getitem__, "eu-west-1")


def inputs(folder: Path, *bodies: bytes) -> list[Path]:
    paths = [folder / f"{number}.txt" for number in range(len(bodies))]
    for path, body in zip(paths, bodies, strict=True):
        path.write_bytes(body)
    return paths


def test_each_input_is_sent_to_both(aws: FakeAws, session: AwsSession, tmp_path: Path) -> None:
    with AnsweringEndpoint(aws).client() as endpoint:
        files = inputs(tmp_path, b"shirt", b"bad", b"never")
        report = compare_endpoints(session, "old", endpoint, files, Options(timeout=0.3))
        assert len(endpoint._collector._pending) == 0  # nothing of what came too late is collected
    assert [item.verdict for item in report.items] == [Verdict.EQUAL, Verdict.REAL_TIME_ONLY, Verdict.REAL_TIME_ONLY]
    assert "(400)" in report.items[1].detail and "after 0.3 s" in report.items[2].detail
    assert (report.real_time.answered, report.asynchronous.answered) == (3, 1)


def test_an_interrupt_ends_what_is_waited_for(aws: FakeAws, session: AwsSession, tmp_path: Path) -> None:
    with AnsweringEndpoint(aws).client() as endpoint, pytest.raises((KeyboardInterrupt, CancelledError)):
        compare_endpoints(session, "old", endpoint, inputs(tmp_path, b"stop", b"never"), Options())


@pytest.mark.parametrize(
    ("seconds", "p50", "p95", "p99"), [([3.0], 3.0, 3.0, 3.0), (list(map(float, range(1, 101))), 50.0, 95.0, 99.0)]
)
def test_percentiles_are_of_the_nearest_rank(seconds: list[float], p50: float, p95: float, p99: float) -> None:
    latency = Latency.of(seconds[::-1]).as_dict()
    assert (latency["p50"], latency["p95"], latency["p99"], latency["longest"]) == (p50, p95, p99, max(seconds))
    assert math.isclose(Latency.of([]).longest, 0)


def test_the_markdown_can_be_posted() -> None:
    items = tuple(Compared(f"a|b<{number}>", Verdict.DIFFERENT, "$.a is @ann and 2", 0.1, 0.2) for number in range(60))
    text = ComparisonReport("old", "new", items, Latency.of([0.5]), Latency.of([])).markdown()
    assert text.startswith("### <code>old</code> and <code>new</code>: answers differ")
    assert "| answered | 1 of 60 | 0 of 60 |" in text and "| latency p95 | 0.50 s |  |" in text
    assert "| 60 | different |" in text and "- and 10 more" in text
    assert "@ann" not in text and "a|b" not in text and "<0>" not in text
