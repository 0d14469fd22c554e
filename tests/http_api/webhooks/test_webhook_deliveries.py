"""Deliveries from the notification to the receiver: who gets what, retries for a day, dead letters, kills, forgeries."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from async_endpoint.http_api.webhooks import deliverer as deliverer_module
from async_endpoint.http_api.webhooks.dead_letters import DeadLetters
from async_endpoint.http_api.webhooks.delivery import Attempt
from async_endpoint.http_api.webhooks.messages import DeliveryMessage, send_check
from async_endpoint.http_api.webhooks.outcomes import DeliveryState
from async_endpoint.http_api.webhooks.schedule import DAY_SECONDS, RetrySchedule, hop_seconds
from support.api_client import HTTP_API
from support.in_memory_aws import FakeAws, client_error
from support.webhook_deliveries import HOOK, Deliveries, Killed


@pytest.fixture
def deliveries(aws: FakeAws) -> Deliveries:
    return Deliveries(aws)


def state(deliveries: Deliveries) -> str:
    (outcome,) = deliveries.outcomes.values()
    return str(outcome["delivery"]["state"])


def test_a_result_is_announced_once_and_signed(deliveries: Deliveries) -> None:
    deliveries.succeed(deliveries.submit("photo-1"))
    deliveries.run()
    (post,) = deliveries.posts
    assert post.url == HOOK
    assert post.event["type"] == "prediction.succeeded"
    assert post.event["data"] == deliveries.api.get("photo-1").json()
    assert post.event["timestamp"] == post.event["data"]["completed_at"]
    assert deliveries.signature_is_right(post)
    assert post.headers["webhook-id"].startswith("msg_")
    assert post.headers["webhook-timestamp"] == str(int(post.at))
    assert state(deliveries) == "delivered"
    assert not deliveries.waiting


def test_a_failure_is_announced_with_its_reason(deliveries: Deliveries) -> None:
    deliveries.fail(deliveries.submit())
    deliveries.run()
    (post,) = deliveries.posts
    assert post.event["type"] == "prediction.failed"
    assert "server error (500)" in post.event["data"]["error"]["reason"]


@pytest.mark.parametrize("copies", [2, 5])
def test_repeated_notifications_are_one_delivery(deliveries: Deliveries, copies: int) -> None:
    request = deliveries.submit()
    deliveries.api.output(request)
    for _ in range(copies):
        deliveries.notify(request)
    deliveries.run()
    assert len(deliveries.posts) == 1


def test_events_that_are_not_wanted_are_not_delivered(deliveries: Deliveries) -> None:
    deliveries.succeed(deliveries.submit("one", events="failed, expired"))
    deliveries.fail(deliveries.submit("two", events="failed"))
    deliveries.run()
    assert [post.event["data"]["id"] for post in deliveries.posts] == ["two"]
    assert sorted(outcome["delivery"]["state"] for outcome in deliveries.outcomes.values()) == ["delivered", "unwanted"]


def test_predictions_without_a_webhook_leave_no_trace(deliveries: Deliveries) -> None:
    deliveries.api.submit(b"{}", "silent")
    deliveries.succeed(deliveries.api.requests[-1])
    deliveries.run()
    assert not deliveries.posts
    assert not deliveries.outcomes


# --- retries ---------------------------------------------------------------------------------------------------------


def test_a_failing_receiver_is_tried_for_a_day_with_growing_delays(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 500
    deliveries.succeed(deliveries.submit())
    deliveries.run()
    times = [post.at for post in deliveries.posts]
    delays = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert delays == pytest.approx([5, 30, 120, 600, 1_800, 3_600, 7_200, *5 * [14_400]], abs=2)
    assert times[-1] - times[0] <= DAY_SECONDS
    assert len({post.headers["webhook-id"] for post in deliveries.posts}) == 1
    assert len({post.body for post in deliveries.posts}) == 1
    assert len({post.headers["webhook-timestamp"] for post in deliveries.posts}) == len(times)
    assert state(deliveries) == "dead"
    assert not deliveries.waiting
    assert len(deliveries.dead) == 1


def test_a_receiver_that_recovers_gets_the_event(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 503 if number < 7 else 200
    deliveries.succeed(deliveries.submit())
    deliveries.run()
    assert len(deliveries.posts) == 8
    assert state(deliveries) == "delivered"
    assert not deliveries.dead


def test_gone_ends_the_deliveries(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: Attempt(410, "The receiver answered 410, an error.")
    deliveries.succeed(deliveries.submit())
    deliveries.run()
    assert len(deliveries.posts) == 1
    assert state(deliveries) == "gone"
    assert not deliveries.dead


def test_retry_after_lengthens_a_delay(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: Attempt(429, "busy", 400.0) if number == 0 else 200
    deliveries.succeed(deliveries.submit())
    deliveries.run()
    first, second = deliveries.posts
    assert second.at - first.at == pytest.approx(400, abs=2)


def test_dead_letters_are_listed_and_delivered_again(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 500
    deliveries.succeed(deliveries.submit())
    deliveries.run()
    letters = DeadLetters(deliveries.session, HTTP_API)
    (letter,) = letters.list(10)
    assert (letter.event, letter.key) == ("succeeded", next(iter(deliveries.outcomes)).removesuffix(".json"))
    deliveries.time.sleep(30)
    assert letters.redrive() == 1
    assert not deliveries.dead
    made = len(deliveries.posts)
    deliveries.poster.answer = lambda number: 500 if number == made else 200
    deliveries.run()
    assert len(deliveries.posts) == made + 2
    assert state(deliveries) == "delivered"


def test_a_redrive_that_fails_again_is_a_dead_letter_again(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 500
    deliveries.succeed(deliveries.submit())
    for _ in range(3):
        deliveries.run()
        assert len(deliveries.dead) == 1
        deliveries.time.sleep(100)
        assert DeadLetters(deliveries.session, HTTP_API).redrive() == 1


def test_a_late_copy_of_an_earlier_message_is_not_another_chain(deliveries: Deliveries) -> None:
    """SQS may deliver twice: a copy of attempt 1 that comes after attempt 2 is queued changes nothing."""
    deliveries.poster.answer = lambda number: 500
    request = deliveries.submit()
    deliveries.succeed(request)
    deliveries.step()
    for _ in range(5):
        deliveries.notify(request)
        deliveries.step()
    assert len(deliveries.posts) == 1
    deliveries.run()
    assert len(deliveries.posts) == 13


def test_jitter_only_shortens_and_spreads() -> None:
    spread = [RetrySchedule(draw=lambda share=share: share).next_attempt(8, 0.0, 0.0) for share in (0.0, 0.5, 1.0)]  # type: ignore[misc]
    assert spread == [14_400, 13_320, 12_240]


@pytest.mark.parametrize(("ahead", "delay"), [(-5.0, 0), (0.0, 0), (3.2, 4), (900.0, 900), (14_400.0, 900)])
def test_long_waits_hop(ahead: float, delay: int) -> None:
    assert hop_seconds(1_000.0 + ahead, 1_000.0) == delay


# --- what can go wrong -----------------------------------------------------------------------------------------------


def test_a_kill_at_any_call_loses_nothing_and_delivers_once_more_at_most(aws: FakeAws) -> None:
    """The process is killed at its first AWS call, its second …, and another one takes over."""
    killed = 0
    for kill_at in range(1, 15):
        deliveries = Deliveries(FakeAws(**vars(aws)))
        deliveries.aws.s3.objects.clear()
        deliveries.aws.runtime.calls.clear()
        deliveries.poster.answer = lambda number: 500 if number == 0 else 200
        deliveries.succeed(deliveries.submit(f"kill-{kill_at}"))
        with killed_in(deliveries, kill_at) as kills:
            deliveries.run()
        killed += len(kills)
        assert state(deliveries) == "delivered", kill_at
        assert 2 <= len(deliveries.posts) <= 4, kill_at
        assert len({post.body for post in deliveries.posts}) == 1
    assert killed >= 8


@contextmanager
def killed_in(deliveries: Deliveries, calls: int) -> Iterator[list[int]]:
    """End the process in the AWS call of that number, before or after it took effect; from then on all goes well."""
    left = calls
    kills: list[int] = []

    def wrapped(call: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left != 0:
                return call(*arguments, **named)
            if calls % 2:
                call(*arguments, **named)
            kills.append(calls)
            raise Killed

        return counted

    s3, queues = deliveries.aws.s3, deliveries.queues
    parts = [(s3, name) for name in ("get_object", "put_object", "head_object")] + [(queues, "send_message")]
    for service, name in parts:
        setattr(service, name, wrapped(getattr(service, name)))
    yield kills
    for service, name in parts:
        delattr(service, name)


@pytest.mark.parametrize("broken", ["s3", "sqs"])
def test_while_aws_fails_messages_stay(deliveries: Deliveries, broken: str) -> None:
    deliveries.succeed(deliveries.submit())
    error = client_error("ServiceUnavailable", "not now", 503)
    if broken == "s3":
        deliveries.aws.s3.failures = [error] * 3
    else:
        deliveries.poster.answer = lambda number: 500 if number == 0 else 200
        original = deliveries.queues.send_message
        failing = iter([error])

        def send(**request: Any) -> Any:
            for failure in failing:
                raise failure
            return original(**request)

        deliveries.queues.send_message = send  # type: ignore[method-assign]
    deliveries.step()
    assert len(deliveries.waiting) == 1
    deliveries.run()
    assert state(deliveries) == "delivered"


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_a_forged_notification_changes_nothing(deliveries: Deliveries, status: str) -> None:
    request = deliveries.submit()
    deliveries.notify(request, status)
    deliveries.run()
    assert not deliveries.posts
    assert not deliveries.outcomes
    deliveries.succeed(request)
    deliveries.run()
    assert [post.event["type"] for post in deliveries.posts] == ["prediction.succeeded"]


def test_an_announced_failure_of_what_succeeded_is_a_success(deliveries: Deliveries) -> None:
    request = deliveries.submit()
    deliveries.api.output(request)
    deliveries.notify(request, "Failed")
    deliveries.run()
    assert [post.event["type"] for post in deliveries.posts] == ["prediction.succeeded"]


def test_the_first_outcome_counts_even_if_the_other_object_appears(deliveries: Deliveries) -> None:
    deliveries.poster.answer = lambda number: 500 if number < 3 else 200
    request = deliveries.submit()
    deliveries.fail(request)
    deliveries.step()
    deliveries.succeed(request)  # it was sent twice
    deliveries.run()
    assert {post.event["type"] for post in deliveries.posts} == {"prediction.failed"}
    assert state(deliveries) == "delivered"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "[" * 100_000,
        json.dumps({"deliver": "../../secrets/ann"}),
        json.dumps({"deliver": 7}),
        json.dumps({"deliver": "a" * 26, "attempt": 0}),
        json.dumps({"deliver": "a" * 26, "attempt": "1"}),
        json.dumps({"deliver": "a" * 26, "not_before": "soon"}),
        json.dumps({"deliver": "a" * 26, "not_before": 1e300}),
        json.dumps({"deliver": "a" * 26, "first_at": True}),
        json.dumps({"deliver": "a" * 26}),
        json.dumps({"invocationStatus": "Completed", "inferenceId": "api-short.x"}),
        json.dumps({"invocationStatus": "Completed", "inferenceId": "other-run-1"}),
        json.dumps({"eventName": "TestNotification"}),
    ],
)
def test_messages_of_others_are_dropped(deliveries: Deliveries, body: str) -> None:
    deliveries.queues.send_message(HTTP_API.delivery_queue_url, body)
    deliveries.step()
    assert not deliveries.waiting
    assert not deliveries.posts


def test_a_notification_that_overtakes_the_marker_is_looked_at_again(deliveries: Deliveries) -> None:
    request = deliveries.submit()
    markers = {key: deliveries.aws.s3.objects.pop(key) for key in list(deliveries.aws.s3.objects) if "/submitted/" in key}
    fresh = Deliveries(deliveries.aws, deliveries.queues).deliverer  # of a process that has nothing cached
    deliveries.succeed(request)
    deliveries.step(fresh)
    assert not deliveries.posts
    deliveries.aws.s3.objects |= markers
    deliveries.run()
    assert len(deliveries.posts) == 1


def test_a_prediction_that_was_never_accepted_is_given_up(deliveries: Deliveries) -> None:
    request = deliveries.submit()
    for key in [key for key in deliveries.aws.s3.objects if "/submitted/" in key]:
        del deliveries.aws.s3.objects[key]
    deliveries.deliverer = Deliveries(deliveries.aws, deliveries.queues).deliverer
    deliveries.succeed(request)
    deliveries.run()
    assert not deliveries.waiting
    assert not deliveries.posts


def test_a_check_waits_for_the_deadline(deliveries: Deliveries) -> None:
    deliveries.submit()
    (key,) = [name.removesuffix(".json") for name in deliveries.api.state("records/")]
    deadline = deliveries.time.now() + deliveries.api.endpoint.settings.info.deadline_seconds
    send_check(deliveries.deliverer.queue, key, deadline, deliveries.time.now())
    deliveries.run()
    (post,) = deliveries.posts
    assert post.event["type"] == "prediction.expired"
    assert post.at >= deadline


# --- receivers -------------------------------------------------------------------------------------------------------


def test_a_slow_receiver_has_only_its_share_of_the_threads(deliveries: Deliveries) -> None:
    """While one attempt of a host is under way, another one of the same host is put off and one of another host is made."""
    poster: Any = deliveries.poster
    deliveries.deliverer = deliverer_module.Deliverer(deliveries.api.endpoint, poster, attempts_per_receiver=1)
    for number, url in enumerate([HOOK, HOOK, "https://other.example.com/"]):
        deliveries.succeed(deliveries.submit(f"p{number}", url=url))
    first, second, third = [message.body for message in deliveries.waiting]
    nested: list[str] = []

    def answer(number: int) -> int:
        if number == 0:
            deliveries.deliverer.handle(second)
            nested.extend(post.url for post in deliveries.posts[1:])
            deliveries.deliverer.handle(third)
            nested.extend(post.url for post in deliveries.posts[1:])
        return 200

    deliveries.poster.answer = answer
    deliveries.deliverer.handle(first)
    assert nested == ["https://other.example.com/"]
    deliveries.run()
    assert {outcome["delivery"]["state"] for outcome in deliveries.outcomes.values()} == {"delivered"}


def test_what_a_busy_receiver_puts_off_waits_longer_each_time(deliveries: Deliveries) -> None:
    """Thousands of messages for a receiver that is too slow must not circle in the queue."""
    poster: Any = deliveries.poster
    deliveries.deliverer = deliverer_module.Deliverer(deliveries.api.endpoint, poster, attempts_per_receiver=0)
    deliveries.succeed(deliveries.submit())
    started_at, delays = deliveries.time.now(), []
    for _ in range(9):
        while not deliveries.step():
            deliveries.time.sleep(1)
        delays.append(deliveries.waiting[0].document["not_before"] - deliveries.time.now())
    assert delays == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    assert deliveries.time.now() - started_at < 1_400
    assert not deliveries.posts


def test_secrets_differ_by_caller_and_rotate_with_an_overlap(deliveries: Deliveries) -> None:
    store = deliveries.deliverer.secrets
    before = store.get("local").current
    assert store.get("ann").current != before
    rotated = store.rotate("local")
    assert rotated.current != before
    deliveries.succeed(deliveries.submit("during"))
    deliveries.run()
    deliveries.time.sleep(90_000)
    deliveries.succeed(deliveries.submit("after"))
    deliveries.run()
    during, after = deliveries.posts
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert len(after.headers["webhook-signature"].split(" ")) == 1
    assert deliveries.signature_is_right(during)
    assert deliveries.signature_is_right(after)


def test_a_caller_can_read_its_secret(deliveries: Deliveries) -> None:
    shown = deliveries.api.http.get("/v1/endpoints/recommender/webhook-secret")
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    assert shown.json()["key"] == deliveries.deliverer.secrets.get("local").current
    assert shown.json()["previous_key"] is None
    read_only = Deliveries(deliveries.aws, read_only=True)
    assert read_only.api.http.get("/v1/endpoints/recommender/webhook-secret").status_code == 403


def test_the_log_names_the_host_and_neither_path_nor_secret(deliveries: Deliveries, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deliveries.succeed(deliveries.submit(url="https://hooks.example.com/T0KEN?key=hidden"))
    deliveries.run()
    logged = "".join(record.getMessage() + str(getattr(record, "fields", "")) for record in caplog.records)
    assert "hooks.example.com" in logged
    for secret in ("T0KEN", "hidden", "whsec_", deliveries.deliverer.secrets.get("local").current):
        assert secret not in logged


@pytest.mark.parametrize(
    ("url", "events", "said"),
    [
        ("http://example.com/", None, "use https"),
        ("https://127.0.0.1/", None, "not public"),
        ("https://example.com/", "finished", "finished"),
        ("https://example.com/", ",", "webhook"),
    ],
)
def test_a_webhook_is_checked_when_it_is_submitted(deliveries: Deliveries, url: str, events: str | None, said: str) -> None:
    more = {"webhook_events": events} if events else {}
    refused = deliveries.api.submit(b"{}", "one", webhook_url=url, **more)
    assert refused.status_code == 400
    assert said in refused.json()["detail"]
    assert not deliveries.api.requests


def test_messages_say_what_they_were_asked(deliveries: Deliveries) -> None:
    message = DeliveryMessage("a" * 26, 3, 2, 5.0, 1.0, 0, "failed")
    assert replace(message, attempt=4).position > message.position
    assert message.redriven("failed").position > replace(message, attempt=99).position
    assert DeliveryState("pending") is DeliveryState.PENDING
