"""How fast requests are sent, and how often they are tried again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from async_endpoint.client.pace import Pace
from async_endpoint.client.retries import Retries
from async_endpoint.client.rhythm import Hold, Sweeps


def send(pace: Pace, time: Any, count: int, seconds_each: float = 0.0) -> float:
    """Seconds that `count` calls took, one after another."""
    begun = time.now()
    for _ in range(count):
        pace.wait()
        time.seconds += seconds_each
        pace.accepted()
    return float(time.now() - begun)


def test_a_configured_rate_is_never_exceeded(aws: Any) -> None:
    pace = Pace(50.0, aws.time.now, aws.time.sleep)
    assert send(pace, aws.time, 101) >= 100 / 50 * 0.999


def test_a_configured_rate_holds_for_many_threads_together(aws: Any) -> None:
    lock, slept = threading.Lock(), []

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    pace = Pace(10.0, lambda: 1_000.0, sleep)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 20)])


def test_without_a_limit_nobody_waits(aws: Any) -> None:
    pace = Pace(None, aws.time.now, aws.time.sleep)
    assert send(pace, aws.time, 1_000) == 0
    assert pace.rate is None


def test_throttling_makes_it_slower_than_what_is_taken_and_it_grows_again(aws: Any) -> None:
    pace = Pace(None, aws.time.now, aws.time.sleep)
    send(pace, aws.time, 200, seconds_each=0.01)
    pace.throttled()
    first = pace.rate
    assert first is not None and first == pytest.approx(70, rel=0.1)
    pace.throttled()
    assert pace.rate == first, "calls that were on their way together are one event"
    send(pace, aws.time, 200)
    assert pace.rate is not None and pace.rate > first


def test_a_service_that_refuses_for_ever_is_still_asked(aws: Any) -> None:
    pace = Pace(100.0, aws.time.now, aws.time.sleep)
    send(pace, aws.time, 300)
    for _ in range(100):
        aws.time.sleep(1.5)
        pace.throttled()
    assert pace.rate is not None and 5 <= pace.rate <= 10


def test_growing_ends_at_the_configured_rate(aws: Any) -> None:
    pace = Pace(20.0, aws.time.now, aws.time.sleep)
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
def test_what_another_try_may_cure_is_tried_again(refusal: Any, code: str, status: int) -> None:
    pauses: list[float] = []
    assert retries(pauses).call(failing(refusal(code, "", status), 4)) == "answer"
    assert len(pauses) == 4
    assert all(0 <= pause <= min(1.0, 0.1 * 2 ** (number + 1)) for number, pause in enumerate(pauses))


def test_a_broken_connection_is_tried_again() -> None:
    assert retries([]).call(failing(EndpointConnectionError(endpoint_url="x"), 2)) == "answer"


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied", "NoSuchKey", "ExpiredToken"])
def test_what_stays_wrong_is_asked_once(refusal: Any, code: str) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match=code):
        retries(pauses).call(failing(refusal(code, ""), 1))
    assert pauses == []


def test_what_cannot_be_sent_is_asked_once() -> None:
    with pytest.raises(ParamValidationError):
        retries([]).call(failing(ParamValidationError(report="x"), 1))


def test_tries_end_and_the_last_error_is_raised(refusal: Any) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match="SlowDown"):
        retries(pauses, attempts=3).call(failing(refusal("SlowDown", "", 503), 99))
    assert len(pauses) == 2


def test_a_client_that_is_closing_tries_nothing_again(refusal: Any) -> None:
    pauses: list[float] = []
    with pytest.raises(Exception, match="SlowDown"):
        retries(pauses, give_up=True).call(failing(refusal("SlowDown", "", 503), 1))
    assert len(pauses) == 1


def test_throttling_is_told_and_no_other_refusal(refusal: Any) -> None:
    told: list[str] = []
    for code, status in (("ThrottlingException", 400), ("InternalFailure", 500)):
        retries([]).call(failing(refusal(code, "", status), 1), refused=lambda code=code: told.append(code))
    assert told == ["ThrottlingException"]


# --- rhythm ------------------------------------------------------------------------------------------------------------


def test_a_full_receive_and_an_empty_one_are_followed_at_once() -> None:
    hold = Hold(lambda: 0.0)
    assert hold.after(10, pending=100) == 0
    assert hold.after(0, pending=100) == 0
    assert hold.after(3, pending=0) == 0


def test_a_trickle_is_let_gather_but_not_for_long(aws: Any) -> None:
    hold = Hold(aws.time.now)
    pauses = []
    for _ in range(20):
        aws.time.sleep(0.1)
        pauses.append(hold.after(2, pending=500))
    assert all(0 < pause <= 0.2 for pause in pauses)


def test_sweeps_grow_rare_while_nothing_is_heard_and_come_each_minute_whatever_is_heard() -> None:
    now, sweeps, gaps = 0.0, Sweeps(5.0, 60.0, 0.0), []
    for _ in range(8):
        gaps.append(sweeps.due() - now)
        now = sweeps.due()
        sweeps.swept(now, missed=False)
    assert gaps == [5, 10, 20, 40, 60, 60, 60, 60]
    sweeps.heard(now + 30)
    assert sweeps.due() == now + 35
    for second in range(61):
        sweeps.heard(now + second)
    assert sweeps.due() == now + 60
    sweeps.want()
    assert sweeps.due() <= now
