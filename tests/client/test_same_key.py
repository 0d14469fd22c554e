"""One request a key, however many threads submit it: each future gets the outcome, and another payload is refused."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Invocation, Request, State
from async_endpoint.client import deduplication
from async_endpoint.core.errors import Abandoned, EndpointNotReady, InvalidInput

BUCKET = "shop-123456789012"


@pytest.fixture
def answering(aws: Any) -> Any:
    """An endpoint that answers each body with itself, once `aws.go` is set."""
    aws.go = threading.Event()
    aws.go.set()

    def answer(request: dict[str, Any], reply: dict[str, Any]) -> None:
        assert aws.go.wait(30)
        reply["OutputLocation"] = f"s3://{BUCKET}/output/{request['S3OutputPathExtension']}/{request['Filename']}"
        reply["FailureLocation"] = f"s3://{BUCKET}/failure/{request['InferenceId']}-error.out"
        if request["Body"] == b"bad":
            aws.s3.put(reply["FailureLocation"], b"refused")
        elif request["Body"] != b"never":
            aws.s3.put(reply["OutputLocation"], request["Body"])

    aws.runtime.then = answer
    return aws


def client(aws: Any, **config: Any) -> AsyncEndpoint:
    settings = ClientConfig(**{"collect": "listing", "poll_interval": 0.01, "max_poll_interval": 0.05, "attempts": 1} | config)
    return AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, config=settings, run="run")


def calls(aws: Any) -> Counter[str]:
    return Counter(call["InferenceId"] for call in aws.runtime.calls)


def test_two_submissions_under_way_are_one_request(answering: Any) -> None:
    answering.go.clear()
    with client(answering) as endpoint:
        first = endpoint.submit(b"1", key="one", tag="first")
        second = endpoint.submit(b"1", key="one", tag="second")
        ended_tags: list[str] = []
        second.add_done_callback(lambda ended: ended_tags.append(ended.tag))
        answering.go.set()
        assert first.result(30).body == second.result(30).body == b"1"
        assert (first.tag, second.tag, ended_tags) == ("first", "second", ["second"])
        assert second.accepted(0) == first.accepted(0)
        assert second.output_location == f"s3://{BUCKET}/output/run/one.out"
    assert calls(answering) == {"run-one": 1}


def test_many_threads_submit_the_same_keys(answering: Any) -> None:
    with client(answering) as endpoint, ThreadPoolExecutor(8) as threads:
        work = [(f"k{number % 10}", str(number % 10).encode()) for number in range(400)]
        invocations = list(threads.map(lambda item: endpoint.submit(item[1], key=item[0]), work))
        for (_, body), invocation in zip(work, invocations, strict=True):
            assert invocation.result(30).body == body
    assert calls(answering) == {f"run-k{number}": 1 for number in range(10)}


@pytest.mark.parametrize(
    "other",
    [
        {"payload": b"2"},
        {"payload": b"1", "content_type": "text/csv"},
        {"payload": b"1", "accept": "text/csv"},
        {"payload": b"1", "inline": True},
    ],
)
@pytest.mark.parametrize("when", ["under way", "ended"])
def test_another_payload_or_option_is_refused(answering: Any, other: dict[str, Any], when: str) -> None:
    with client(answering) as endpoint:
        if when == "under way":
            answering.go.clear()
        first = endpoint.submit(b"1", key="one")
        if when == "ended":
            first.result(30)
        with pytest.raises(InvalidInput, match="The key 'one' belongs to another request of this client"):
            endpoint.submit(Request(key="one", **other))
        with pytest.raises(InvalidInput, match="belongs to another request"):
            endpoint.send(Request(key="one", **other))
        answering.go.set()
        assert first.result(30).body == b"1"
    assert len(answering.runtime.calls) == 1


def test_of_racing_threads_with_other_payloads_one_wins_and_gets_its_own_result(answering: Any) -> None:
    barrier = threading.Barrier(8)

    def race(number: int) -> bytes | None:
        barrier.wait(30)
        try:
            return endpoint.submit(str(number).encode(), key="one").result(30).body
        except InvalidInput:
            return None

    with client(answering) as endpoint, ThreadPoolExecutor(8) as threads:
        results = list(threads.map(race, range(8)))
    [winner] = [number for number, result in enumerate(results) if result is not None]
    assert results[winner] == str(winner).encode()


@pytest.mark.parametrize("body", [b"1", b"bad"])
def test_a_request_that_has_ended_is_collected_again_and_not_computed_again(answering: Any, body: bytes) -> None:
    with client(answering) as endpoint:
        outcomes = []
        for _ in range(3):
            invocation = endpoint.submit(body, key="one")
            error = invocation.exception(30)
            outcomes.append(str(error) if error else invocation.result().body)
    assert len(set(outcomes)) == 1
    assert calls(answering) == {"run-one": 1}


def test_a_request_that_was_not_accepted_may_be_corrected(answering: Any) -> None:
    with client(answering) as endpoint:
        answering.sagemaker.status = "Creating"
        answering.runtime.error = pytest.importorskip("botocore.exceptions").ClientError(
            {"Error": {"Code": "ValidationError", "Message": "no"}}, "Invoke"
        )
        with pytest.raises(EndpointNotReady):
            endpoint.submit(b"1", key="one").result(30)
        answering.runtime.error = None
        assert endpoint.submit(b"2", key="one").result(30).body == b"2"


def test_as_completed_and_submit_share_a_key(answering: Any) -> None:
    answering.go.clear()
    with client(answering) as endpoint:
        first = endpoint.submit(b"1", key="one")
        requests = [Request(payload=body, key="one", tag=body) for body in (b"1", b"2", b"1")] + [
            Request(payload=b"3", key="a/b")
        ]
        answering.go.set()
        ended = list(endpoint.as_completed(requests))
        assert first.result(30).body == b"1"
    assert sorted((str(one.tag), one.status()) for one in ended) == sorted(
        [("b'1'", State.COMPLETED), ("b'1'", State.COMPLETED), ("b'2'", State.NOT_SENT), ("None", State.NOT_SENT)]
    )


def test_keys_that_differ_in_case_or_begin_alike_are_other_keys(answering: Any) -> None:
    with client(answering) as endpoint:
        invocations = {key: endpoint.submit(key.encode(), key=key) for key in ("a", "A", "aa", "a-a", "a_a", "1", "01")}
        assert {key: invocation.result(30).body.decode() for key, invocation in invocations.items()} == {
            k: k for k in invocations
        }


def test_given_and_assigned_numbers_do_not_collide(answering: Any) -> None:
    with client(answering) as endpoint:
        mine = endpoint.submit(b"mine", key="00000002")
        drawn = [endpoint.submit(str(number).encode()) for number in range(3)]
        assert mine.result(30).body == b"mine"
        assert [invocation.result(30).body for invocation in drawn] == [b"0", b"1", b"2"]
        with pytest.raises(InvalidInput, match="was assigned to a request without a key"):
            endpoint.submit(b"mine", key="00000003")


def test_send_then_submit_or_resume_is_one_request(answering: Any) -> None:
    with client(answering) as endpoint:
        submitted = endpoint.send(Request(payload=b"1", key="one"))
        assert endpoint.send(Request(payload=b"1", key="one")) == submitted
        futures = [endpoint.submit(b"1", key="one"), endpoint.resume(submitted), endpoint.resume(submitted)]
        assert [future.result(30).body for future in futures] == [b"1"] * 3
    assert calls(answering) == {"run-one": 1}


def test_a_request_is_submitted_while_it_is_being_sent(answering: Any) -> None:
    answering.go.clear()
    with client(answering) as endpoint, ThreadPoolExecutor(1) as threads:
        sent = threads.submit(endpoint.send, Request(payload=b"1", key="one"))
        while not answering.runtime.calls:
            assert not sent.done()
        invocation = endpoint.submit(b"1", key="one")
        answering.go.set()
        assert invocation.result(30).body == b"1"
        assert sent.result(30) == invocation.accepted()
    assert calls(answering) == {"run-one": 1}


def test_closing_ends_every_future_of_a_key(answering: Any) -> None:
    with client(answering) as endpoint:
        futures = [endpoint.submit(b"never", key="one") for _ in range(3)]
        futures[0].accepted(30)
    for future in futures:
        with pytest.raises(Abandoned):
            future.result(0)


def test_the_same_file_is_the_same_payload_until_it_changes(answering: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(b"1")
    with client(answering) as endpoint:
        futures = [endpoint.submit(path, key="one") for _ in range(2)]
        assert [future.result(30).body for future in futures] == [b"1", b"1"]
        path.write_bytes(b"22")
        with pytest.raises(InvalidInput, match="another payload"):
            endpoint.submit(path, key="one")


def test_what_is_remembered_of_ended_requests_is_bounded(answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplication, "FINISHED_KEYS", 5)
    with client(answering) as endpoint:
        for number in range(20):
            endpoint.submit(b"1", key=f"k{number}").result(30)
            endpoint.submit(b"1").result(30)
        registry = endpoint._requests
        assert (len(registry._active), len(registry._finished)) == (0, 5)


def test_a_follower_of_what_has_ended_ends_at_once() -> None:
    first, second, third = (Invocation("run-1", "1") for _ in range(3))
    second.follow(first)
    first.settle(InvalidInput("wrong"))
    third.follow(first)
    assert second.exception(0) is first.exception(0) is third.exception(0)
