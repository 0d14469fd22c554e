"""The collector round by round, in a time that passes only when it waits."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from async_endpoint import Invocation, State, Submitted
from async_endpoint.core.errors import CredentialsExpired, InvocationFailed
from async_endpoint.core.reply_queues import name_in_run

BUCKET = "shop-123456789012"


class Run:
    """A collector, and invocations that the endpoint has accepted."""

    def __init__(self, aws: Any, *, grants: bool = True, queue_age: float | None = 3_600.0, **config: Any) -> None:
        """`queue_age`: of the reply queue that an earlier run has left, in seconds; None if there is none yet."""
        self.aws = aws
        aws.sqs.grants = grants
        if grants and queue_age is not None:
            aws.released_queue(queue_age)
        self.collector = aws.collector(**config)
        self.collector.open()
        self.invocations: list[Invocation] = []

    def add(self, count: int = 1, deadline: float = 7_200.0) -> list[Invocation]:
        added = []
        for number in range(len(self.invocations), len(self.invocations) + count):
            name = f"{self.collector.next_prefix()}run-{number:04d}"
            invocation = Invocation(name, f"{number:04d}")
            self.collector.watch(invocation)
            output = f"s3://{BUCKET}/output/run/{number:04d}.out"
            failure = f"s3://{BUCKET}/failure/{name}-error.out"
            moment = datetime.fromtimestamp(self.aws.time.now(), UTC)
            invocation.accept(Submitted(name, None, output, failure, deadline, moment))
            self.collector.accepted(invocation)
            added.append(invocation)
        self.invocations += added
        return added

    def notify(self, invocation: Invocation, **outcome: Any) -> None:
        """Announce the invocation's outcome."""
        submitted = invocation.submitted
        assert submitted is not None
        request = {"InferenceId": invocation.inference_id, "EndpointName": "shop"}
        reply = {"OutputLocation": submitted.output_location, "FailureLocation": submitted.failure_location}
        self.aws.announce(request, reply, envelope=False, **outcome)

    def write(self, invocation: Invocation, body: bytes = b"{}") -> None:
        assert invocation.submitted is not None
        self.aws.s3.put(invocation.submitted.output_location, body)

    def until_done(self, *invocations: Invocation) -> None:
        self.aws.until(lambda: all(invocation.done() for invocation in invocations or self.invocations), self.collector)

    def s3_calls(self) -> Counter[str]:
        """Calls for results, not for leases."""
        return Counter(call for call, key in self.aws.s3.calls if "_queues/" not in key)


def test_a_new_queue_receives_notifications_of_its_own_prefix_only(aws: Any) -> None:
    run = Run(aws, queue_age=None)
    [queue] = aws.sqs.made
    assert queue["QueueName"].startswith("shop-reply-")
    statement = json.loads(queue["Attributes"]["Policy"])["Statement"][0]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Resource"].endswith(f":123456789012:{queue['QueueName']}")
    topics = [aws.outputs.notifications.success_topic_arn, aws.outputs.notifications.error_topic_arn]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == topics
    prefix = queue["QueueName"].rpartition("-")[2] + "."
    assert run.collector.next_prefix() == prefix
    for topic, subscription in zip(topics, aws.sns.subscribed, strict=True):
        assert (subscription["TopicArn"], subscription["Endpoint"]) == (topic, statement["Resource"])
        assert subscription["Attributes"]["FilterPolicyScope"] == "MessageBody"
        assert json.loads(subscription["Attributes"]["FilterPolicy"]) == {"inferenceId": [{"prefix": prefix}]}


@pytest.mark.parametrize("code", ["AuthorizationError", "FilterPolicyLimitExceeded"])
def test_a_subscription_that_is_denied_leaves_no_queue_and_results_are_listed(aws: Any, refusal: Any, code: str) -> None:
    aws.sns.error = refusal(code, "no", 403)
    run = Run(aws, queue_age=None)
    assert len(aws.sns.unsubscribed) == len(aws.sqs.deleted) == 1
    assert not [key for key in aws.s3.objects if "_queues/" in key]
    assert "found by listing, not by notifications: sns:Subscribe" in aws.explanations[0]
    [one] = run.add()
    run.write(one)
    run.until_done()
    assert one.status() is State.COMPLETED


