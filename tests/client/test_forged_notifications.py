"""Messages that another principal wrote: S3 is authoritative, so none of them makes a result or a failure."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from async_endpoint import Invocation, State, Submitted
from async_endpoint.client.reply_queue import sending_policy
from async_endpoint.core.errors import InvocationFailed, ResultNotReady
from async_endpoint.iam import AccessRequest, evaluate

BUCKET = "shop-123456789012"
REQUEST = "0000000001.run-one"
OUTPUT, FAILURE, INPUT = f"s3://{BUCKET}/output/run/one.out", f"s3://{BUCKET}/failure/one-error.out", f"s3://{BUCKET}/input/one"
ELSEWHERE = "s3://attacker-bucket/object"


def genuine(status: str) -> dict[str, Any]:
    """What the endpoint publishes, response included."""
    message: dict[str, Any] = {
        "invocationStatus": status,
        "inferenceId": REQUEST,
        "requestParameters": {"endpointName": "shop", "inputLocation": INPUT},
        "responseBody": {"content": '"genuine"', "contentType": "application/json"},
    }
    if status == "Completed":
        return message | {"responseParameters": {"outputLocation": OUTPUT, "contentType": "application/json"}}
    return message | {"failureReason": "genuine", "failureLocation": FAILURE}


def forged(status: str) -> list[dict[str, Any]]:
    """Messages that name the request and differ from a genuine one in one place or several, and a flat one."""
    changes: list[dict[str, Any]] = [
        {"responseParameters": {"outputLocation": ELSEWHERE}},
        {"responseParameters": {}},
        {"requestParameters": {"endpointName": "other", "inputLocation": INPUT}},
        {"requestParameters": {"inputLocation": INPUT}},
        {"requestParameters": {"endpointName": "shop", "inputLocation": ELSEWHERE}},
        {"requestParameters": {"endpointName": "shop"}},
        {"failureLocation": ELSEWHERE},
        {"outputLocation": ELSEWHERE},
    ]
    messages = [genuine(status) | change for change in changes]
    messages += [genuine(status) | one | two for one, two in itertools.combinations(changes, 2)]
    flat = {"invocationStatus": status, "requestId": REQUEST, "responseBody": {"content": "1"}, "failureReason": "forged"}
    messages += [flat, flat | {"outputLocation": OUTPUT}, flat | {"failureLocation": ELSEWHERE}]
    return [message | {"responseBody": {"content": '"forged"'}, "failureReason": "forged"} for message in messages]


def started(aws: Any, **config: Any) -> tuple[Any, Invocation]:
    """A collector that has_queue, and a request that the endpoint has accepted."""
    aws.released_queue()
    collector = aws.collector(**config)
    collector.open()
    invocation = Invocation(REQUEST, "one")
    invocation.sent = 1
    collector.watch(invocation)
    invocation.accept(Submitted(REQUEST, INPUT, OUTPUT, FAILURE, 60.0, datetime.fromtimestamp(aws.time.now(), UTC)))
    collector.accepted(invocation)
    return collector, invocation


def flood(aws: Any, collector: Any, messages: list[dict[str, Any]]) -> None:
    for message in messages:
        aws.sqs.send(message)
    for _ in messages:  # bounded: once a message has ended the request, none is received any more
        if aws.sqs._visible():
            collector.step()


@pytest.mark.parametrize("restricted", [True, False])
def test_no_forged_message_ends_a_request(aws: Any, restricted: bool) -> None:
    notifications = dataclasses.replace(aws.outputs.notifications, publishers_restricted=restricted)
    aws.outputs = dataclasses.replace(aws.outputs, notifications=notifications)
    aws.s3.put(ELSEWHERE, b"forged")
    aws.s3.objects["object"] = (b"forged", "text/plain")  # the fake has one bucket: as if the attacker's object were readable
    collector, invocation = started(aws)
    messages = [*forged("Completed"), *forged("Failed")]
    if not restricted:  # then the endpoint's own words are no better than any other's
        messages += [genuine("Completed"), genuine("Failed"), genuine("Failed") | {"failureLocation": None}]
    flood(aws, collector, messages)
    assert len(messages) >= 78
    assert not invocation.done()
    aws.s3.put(OUTPUT, b'"from S3"')
    aws.until(invocation.done, collector)
    assert invocation.result().json() == "from S3"


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_a_false_notification_ends_by_the_deadline(aws: Any, status: str) -> None:
    collector, invocation = started(aws, trust_notifications=False)
    flood(aws, collector, [genuine(status)])
    aws.until(invocation.done, collector)
    assert invocation.status() is State.TIMED_OUT
    confirmed = "reports a failure that no object confirms (genuine)" in str(invocation.exception())
    assert confirmed == (status == "Failed")


def test_without_trust_a_result_is_always_read_from_s3(aws: Any) -> None:
    collector, invocation = started(aws, trust_notifications=False)
    aws.s3.put(OUTPUT, b'"from S3"')
    flood(aws, collector, [genuine("Completed")])
    assert invocation.result(0).json() == "from S3"


def test_with_trust_the_genuine_message_is_the_result_and_s3_is_not_asked(aws: Any) -> None:
    collector, invocation = started(aws)
    flood(aws, collector, [genuine("Completed")])
    assert invocation.result(0).json() == "genuine"
    assert [key for call, key in aws.s3.calls if call == "get"] == []


def test_a_queue_that_others_may_send_to_makes_no_result(aws: Any) -> None:
    aws.released_queue()
    aws.sqs.attributes["Policy"] = aws.sqs.attributes["Policy"].replace("Deny", "Allow")
    collector = aws.collector()
    collector.open()
    invocation = Invocation(REQUEST, "one")
    collector.watch(invocation)
    invocation.accept(Submitted(REQUEST, INPUT, OUTPUT, FAILURE, 60.0, datetime.fromtimestamp(aws.time.now(), UTC)))
    collector.accepted(invocation)
    flood(aws, collector, [genuine("Completed")])
    assert not invocation.done()


def test_a_failure_needs_its_object(aws: Any) -> None:
    collector, invocation = started(aws)
    flood(aws, collector, [genuine("Failed")])
    assert not invocation.done()
    aws.s3.put(FAILURE, b"from S3")
    flood(aws, collector, [genuine("Failed")])
    with pytest.raises(InvocationFailed) as caught:
        invocation.result(0)
    assert (caught.value.reason, caught.value.failure_location) == ("from S3", FAILURE)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_failure_that_could_not_be_written_is_believed_only_with_trust(aws: Any, trusted: bool) -> None:
    collector, invocation = started(aws, trust_notifications=trusted)
    unwritten = {name: value for name, value in genuine("Failed").items() if name != "failureLocation"}
    flood(aws, collector, [unwritten])
    assert invocation.done() == trusted
    aws.until(invocation.done, collector)
    assert isinstance(invocation.exception(), InvocationFailed if trusted else ResultNotReady)


def test_messages_that_cannot_be_parsed_are_skipped_and_counted(aws: Any) -> None:
    collector, invocation = started(aws)
    for body in ("[" * 100_000, "\udcff", "not JSON", json.dumps({"Type": "Notification", "Message": "{" * 100_000}), "[1]"):
        aws.sqs.send(body)
    aws.sqs.send(genuine("Completed"))
    aws.until(invocation.done, collector)
    assert invocation.result(0).json() == "genuine", "in the same receive as the others"
    assert collector.skipped_messages == 5
    collector.close()
    assert collector.skipped_messages == 5


def test_nothing_but_the_topics_can_send_to_the_queue_of_a_run() -> None:
    queue, topics = "arn:aws:sqs:eu-west-1:123456789012:shop-reply-1", ("arn:aws:sns:eu-west-1:123456789012:shop-success",)
    everything = [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}]
    policy = sending_policy(queue, topics)

    def allowed(who: str, action: str = "sqs:SendMessage", **context: str) -> bool:
        own = [] if who.endswith(".amazonaws.com") else everything
        return evaluate(
            AccessRequest(action, queue, who, {key.replace("_", ":"): value for key, value in context.items()}), own, policy
        ).allowed

    assert allowed("sns.amazonaws.com", aws_SourceArn=topics[0])
    assert not allowed("sns.amazonaws.com", aws_SourceArn=f"{topics[0]}-2")
    assert not allowed("events.amazonaws.com", aws_SourceArn="arn:aws:events:eu-west-1:123456789012:rule/x")
    for who in ("user/ann", "role/admin", "role/shop-execution", "root"):
        assert not allowed(f"arn:aws:iam::123456789012:{who}")
        assert allowed(f"arn:aws:iam::123456789012:{who}", "sqs:DeleteQueue")
