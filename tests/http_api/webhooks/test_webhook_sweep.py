"""The sweep: expiries and lost notifications, one look at each prediction, by any process, after any pause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from async_endpoint.http_api.webhooks import sweep as sweep_module
from async_endpoint.http_api.webhooks.sweep import LEASE_SECONDS, Sweep
from support.in_memory_aws import FakeAws
from support.webhook_deliveries import Deliveries


@pytest.fixture
def deliveries(aws: FakeAws) -> Deliveries:
    return Deliveries(aws)


def past_deadline(deliveries: Deliveries, seconds: float = 120.0) -> None:
    deliveries.time.sleep(deliveries.api.endpoint.settings.info.deadline_seconds + seconds)


def events(deliveries: Deliveries) -> list[tuple[str, str]]:
    return sorted((post.event["data"]["id"], post.event["type"].removeprefix("prediction.")) for post in deliveries.posts)


def test_what_nothing_announces_is_found_once(deliveries: Deliveries) -> None:
    deliveries.submit("expired")
    deliveries.api.output(deliveries.submit("lost-success"))
    deliveries.api.failure(deliveries.submit("lost-failure"), "ClientError: no")
    deliveries.succeed(deliveries.submit("announced"))
    deliveries.submit("unwanted", events="succeeded")
    deliveries.api.submit(b"{}", "no-webhook")
    deliveries.run()
    past_deadline(deliveries)
    report = deliveries.sweep()
    assert (report.examined, report.queued, report.complete) == (5, 4, True)
    deliveries.run()
    assert events(deliveries) == [
        ("announced", "succeeded"),
        ("expired", "expired"),
        ("lost-failure", "failed"),
        ("lost-success", "succeeded"),
    ]
    assert deliveries.sweep().examined == 0
    expired = next(post for post in deliveries.posts if post.event["data"]["id"] == "expired")
    assert expired.event["data"]["status"] == "expired"
    assert deliveries.api.get("expired").json()["status"] == "expired"


def test_nothing_is_swept_before_its_deadline(deliveries: Deliveries) -> None:
    deliveries.submit("early")
    past_deadline(deliveries, -60)
    assert deliveries.sweep().examined == 0
    past_deadline(deliveries, -deliveries.api.endpoint.settings.info.deadline_seconds + 240)
    assert deliveries.sweep().queued == 1


def test_an_expiry_that_is_recorded_stays_one(deliveries: Deliveries) -> None:
    """The output that appears afterwards does not end the prediction a second time."""
    deliveries.poster.answer = lambda number: 500 if number == 0 else 200
    request = deliveries.submit("late")
    past_deadline(deliveries)
    deliveries.sweep()
    deliveries.step()
    deliveries.succeed(request)
    deliveries.run()
    assert set(events(deliveries)) == {("late", "expired")}


def test_a_message_that_is_early_does_not_make_an_expiry(deliveries: Deliveries) -> None:
    request = deliveries.submit("close")
    past_deadline(deliveries, 10)  # of which the clock of S3 may know nothing yet
    deliveries.notify(request)
    deliveries.step()
    deliveries.api.output(request)
    deliveries.run()
    assert events(deliveries) == [("close", "succeeded")]


def test_many_callers_and_days_without_any_process(deliveries: Deliveries) -> None:
    expected = []
    for day in range(4):
        for caller in ("ann", "bob", "local"):
            submit_as(deliveries, caller, f"{caller}-{day}")
            expected.append((f"{caller}-{day}", "expired"))
        deliveries.time.sleep(86_400)
    past_deadline(deliveries)
    deliveries.sweep()
    deliveries.run()
    assert events(deliveries) == sorted(expected)
    lists = sum(call == "list" for call, _ in deliveries.aws.s3.calls)
    assert lists < 150


def submit_as(deliveries: Deliveries, caller: str, prediction_id: str) -> None:
    """Submit below the folder of a caller, as with an API key."""
    overrides: Any = deliveries.api.http.app
    before = dict(overrides.dependency_overrides)
    from async_endpoint.http_api.access.authentication import authenticate  # noqa: PLC0415

    overrides.dependency_overrides[authenticate] = lambda: caller
    try:
        deliveries.submit(prediction_id)
    finally:
        overrides.dependency_overrides = before


def test_a_slice_with_too_many_is_halved(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "SLICE_MARKERS", 5)
    for number in range(40):
        deliveries.submit(f"p{number:02d}")
        deliveries.time.sleep(20)
    past_deadline(deliveries)
    report = deliveries.sweep()
    assert (report.examined, report.queued) == (40, 40)
    deliveries.run()
    assert len(events(deliveries)) == 40


def test_many_within_one_second_are_swept(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "SLICE_MARKERS", 5)
    for number in range(20):
        deliveries.submit(f"p{number:02d}")
    past_deadline(deliveries)
    assert deliveries.sweep().queued == 20


def test_a_run_that_is_out_of_time_continues_later(deliveries: Deliveries) -> None:
    for number in range(3):
        deliveries.submit(f"p{number}")
        deliveries.time.sleep(3 * 86_400)
    past_deadline(deliveries)
    ticks = iter(range(10_000))
    queued = 0
    for _ in range(100):
        report = Sweep(deliveries.api.endpoint, lambda: float(next(ticks))).run(force=True, seconds=12.5)
        queued += report.queued
        if report.complete:
            break
    assert report.complete
    assert queued == 3
    assert next(ticks) > 30  # looks at the clock, of several runs


def test_processes_share_one_sweep(deliveries: Deliveries) -> None:
    deliveries.submit("one")
    past_deadline(deliveries)
    first, second = Sweep(deliveries.api.endpoint), Sweep(deliveries.api.endpoint)
    assert first.run().queued == 1
    assert second.run().swept_to is None
    deliveries.time.sleep(LEASE_SECONDS)
    assert second.run().complete


def test_a_killed_sweep_is_taken_over_where_it_stopped(deliveries: Deliveries) -> None:
    deliveries.submit("one")
    past_deadline(deliveries)
    sqs, deliveries.queues.send_message = deliveries.queues.send_message, None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        deliveries.sweep()
    deliveries.queues.send_message = sqs  # type: ignore[method-assign]
    assert deliveries.sweep().queued == 1


@pytest.mark.parametrize("change", [-3_000, 3_000])
def test_a_changed_time_limit_skips_nothing(deliveries: Deliveries, change: int) -> None:
    """An apply shortens or lengthens the deadline: those submitted before keep theirs."""
    deliveries.submit("before")
    deliveries.time.sleep(60)
    deliveries.sweep()
    endpoint = deliveries.api.endpoint
    info = endpoint.settings.info
    limits = replace(info.limits, request_ttl_seconds=info.limits.request_ttl_seconds + change)
    object.__setattr__(endpoint.settings, "outputs", replace(endpoint.settings.outputs, limits=limits))
    endpoint.settings.__dict__.pop("info")
    past = info.deadline_seconds - 3_000 - 600
    for _ in range(20):
        deliveries.time.sleep(past)
        deliveries.sweep()
        deliveries.run()
        past = 600
    assert events(deliveries) == [("before", "expired")]


def test_a_stalled_delivery_is_taken_up_again(deliveries: Deliveries) -> None:
    """Its message is gone: as after a queue was purged, or when it has become a dead letter by too many receives."""
    deliveries.poster.answer = lambda number: 500 if number < 2 else 200
    deliveries.succeed(deliveries.submit("stalled"))
    deliveries.step()
    deliveries.waiting.clear()
    past_deadline(deliveries, 8 * 3_600)
    deliveries.sweep()
    deliveries.run()
    (outcome,) = deliveries.outcomes.values()
    assert outcome["delivery"]["state"] == "delivered"