def test_a_response_inside_its_notification_costs_no_call_of_s3(aws: Any) -> None:
    run = Run(aws)
    for invocation in run.add(25):
        run.notify(invocation, body=json.dumps(invocation.key))
    run.until_done()
    assert [invocation.result().json() for invocation in run.invocations] == [i.key for i in run.invocations]
    assert run.s3_calls() == {}
    assert aws.sqs.receives == 3, "ten at a time"
    assert len(aws.sqs.messages) == 25, "none is deleted: they are gone in an hour"
    run.collector.close()
    assert (aws.sns.unsubscribed, aws.sqs.deleted, aws.sqs.made) == ([], [], []), "the next run uses the queue"
    assert aws.s3.objects["input/_queues/shop-reply-0000000001"][0] == b"", "its lease is released"


def test_a_notification_before_the_202_counts_after_it(aws: Any) -> None:
    run = Run(aws)
    [first] = run.add()
    name = f"{run.collector.next_prefix()}run-early"
    early = Invocation(name, "early")
    run.collector.watch(early)
    aws.announce(
        {"InferenceId": name, "EndpointName": "shop"},
        {"OutputLocation": f"s3://{BUCKET}/output/run/early.out"},
        body="1",
        envelope=False,
    )
    run.collector.step()
    assert not early.done()
    moment = datetime.fromtimestamp(aws.time.now(), UTC)
    early.accept(Submitted(name, None, f"s3://{BUCKET}/output/run/early.out", None, 60, moment))
    run.collector.accepted(early)
    assert early.result(0).json() == 1
    assert not first.done()


def test_duplicate_late_and_unknown_notifications_change_nothing(aws: Any) -> None:
    run = Run(aws)
    first, second = run.add(2)
    aws.sqs.send("no JSON")
    aws.sqs.send({"eventName": "TestNotification"})
    aws.sqs.send({"invocationStatus": "Completed", "inferenceId": "run-unheard-of"})
    for _ in range(3):
        run.notify(first, body="1")
    run.until_done(first)
    run.notify(first, reason="a late lie")
    run.notify(second, body="2")
    run.until_done()
    assert (first.result().json(), second.result().json()) == (1, 2)


def test_a_notification_without_its_object_is_no_result(aws: Any) -> None:
    run = Run(aws)
    [one] = run.add()
    run.notify(one)
    run.collector.step()
    assert not one.done()
    aws.time.at(30, lambda: run.write(one, b'"real"'))
    run.until_done()
    assert one.result().json() == "real"


def test_an_announced_failure_is_read_from_its_location(aws: Any) -> None:
    run = Run(aws)
    [one] = run.add()
    assert one.submitted is not None
    aws.s3.put(one.submitted.failure_location, b"Received client error (400) from primary: all of it")
    run.notify(one, reason="Received client error")
    run.until_done()
    with pytest.raises(InvocationFailed, match="all of it"):
        one.result()
    assert run.s3_calls() == {"get": 1}


def test_a_request_that_was_sent_twice_and_has_both_outcomes_is_completed(aws: Any) -> None:
    run = Run(aws)
    [one] = run.add()
    one.sent = 2
    assert one.submitted is not None
    run.write(one, b'"good"')
    aws.s3.put(one.submitted.failure_location, b"bad")
    run.notify(one, reason="bad")
    run.until_done()
    assert one.result().json() == "good"


def test_results_without_notifications_are_found_and_notifications_abandoned(aws: Any) -> None:
    run = Run(aws)
    one, other = run.add(2)
    run.write(one)
    before = aws.time.now()
    run.until_done(one)
    assert aws.time.now() - before <= 7
    assert [line for line in aws.explanations if line.startswith("Notifications have stopped")]
    assert len(aws.sqs.deleted) == 1
    run.write(other)
    run.until_done()


