"""A process that is killed between any two steps of a submission: the same request completes it, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.http_api.predictions import submission
from async_endpoint.http_api.predictions.records import Held, Webhook
from async_endpoint.http_api.predictions.submission import TAKEOVER_SECONDS, Accepted, Submission, submit
from async_endpoint.http_api.problems import Problem
from support.api_client import Api, FakeServices, create_api
from support.in_memory_aws import FakeAws, client_error
from support.webhook_deliveries import FakeQueues

ASKED = Submission("order-7", b"[1]", "application/json", None)
LARGE = Submission("order-7", b"x" * 200_000, "application/json", None)


class Killed(BaseException):
    """The end of a process: no handler of errors sees it."""


@dataclass
class Interrupting:
    """A session whose call number `number` raises `error`, before or after it took effect; counts its calls."""

    aws: FakeAws
    number: int = -1
    after: bool = False
    error: BaseException = field(default_factory=Killed)
    calls: list[str] = field(default_factory=list)
    queues: FakeQueues | None = None

    def session(self) -> AwsSession:
        services: dict[str, Any] = {"s3": self.aws.s3, "sagemaker-runtime": self.aws.runtime, "sagemaker": self.aws.sagemaker}
        services["sqs"] = self.queues
        return AwsSession(lambda name: _Wrapped(services[name], self), "eu-west-1")

    def call(self, name: str, do: Callable[[], Any]) -> Any:
        chosen = len(self.calls) == self.number
        self.calls.append(name)
        if chosen and not self.after:
            raise self.error
        answer = do()
        if chosen:
            raise self.error
        return answer


class _Wrapped:
    def __init__(self, service: Any, plan: Interrupting) -> None:
        self._service, self._plan = service, plan

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._service, name)
        return (lambda **fields: self._plan.call(name, partial(real, **fields))) if callable(real) else real


def attempt(aws: FakeAws, asked: Submission, plan: Interrupting | None = None) -> Accepted:
    """Submit in a new process: nothing is cached."""
    process = create_api(aws, plan.session() if plan else None)
    services = FakeServices(lambda region: process.endpoint.session, aws.clock)
    return anyio.run(submit, process.endpoint, services, "local", asked, "r1")


def calls_of(aws: FakeAws, asked: Submission) -> list[str]:
    plan = Interrupting(aws)
    attempt(aws, asked, plan)
    return plan.calls


@pytest.mark.parametrize("asked", [ASKED, LARGE], ids=["inline", "uploaded"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(4))
def test_a_killed_submission_is_completed_by_the_same_request(
    aws: FakeAws, asked: Submission, number: int, after: bool
) -> None:
    plan = Interrupting(aws, number, after)
    uninterrupted = 3 if asked is ASKED else 4
    if number < uninterrupted:
        with pytest.raises(Killed):
            attempt(aws, asked, plan)
    aws.time.seconds += TAKEOVER_SECONDS + 1
    accepted = attempt(aws, asked)
    again = attempt(aws, asked)
    assert again.repeated and again.submitted == accepted.submitted and again.claim == accepted.claim
    assert {call["Filename"] for call in aws.runtime.calls} == {f"{accepted.claim.key}.out"}
    assert len(aws.runtime.calls) <= 2
    process = create_api(aws)
    assert len(process.state("records/")) == len(process.state("submitted/")) == 1


def test_the_sequence_of_calls_is_the_one_that_is_interrupted(aws: FakeAws) -> None:
    assert calls_of(aws, ASKED) == ["put_object", "invoke_endpoint_async", "put_object"]


def test_uploads_are_between_claim_and_invocation(aws: FakeAws) -> None:
    assert calls_of(aws, LARGE) == ["put_object", "put_object", "invoke_endpoint_async", "put_object"]


@pytest.mark.parametrize("number", [1, 2])
def test_while_the_first_process_may_be_sending_nothing_is_sent_twice(aws: FakeAws, number: int) -> None:
    with pytest.raises(Killed):
        attempt(aws, ASKED, Interrupting(aws, number))
    sent = len(aws.runtime.calls)
    with pytest.raises(Problem, match="repeat it in") as refused:
        attempt(aws, ASKED)
    assert refused.value.slug == "request-in-progress" and 25 <= int(refused.value.headers["Retry-After"]) <= 30
    assert len(aws.runtime.calls) == sent


def test_a_marker_that_comes_within_two_seconds_is_waited_for(aws: FakeAws) -> None:
    """Two requests of the same id at once, in two processes: the second returns what the first submits."""
    first = create_api(aws)
    services = FakeServices(lambda region: first.endpoint.session, aws.clock)
    claimed = Interrupting(aws, 1)
    with pytest.raises(Killed):
        attempt(aws, ASKED, claimed)
    (record,) = first.state("records/").values()

    def complete() -> None:
        claim = first.endpoint.records.read(record["key"])
        assert claim is not None
        first.endpoint.records.mark(claim, aws.submit(b"[1]"))

    aws.time.at(1.0, complete)
    accepted = anyio.run(submit, create_api(aws).endpoint, services, "local", ASKED, "r2")
    assert accepted.repeated and len(aws.runtime.calls) == 1


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_lost_response_is_retried_within_the_request(aws: FakeAws, number: int, after: bool) -> None:
    """A conditional write whose response was lost finds its own object: that is no other claim."""
    accepted = attempt(aws, ASKED, Interrupting(aws, number, after, client_error("InternalError", status=500)))
    assert not accepted.repeated and len(accepted.claim.key) == 26
    assert attempt(aws, ASKED).submitted == accepted.submitted


@pytest.mark.parametrize("number", [0, 2])
def test_two_writes_at_once_are_tried_again(aws: FakeAws, number: int) -> None:
    """S3 answers 409 ConditionalRequestConflict while another write of the key is under way: neither may have succeeded."""
    accepted = attempt(aws, ASKED, Interrupting(aws, number, False, client_error("ConditionalRequestConflict", status=409)))
    assert not accepted.repeated
    assert attempt(aws, ASKED).submitted == accepted.submitted and len(aws.runtime.calls) == 1


def test_of_two_processes_that_send_the_same_the_first_marker_counts(aws: FakeAws) -> None:
    one, other = create_api(aws), create_api(aws)
    accepted = attempt(aws, ASKED)
    late = aws.submit(b"[1]")
    assert late != accepted.submitted
    assert other.endpoint.records.mark(accepted.claim, late) == accepted.submitted
    assert one.endpoint.records.submitted(accepted.claim) == accepted.submitted


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (client_error("ThrottlingException", "Rate exceeded"), 503, "unavailable"),
        (client_error("ServiceUnavailable", status=503), 503, "unavailable"),
        (client_error("AccessDeniedException", "not authorized", 403), 502, "deployment-error"),
        (client_error("ExpiredTokenException", "expired", 403), 502, "deployment-error"),
        (client_error("ValidationError", "Endpoint shop of account 1 not found."), 503, "endpoint-not-ready"),
    ],
)
def test_what_aws_refuses_is_a_problem_without_names_of_aws(
    aws: FakeAws, api: Api, error: Exception, status: int, slug: str
) -> None:
    aws.runtime.error = error
    if slug == "endpoint-not-ready":
        aws.sagemaker.status = None
    refused = api.submit(b"[1]", "order-7")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, slug)
    assert not any(word in refused.text.lower() for word in ("sagemaker", "aws", "arn:", "denied", "rate exceeded", "shop"))
    assert (status == 503) == ("retry-after" in refused.headers)
    aws.runtime.error, aws.sagemaker.status = None, "InService"
    certain = code(error) != "ServiceUnavailable"  # a response with status 5xx does not say whether it was accepted
    assert api.submit(b"[1]", "order-7").status_code == (202 if certain else 409)
    aws.time.seconds += TAKEOVER_SECONDS + 1
    assert api.submit(b"[1]", "order-7").status_code == 202


def code(error: Any) -> str:
    return str(error.response["Error"]["Code"])


def test_what_the_endpoint_refused_is_sent_when_it_serves_even_if_corrected(aws: FakeAws, api: Api) -> None:
    aws.runtime.error = client_error("ValidationError", "Endpoint shop of account 1 is not in service.")
    aws.sagemaker.status = "Creating"
    assert api.submit(b"[1]", "order-7").json()["type"].endswith(":endpoint-not-ready")
    assert api.get("order-7").status_code == 404
    aws.runtime.error, aws.sagemaker.status = None, "InService"
    aws.time.seconds += 1
    accepted = api.submit(b"[2]", "order-7")
    assert accepted.status_code == 202 and accepted.json()["created_at"].endswith(":21.000Z")
    assert create_api(aws).get("order-7").json() == accepted.json()
    assert api.submit(b"[1]", "order-7").status_code == 409


@pytest.mark.parametrize("number", [1, 2])
def test_a_webhook_that_is_sent_late_is_looked_at_after_its_deadline(aws: FakeAws, number: int) -> None:
    """Its marker is older than those around it, so the sweep may have passed its place. Without a webhook nothing is queued."""
    queues = FakeQueues(aws.time)
    hooked = dataclasses.replace(ASKED, id="hooked", webhook=Webhook("https://shop.example/h", ("expired",)))
    for asked in (ASKED, hooked):
        with pytest.raises(Killed):
            attempt(aws, asked, Interrupting(aws, number))
    aws.time.seconds += TAKEOVER_SECONDS + 1
    for asked in (ASKED, hooked):
        accepted = attempt(aws, asked, Interrupting(aws, queues=queues))
    ((message,),) = queues.queues.values()
    deadline = accepted.submitted.submitted_at.timestamp() + accepted.submitted.deadline_seconds
    assert message.document["deliver"] == accepted.claim.key and message.document["not_before"] >= deadline


def test_a_claim_that_was_taken_over_is_not_released(aws: FakeAws, api: Api) -> None:
    """The process that held it first may have sent it: another input under the id would share its output."""
    with pytest.raises(Killed):
        attempt(aws, ASKED, Interrupting(aws, 2))
    assert len(aws.runtime.calls) == 1
    aws.time.seconds += TAKEOVER_SECONDS + 1
    aws.runtime.error = client_error("ValidationError", "Endpoint shop of account 1 is not in service.")
    aws.sagemaker.status = "Updating"
    assert api.submit(b"[1]", "order-7").json()["type"].endswith(":endpoint-not-ready")
    aws.runtime.error, aws.sagemaker.status = None, "InService"
    assert api.submit(b"[2]", "order-7").json()["type"].endswith(":conflict")
    aws.time.seconds += TAKEOVER_SECONDS + 1
    assert api.submit(b"[1]", "order-7").status_code == 202 and len(aws.runtime.calls) == 2


def test_of_two_processes_that_take_over_one_sends(aws: FakeAws) -> None:
    with pytest.raises(Killed):
        attempt(aws, ASKED, Interrupting(aws, 1))
    aws.time.seconds += TAKEOVER_SECONDS + 1
    one, other = create_api(aws).endpoint.records, create_api(aws).endpoint.records
    (record,) = create_api(aws).state("records/").values()
    found, same = one.find(record["key"]), other.find(record["key"])
    assert found and same and found == same
    held = one.take_over(found)
    assert held is not None and held.claim.created_at == found.claim.created_at
    assert other.take_over(same) is None


def test_a_process_that_was_taken_over_neither_releases_nor_sends(aws: FakeAws) -> None:
    """It woke after a minute, to learn that its own request was refused: the other one's must stay."""
    slow = create_api(aws)
    wanted = submission._claim(slow.endpoint, "local", ASKED)
    held = slow.endpoint.records.claim(wanted)
    assert isinstance(held, Held)
    aws.time.seconds += TAKEOVER_SECONDS + 1
    accepted = attempt(aws, ASKED)
    slow.endpoint.records.release(held)
    with pytest.raises(Problem, match="being sent"):
        submission._send(slow.endpoint, held, ASKED, "r3")
    assert len(aws.runtime.calls) == 1
    assert create_api(aws).get("order-7").json()["id"] == "order-7"
    assert attempt(aws, ASKED).submitted == accepted.submitted
