"""Leases of reply queues, and the time until the filter policies of a new one are in effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from async_endpoint import Invocation, Submitted
from async_endpoint.client.endpoint_info import EndpointInfo
from async_endpoint.client.queue_leases import LEASE_SECONDS, RECEIVE_SECONDS, LeaseLost, QueueLeases, Released
from async_endpoint.client.reply_queue import FILTER_DELAY_SECONDS
from async_endpoint.client.reply_queues import MESSAGE_COUNTS, ReplyQueues
from async_endpoint.client.retries import Retries
from async_endpoint.core.reply_queues import is_reply_queue, name_in_run

BUCKET, NAME = "shop-123456789012", "shop-reply-0000000001"
LEASE = f"input/_queues/{NAME}"


def leases_of(aws: Any) -> QueueLeases:
    return QueueLeases(aws.session, f"s3://{BUCKET}/input/", Retries(3, 0.1, 1.0, aws.pause), aws.time.now)


class Run:
    """A collector that has leased a queue, and its requests."""

    def __init__(self, aws: Any, **config: Any) -> None:
        self.aws = aws
        aws.sqs.grants = True
        self.collector = aws.collector(**config)
        self.collector.open()
        self.count = 0

    @property
    def prefix(self) -> str:
        return str(self.collector.next_prefix())

    def add(self) -> Invocation:
        name = f"{self.prefix}run-{self.count:04d}"
        invocation = Invocation(name, f"{self.count:04d}")
        self.collector.watch(invocation)
        output = f"s3://{BUCKET}/output/run/{self.count:04d}.out"
        moment = datetime.fromtimestamp(self.aws.time.now(), UTC)
        invocation.accept(Submitted(name, None, output, f"s3://{BUCKET}/failure/{name}", 7_200.0, moment))
        self.collector.accepted(invocation)
        self.count += 1
        return invocation

    def end(self, invocation: Invocation, *, notified: bool) -> None:
        assert invocation.submitted is not None
        self.aws.s3.put(invocation.submitted.output_location, b"1")
        if notified:
            self.notify(invocation.inference_id, invocation.submitted.output_location)

    def notify(self, name: str, output: str = f"s3://{BUCKET}/output/other") -> None:
        request = {"InferenceId": name, "EndpointName": "shop"}
        self.aws.announce(request, {"OutputLocation": output}, body="1", envelope=False)

    def until_done(self, *invocations: Invocation) -> None:
        self.aws.until(lambda: all(invocation.done() for invocation in invocations), self.collector)

    def said(self, text: str) -> bool:
        return any(text in line for line in self.aws.explanations)


# --- leases --------------------------------------------------------------------------------------------------------------


def test_a_free_queue_is_leased_and_one_that_is_held_is_not(aws: Any) -> None:
    aws.released_queue()
    assert Run(aws).prefix == "0000000001."
    assert aws.s3.objects[LEASE][0] != b""
    other = Run(aws)
    assert other.prefix not in ("", "0000000001.")
    assert len(aws.sqs.made) == 1


def test_a_lease_that_is_not_renewed_is_taken_over_and_its_holder_stops(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws)
    one = run.add()
    aws.time.sleep(LEASE_SECONDS + 1)  # as a process that was stopped, or a laptop that slept
    assert run.prefix == "", "no request is sent for a queue that others may claim"
    other = Run(aws)
    assert other.prefix == "0000000001."
    assert len(aws.sns.subscribed) == 2, "its former holder may have been killed before it had subscribed to both topics"
    body = aws.s3.objects[LEASE][0]
    run.end(one, notified=False)
    run.until_done(one)
    assert run.said(f"{NAME} is held by another client")
    assert (aws.s3.objects[LEASE][0], aws.sqs.deleted) == (body, []), "the lease and the queue are the other's"
    run.collector.close()
    assert aws.s3.objects[LEASE][0] == body


def test_a_run_keeps_its_lease_for_as_long_as_it_waits(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws)
    run.add()
    aws.until(lambda: aws.time.now() > 1_700_003_600, run.collector)
    [entry] = leases_of(aws).list()
    assert not entry.released and entry.age < LEASE_SECONDS / 2
    assert run.prefix == "0000000001."


def test_a_queue_that_was_released_receives_nothing(aws: Any) -> None:
    """A receive that begins between the release and the end of the client would take the messages of the next run."""
    aws.released_queue()
    queue = ReplyQueues(
        aws.session, EndpointInfo.from_outputs(aws.outputs), Retries(3, 0.1, 1.0, aws.pause), aws.time.now
    ).lease()
    queue.release()
    with pytest.raises(LeaseLost):
        queue.receive(20)
    assert aws.sqs.receives == 0


def test_a_former_holder_does_not_delete_the_queue_of_another(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws)
    one = run.add()
    aws.time.sleep(LEASE_SECONDS + 1)  # as a process that was stopped
    Run(aws)
    body = aws.s3.objects[LEASE][0]
    run.end(one, notified=False)
    aws.time.seconds += 60  # so that the first thing the former holder notices is a missing notification
    run.until_done(one)
    assert run.said("Notifications have stopped")
    assert (aws.s3.objects[LEASE][0], aws.sqs.deleted) == (body, [])


def test_a_renewal_defeats_a_claim_that_was_prepared_before_it(aws: Any) -> None:
    aws.released_queue()
    [free] = leases_of(aws).list()
    lease = leases_of(aws).claim(NAME, free.etag)
    aws.time.sleep(LEASE_SECONDS + 1)
    [expired] = leases_of(aws).list()
    lease.renew(aws.time.now())
    with pytest.raises(LeaseLost):
        leases_of(aws).claim(NAME, expired.etag)
    lease.renew(aws.time.now())


def test_a_claim_whose_response_was_lost_is_recognized(aws: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.released_queue()
    put, lost = aws.s3.put_object, [True]

    def put_object(**request: Any) -> Any:
        reply = put(**request)
        if lost:
            lost.clear()
            raise refusal("InternalError", "the response was lost", 500)
        return reply

    monkeypatch.setattr(aws.s3, "put_object", put_object)
    [free] = leases_of(aws).list()
    lease = leases_of(aws).claim(NAME, free.etag)
    lease.renew(aws.time.now())


@pytest.mark.parametrize("works", [True, False])
def test_a_queue_whose_last_receive_is_not_over_is_free_later(aws: Any, works: bool) -> None:
    aws.released_queue()
    [free] = leases_of(aws).list()
    leases_of(aws).claim(NAME, free.etag).release(Released.of(works=works, receiving=True))
    assert [(entry.released, entry.expired) for entry in leases_of(aws).list()] == [(False, False)]
    aws.time.sleep(RECEIVE_SECONDS + 1)
    assert [(entry.released, entry.works) for entry in leases_of(aws).list()] == [(True, works)]


def test_ages_are_by_the_clock_of_s3(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.released_queue(held_for=10)
    answer = aws.s3.list_objects_v2
    date = datetime.fromtimestamp(aws.time.now(), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    metadata = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    monkeypatch.setattr(aws.s3, "list_objects_v2", lambda **wanted: answer(**wanted) | metadata)
    aws.time.seconds += 86_400  # this machine's clock is wrong
    [entry] = leases_of(aws).list()
    assert entry.age == 10 and not entry.expired


@pytest.mark.parametrize(("left", "reliable"), [(Released.WORKING, True), (Released.UNPROVEN, False)])
def test_a_young_queue_that_has_worked_works_for_the_next_run(aws: Any, left: Released, reliable: bool) -> None:
    aws.released_queue(age=120)
    aws.s3.put(f"s3://{BUCKET}/{LEASE}", b"-" * left)
    Run(aws)
    assert ("found by notifications" in aws.explanations[-1]) == reliable


def test_a_queue_that_is_gone_loses_its_lease_and_another_is_made(aws: Any) -> None:
    aws.released_queue()
    aws.sqs.attributes = None
    run = Run(aws)
    assert LEASE not in aws.s3.objects
    assert run.prefix == aws.sqs.made[0]["QueueName"][-10:] + "."


@pytest.mark.parametrize("left", [Released.WORKING, Released.UNPROVEN])
@pytest.mark.parametrize(("count", "value"), list(zip(MESSAGE_COUNTS, ("101", "90001"), strict=True)))
def test_many_leftover_messages_are_purged_and_a_loss_is_expected_for_a_minute(
    aws: Any, count: str, value: str, left: Released
) -> None:
    aws.released_queue()
    aws.s3.put(f"s3://{BUCKET}/{LEASE}", b"-" * left)
    aws.sqs.attributes[count] = value
    run = Run(aws)
    assert len(aws.sqs.purged) == 1 and run.said("was purged")
    one = run.add()
    run.end(one, notified=False)
    run.until_done(one)
    assert not run.said("Notifications have stopped")


@pytest.mark.parametrize("code", ["PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"])
def test_losses_are_expected_of_the_purge_of_another_run(
    aws: Any, code: str, refusal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def purge_queue(QueueUrl: str) -> None:  # noqa: N803
        raise refusal(code, "Only one PurgeQueue operation is allowed every 60 seconds", 403)

    aws.released_queue()
    aws.sqs.attributes["ApproximateNumberOfMessages"] = "101"
    monkeypatch.setattr(aws.sqs, "purge_queue", purge_queue)
    run = Run(aws)
    assert run.said("Results are found by listing, until notifications arrive")


def test_a_queue_that_cannot_be_checked_is_left_as_it_was(aws: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def get_queue_attributes(**wanted: Any) -> Any:
        raise refusal("AccessDenied", "no", 403)

    aws.released_queue()
    aws.s3.put(f"s3://{BUCKET}/{LEASE}", b"")
    monkeypatch.setattr(aws.sqs, "get_queue_attributes", get_queue_attributes)
    assert Run(aws).said("found by listing, not by notifications: sqs:GetQueueAttributes")
    assert aws.s3.objects[LEASE][0] == b"", "it works for those who may use it"


def test_an_expired_queue_that_cannot_be_subscribed_is_not_given_to_the_next_run(aws: Any, refusal: Any) -> None:
    aws.released_queue(held_for=LEASE_SECONDS + 1)
    aws.sns.error = refusal("FilterPolicyLimitExceeded", "The maximum of 200 is reached", 403)
    assert Run(aws).said("found by listing, not by notifications: sns:Subscribe")
    [entry] = leases_of(aws).list()
    assert not entry.released, "its first subscription was removed"


def test_the_lease_of_a_missing_queue_that_cannot_be_deleted_is_no_obstacle(
    aws: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_object(**wanted: Any) -> Any:
        raise refusal("AccessDenied", "no", 403)

    aws.released_queue()
    aws.sqs.attributes = None
    monkeypatch.setattr(aws.s3, "delete_object", delete_object)
    assert Run(aws).prefix == aws.sqs.made[0]["QueueName"][-10:] + "."


def test_the_age_of_a_queue_is_by_the_clock_of_sqs(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.released_queue(age=60)
    answer = aws.sqs.get_queue_attributes
    date = datetime.fromtimestamp(aws.time.now(), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    metadata = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    monkeypatch.setattr(aws.sqs, "get_queue_attributes", lambda **wanted: answer(**wanted) | metadata)
    aws.time.seconds += 3_600  # this machine's clock is wrong
    assert Run(aws).said("Results are found by listing, until notifications arrive")


def test_without_the_permission_to_lease_results_are_listed(aws: Any) -> None:
    aws.released_queue()
    aws.s3.denied.add(("s3:PutObject", LEASE))
    run = Run(aws)
    assert run.said("found by listing, not by notifications: s3:PutObject")
    assert run.prefix == ""


# --- the filter delay ------------------------------------------------------------------------------------------------------


def test_a_new_queue_is_listed_beside_until_its_first_notification(aws: Any) -> None:
    run = Run(aws)
    unannounced = [run.add() for _ in range(8)]
    for invocation in unannounced:
        run.end(invocation, notified=False)
    run.until_done(*unannounced)
    assert run.said("Results are found by listing, until notifications arrive")
    assert not run.said("Notifications have stopped"), "they are not expected yet"
    announced = run.add()
    run.end(announced, notified=True)
    run.until_done(announced)
    aws.s3.calls.clear()
    assert run.said("Results are found by notifications from now on") or aws.sqs.receives
    last = run.add()
    aws.time.at(3, lambda: run.end(last, notified=True))
    run.until_done(last)
    assert run.said("Results are found by notifications from now on")


def test_while_every_message_of_the_topic_arrives_results_are_listed(aws: Any) -> None:
    """Assumption A106: a subscription whose filter policy is not in effect may receive everything."""
    run = Run(aws)
    waiting = [run.add() for _ in range(8)]
    for second in range(120):
        aws.time.at(second, lambda: [run.notify(f"another.run-{number}") for number in range(10)])
    aws.time.at(100, lambda: [run.end(invocation, notified=True) for invocation in waiting])
    before, receives = aws.time.now(), aws.sqs.receives
    run.until_done(*waiting)
    assert aws.time.now() - before <= 106
    assert aws.sqs.receives - receives <= 110, "one a second at most"
    assert not run.said("from now on") and not run.said("Notifications have stopped")


def test_notifications_are_given_up_only_when_the_policies_must_be_in_effect(aws: Any) -> None:
    run = Run(aws)
    first = run.add()
    aws.time.at(600, lambda: run.end(first, notified=False))
    run.until_done(first)
    assert not run.said("Notifications have stopped")
    late = run.add()
    aws.time.at(FILTER_DELAY_SECONDS, lambda: run.end(late, notified=False))
    run.until_done(late)
    assert run.said("Notifications have stopped")
    assert len(aws.sqs.deleted) == 1, "a queue that never received anything is of no use to others"
    assert not [key for key in aws.s3.objects if "_queues/" in key]


def test_a_queue_that_has_worked_is_left_to_the_next_run(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws)
    first, second = run.add(), run.add()
    run.end(first, notified=True)
    run.until_done(first)
    run.end(second, notified=False)
    run.until_done(second)
    assert run.said("Notifications have stopped")
    assert aws.sqs.deleted == [] and aws.s3.objects[LEASE][0] == b"", "it is free, and has worked"


def test_a_queue_that_worked_for_others_only_is_deleted_by_the_second_run_without_notifications(aws: Any) -> None:
    """As after its topic was replaced: subscriptions end with a topic."""
    aws.released_queue()
    aws.s3.put(f"s3://{BUCKET}/{LEASE}", b"")
    for left in (["-"], []):
        run = Run(aws)
        one = run.add()
        run.end(one, notified=False)
        run.until_done(one)
        assert run.said("Notifications have stopped")
        run.collector.close()
        assert [aws.s3.objects[key][0].decode() for key in aws.s3.objects if "_queues/" in key] == left
    assert len(aws.sqs.deleted) == 1


@pytest.mark.parametrize("wrong", [-240.0, 240.0])
def test_whether_a_notification_is_missing_does_not_depend_on_the_clock_of_this_machine(
    aws: Any, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.released_queue()
    aws.s3.now = lambda: aws.time.now() - wrong
    answer = aws.s3.list_objects_v2

    def list_objects_v2(**wanted: Any) -> Any:
        date = datetime.fromtimestamp(aws.s3.now(), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer(**wanted) | {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    monkeypatch.setattr(aws.s3, "list_objects_v2", list_objects_v2)
    run = Run(aws)
    one = run.add()
    aws.time.at(14.5, lambda: run.end(one, notified=False))  # half a second before a check: its notification may yet come
    run.until_done(one)
    assert not run.said("Notifications have stopped")
    another = run.add()
    aws.time.at(1, lambda: run.end(another, notified=False))
    run.until_done(another)
    assert run.said("Notifications have stopped")


# --- the end of a run --------------------------------------------------------------------------------------------------------


class Later(Executor):
    """Does what it is given when asked to."""

    def __init__(self) -> None:
        self.tasks: list[Callable[[], Any]] = []

    def submit(self, do: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        self.tasks.append(partial(do, *arguments, **options))
        return Future()

    def run(self) -> None:
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task()


def test_while_the_last_results_are_read_no_receive_keeps_the_queue_in_use(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws, pool=Later(), trust_notifications=False)
    one = run.add()
    run.end(one, notified=True)
    run.collector.step()
    assert len(run.collector._pool.tasks) == 1
    receives = aws.sqs.receives
    assert 0 < run.collector.step() <= 1
    assert aws.sqs.receives == receives
    run.collector._pool.run()
    assert one.done()


def test_a_notification_that_comes_while_an_earlier_read_finds_nothing_is_acted_on(aws: Any) -> None:
    aws.released_queue()
    run = Run(aws, pool=Later(), trust_notifications=False)
    one = run.add()
    run.collector._fetch(one, None)
    [read], run.collector._pool.tasks = run.collector._pool.tasks, []
    get = aws.s3.get_object

    def written_meanwhile(**wanted: Any) -> Any:
        aws.s3.get_object = get
        try:
            return get(**wanted)
        finally:
            run.end(one, notified=True)
            run.collector._receive(run.collector._queue, 0)

    aws.s3.get_object = written_meanwhile
    read()
    run.collector._pool.run()
    assert one.done()


# --- names -----------------------------------------------------------------------------------------------------------------


def test_the_longest_inference_id_and_queue_name_fit(aws: Any) -> None:
    run = Run(aws)
    assert len(run.prefix + "r" * 24 + "-" + "k" * 28) == 64
    info = EndpointInfo.from_outputs(aws.outputs)
    [queue] = aws.sqs.made
    assert is_reply_queue(queue["QueueName"], info.name)
    assert len(queue["QueueName"]) - len(info.name) + 63 == 80
    assert json.loads(aws.sns.subscribed[0]["Attributes"]["FilterPolicy"]) == {"inferenceId": [{"prefix": run.prefix}]}


@pytest.mark.parametrize(
    ("inference_id", "name"),
    [("0123456789.run-key", "run-key"), ("run-key", "run-key"), ("a.b", "a.b"), ("0123456789.", "0123456789.")],
)
def test_the_name_in_the_run_identifies_a_request(inference_id: str, name: str) -> None:
    assert name_in_run(inference_id) == name