def test_one_that_closes_while_its_queue_is_being_removed_waits_for_that(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(aws)
    [one] = run.add()
    run.write(one)
    removing, go_on = threading.Event(), threading.Event()

    delete_queue = aws.sqs.delete_queue

    def blocked(**queue: str) -> None:
        removing.set()
        assert go_on.wait(60)
        delete_queue(**queue)

    monkeypatch.setattr(aws.sqs, "delete_queue", blocked)
    collecting = threading.Thread(target=run.until_done)
    collecting.start()
    assert removing.wait(60)
    closing = threading.Thread(target=run.collector.close)
    closing.start()
    closing.join(0.5)
    assert closing.is_alive()
    go_on.set()
    closing.join(60)
    assert len(aws.sqs.deleted) == 1
    collecting.join(60)


def test_one_that_is_closed_makes_no_queue(aws: Any) -> None:
    collector = aws.collector()
    collector.close()
    collector.open()
    assert aws.sqs.made == []


def test_a_queue_that_does_not_exist_yet_is_waited_for(aws: Any, refusal: Any) -> None:
    run = Run(aws)
    [one] = run.add()
    run.notify(one, body="1")
    aws.sqs.error = refusal("AWS.SimpleQueueService.NonExistentQueue", "not there")
    run.collector.step()
    assert not one.done()
    aws.sqs.error = None
    run.until_done()
    assert not [line for line in aws.explanations if line.startswith("Notifications have stopped")]


def test_a_deleted_queue_switches_to_listing(aws: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("async_endpoint.client.reply_queue.QUEUE_CREATION_DELAY_SECONDS", 0.0)
    run = Run(aws)
    [one] = run.add()
    run.write(one)
    aws.sqs.error = refusal("AWS.SimpleQueueService.NonExistentQueue", "not there")
    run.until_done()
    assert one.status() is State.COMPLETED
    assert [line for line in aws.explanations if line.startswith("Notifications have stopped")]


def test_an_hour_without_any_outcome_costs_few_calls(aws: Any) -> None:
    run = Run(aws)
    [one] = run.add()
    begun = aws.time.now()
    aws.until(lambda: aws.time.now() - begun >= 3_600, run.collector)
    assert not one.done()
    assert aws.sqs.receives <= 3_600 / 20 + 80
    assert sum(run.s3_calls().values()) <= 2 * (60 + 6)


def test_the_deadline_cuts_a_long_poll_short(aws: Any) -> None:
    run = Run(aws)
    begun = aws.time.now()
    [one] = run.add(deadline=3.0)
    run.until_done()
    assert one.status() is State.TIMED_OUT
    assert aws.time.now() - begun <= 4


def test_a_thousand_results_by_listing_cost_little_more_than_reading_them(aws: Any) -> None:
    run = Run(aws, grants=False)
    for number, invocation in enumerate(run.add(1_000)):
        aws.time.at(2 + number / 50, lambda one=invocation: run.write(one))
    run.until_done()
    calls = run.s3_calls()
    assert calls["get"] == 1_000
    assert calls["list"] <= 100, calls


def test_a_listing_begins_at_the_first_output_that_is_missing(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    answer = aws.s3.list_objects_v2
    monkeypatch.setattr(aws.s3, "list_objects_v2", lambda **wanted: asked.append(wanted) or answer(**wanted))
    run = Run(aws, grants=False)
    invocations = run.add(1_500)
    for invocation in invocations[:1_490]:
        run.write(invocation)
    run.until_done(*invocations[:1_490])
    asked.clear()
    run.write(invocations[1_495])
    run.until_done(invocations[1_495])
    outputs = [wanted for wanted in asked if wanted["Prefix"] == "output/run/"]
    assert all("output/run/1489.out" <= wanted["StartAfter"] < "output/run/1490.out" for wanted in outputs)
    assert len(aws.s3.list_objects_v2(**outputs[0])["Contents"]) == 1


def test_failures_are_looked_for_one_by_one_where_their_folder_is_full_of_others(aws: Any) -> None:
    for number in range(3_500):
        aws.s3.put(f"s3://{BUCKET}/failure/another-{number:05d}", b"")
    run = Run(aws, collect="listing")
    [one] = run.add()
    aws.until(lambda: aws.time.now() > 1_700_000_060, run.collector)
    assert one.submitted is not None
    listed = [prefix for call, prefix in aws.s3.calls if call == "list" and prefix == "failure/"]
    assert len(listed) == 4, "the pages of one listing, then no more"
    aws.s3.put(one.submitted.failure_location, b"broken")
    run.until_done()
    assert one.status() is State.FAILED


def test_a_denied_listing_is_explained_and_keys_are_read_one_by_one(aws: Any) -> None:
    aws.s3.denied.add("s3:ListBucket")
    run = Run(aws, collect="listing")
    for invocation in run.add(3):
        run.write(invocation)
    run.until_done()
    assert "looked up one by one: s3:ListBucket on s3://shop-123456789012/output/run/ is denied" in aws.explanations[-1]


def test_credentials_that_expire_end_every_request_at_once(aws: Any, refusal: Any) -> None:
    run = Run(aws, collect="listing")
    invocations = run.add(3)
    aws.s3.failures.append(refusal("ExpiredToken", "The provided token has expired."))
    run.until_done()
    for invocation in invocations:
        with pytest.raises(CredentialsExpired, match="sign in again"):
            invocation.result()
        assert invocation.status() is State.CREDENTIALS_EXPIRED


# --- resumed requests ----------------------------------------------------------------------------------------------------


def resume(run: Run, name: str, *, age: float = 100.0) -> Invocation:
    """Resume a request that was submitted `age` seconds ago, of the run that `name` begins with."""
    moment = datetime.fromtimestamp(run.aws.time.now(), UTC) - timedelta(seconds=age)
    folder, _, key = name_in_run(name).rpartition("-")
    submitted = Submitted(name, None, f"s3://{BUCKET}/output/{folder}/{key}.out", None, 3_600, moment)
    again = Submitted.from_dict(json.loads(json.dumps(submitted.as_dict())))
    assert again == submitted
    invocation = Invocation(name, key, submitted=again)
    run.collector.watch(invocation)
    run.collector.accepted(invocation)
    return invocation


@pytest.mark.parametrize("name", ["run-old", "earlier-0001"])
def test_a_resumed_request_that_has_ended_is_read_before_the_next_round(aws: Any, name: str) -> None:
    run = Run(aws)
    aws.s3.put(f"s3://{BUCKET}/output/{name.replace('-', '/')}.out", b'"old"')
    invocation = resume(run, name)
    assert invocation.result(0).json() == "old"


def test_the_seconds_of_a_request_that_ended_before_it_was_resumed_end_with_its_result(aws: Any) -> None:
    run = Run(aws)
    aws.s3.put(f"s3://{BUCKET}/output/run/old.out", b'"old"')
    aws.time.sleep(70)
    assert resume(run, "run-old", age=100).result(0).seconds == pytest.approx(30)


def test_the_result_of_a_resumed_request_is_no_missed_notification(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(aws)
    aws.s3.put(f"s3://{BUCKET}/output/run/old.out", b'"old"')
    aws.time.sleep(60)
    monkeypatch.setattr(run.collector, "_fetch", lambda *_, **__: None)  # reading is slow: only the listing sees it
    invocation = resume(run, "run-old")
    aws.until(lambda: aws.time.now() > 1_700_000_200, run.collector)
    assert not invocation.done()
    assert not [line for line in aws.explanations if line.startswith("Notifications have stopped")]
    assert aws.sqs.deleted == []


def test_a_result_written_after_resuming_counts_as_missed(aws: Any) -> None:
    run = Run(aws)
    invocation = resume(run, f"{run.collector.next_prefix()}run-old")
    aws.time.at(40, lambda: aws.s3.put(f"s3://{BUCKET}/output/run/old.out", b'"old"'))
    run.until_done(invocation)
    assert "1 result exists without a notification." in aws.explanations[-1]


def test_a_resumed_request_of_another_run_is_polled_and_stops_no_notifications(aws: Any) -> None:
    run = Run(aws)
    [own] = run.add()
    invocation = resume(run, "earlier-0001")
    begun = aws.time.now()
    aws.time.at(300, lambda: aws.s3.put(f"s3://{BUCKET}/output/earlier/0001.out", b'"late"'))
    run.until_done(invocation)
    assert invocation.result(0).json() == "late"
    assert invocation.result(0).seconds == pytest.approx(400, abs=1)
    assert aws.time.now() - begun <= 306, "the longest interval between two polls is 5 s"
    assert aws.sqs.deleted == [] and not own.done()
    receives, listed = aws.sqs.receives, run.s3_calls()["list"]
    aws.until(lambda: aws.time.now() - begun > 1_306, run.collector)
    assert aws.sqs.receives - receives <= 1_000 / 20 + 40, "long polls again"
    assert run.s3_calls()["list"] - listed <= 2 * 20
