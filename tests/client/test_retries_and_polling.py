"""How fast requests are sent, and how often they are tried again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from async_endpoint.client.clock import ForwardClock
from async_endpoint.client.polling import BatchDelay, ReconcileSchedule
from async_endpoint.client.rate_limiter import RateLimiter
from async_endpoint.client.retries import Retries


def test_a_clock_that_is_set_back_delays_nothing_and_one_that_is_set_forward_is_followed() -> None:
    wall, elapsed = [1_000.0], [0.0]
    now = ForwardClock(lambda: wall[0], lambda: elapsed[0])
    seen = []
    for step in (-3_600.0, 5.0, 0.5, -7_200.0):  # a second passes each time, whatever the wall clock does
        wall[0], elapsed[0] = wall[0] + step, elapsed[0] + 1.0
        seen.append(now())
    assert seen == [1_001.0, 1_006.0, 1_006.5, 1_007.5]


def send(pace: RateLimiter, time: Any, count: int, seconds_each: float = 0.0) -> float:
    """Seconds that `count` calls took, one after another."""
    begun = time.now()
    for _ in range(count):
        pace.wait()
        time.seconds += seconds_each
        pace.accepted()
    return float(time.now() - begun)


def test_a_configured_rate_is_never_exceeded(aws: Any) -> None:
    pace = RateLimiter(50.0, aws.time.now, aws.time.sleep)
    assert send(pace, aws.time, 101) >= 100 / 50 * 0.999


def test_a_configured_rate_holds_for_many_threads_together(aws: Any) -> None:
    lock, slept = threading.Lock(), []

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    pace = RateLimiter(10.0, lambda: 1_000.0, sleep)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 20)])


def test_without_a_limit_no_call_waits(aws: Any) -> None:
    pace = RateLimiter(None, aws.time.now, aws.time.sleep)
    assert send(pace, aws.time, 1_000) == 0
    assert pace.rate is None


def test_throttling_reduces_the_rate_below_what_is_accepted_and_it_grows_again(aws: Any) -> None:
    pace = RateLimiter(None, aws.time.now, aws.time.sleep)
    send(pace, aws.time, 200, seconds_each=0.01)
    pace.throttled()
    first = pace.rate
    assert first is not None and first == pytest.approx(70, rel=0.1)
    pace.throttled()
    assert pace.rate == first, "calls that were on their way together are one event"
    send(pace, aws.time, 200)
    assert pace.rate is not None and pace.rate > first


def test_a_service_that_always_throttles_is_still_called(aws: Any) -> None:
    pace = RateLimiter(100.0, aws.time.now, aws.time.sleep)
    send(pace, aws.time, 300)
    for _ in range(100):
        aws.time.sleep(1.5)
        pace.throttled()
    assert pace.rate is not None and 5 <= pace.rate <= 10


def test_growing_ends_at_the_configured_rate(aws: Any) -> None:
    pace = RateLimiter(20.0, aws.time.now, aws.time.sleep)
    send(pace, aws.time, 60)
    pace.throttled()
    send(pace, aws.time, 500)
    assert pace.rate == 20.0


# --- tries -------------------------------------------------------------------------------------------------------------


def retries(pauses: list[float], attempts: int = 5, give_up: bool = False) -> Retries:
    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return give_up

    return Retries(attempts, 0.1, 1.0, pause)


def failing(error: Exception, times: int) -> Any:
    left = [error] * times

    def do() -> str:
        if left:
            raise left.pop()
        return "answer"

    return do


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("SlowDown", 503), ("InternalFailure", 500), ("ServiceUnavailable", 503)]
)
def test_retryable_errors_are_retried(refusal: Any, code: str, status: int) -> None:
    pauses: list[float] = []
    assert retries(pauses).call(failing(refusal(code, "", status), 4)) == "answer"
    assert len(pauses) == 4
    assert all(0 <= pause <= min(1.0, 0.1 * 2 ** (number + 1)) for number, pause in enumerate(pauses))


def test_a_broken_connection_is_retried() -> None:
    assert retries([]).call(failing(EndpointConnectionError(endpoint_url="x"), 2)) == "answer"


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied", "NoSuchKey", "ExpiredToken"])
def test_other_errors_are_not_retried(refusal: Any, code: str) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match=code):
        retries(pauses).call(failing(refusal(code, ""), 1))
    assert pauses == []


def test_what_cannot_be_sent_is_not_retried() -> None:
    with pytest.raises(ParamValidationError):
        retries([]).call(failing(ParamValidationError(report="x"), 1))


def test_attempts_end_and_the_last_error_is_raised(refusal: Any) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match="SlowDown"):
        retries(pauses, attempts=3).call(failing(refusal("SlowDown", "", 503), 99))
    assert len(pauses) == 2


def test_a_closing_client_does_not_retry(refusal: Any) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match="SlowDown"):
        retries(pauses, give_up=True).call(failing(refusal("SlowDown", "", 503), 1))
    assert len(pauses) == 1


def test_throttling_is_reported_and_no_other_error(refusal: Any) -> None:
    calls: list[str] = []
    for code, status in (("ThrottlingException", 400), ("InternalFailure", 500)):
        retries([]).call(failing(refusal(code, "", status), 1), throttled=lambda code=code: calls.append(code))
    assert calls == ["ThrottlingException"]


# --- rhythm ------------------------------------------------------------------------------------------------------------


def test_after_a_full_or_an_empty_receive_comes_the_next_at_once() -> None:
    hold = BatchDelay(lambda: 0.0)
    assert hold.after(10, pending=100) == 0
    assert hold.after(0, pending=100) == 0
    assert hold.after(3, pending=0) == 0


def test_trickling_messages_are_batched_briefly(aws: Any) -> None:
    hold = BatchDelay(aws.time.now)
    pauses = []
    for _ in range(20):
        aws.time.sleep(0.1)
        pauses.append(hold.after(2, pending=500))
    assert all(0 < pause <= 0.2 for pause in pauses)


def test_reconciliation_backs_off_while_silent_and_is_due_every_minute_in_any_case() -> None:
    now, schedule, gaps = 0.0, ReconcileSchedule(5.0, 60.0, 0.0), []
    for _ in range(8):
        gaps.append(schedule.due() - now)
        now = schedule.due()
        schedule.reconciled(now, missed=False)
    assert gaps == [5, 10, 20, 40, 60, 60, 60, 60]
    schedule.notified(now + 30)
    assert schedule.due() == now + 35
    for second in range(61):
        schedule.notified(now + second)
    assert schedule.due() == now + 60
    schedule.request()
    assert schedule.due() <= now
