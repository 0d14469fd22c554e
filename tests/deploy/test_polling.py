from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from async_endpoint.deploy.polling import Poller, reports_waits, waits_reported


@dataclass
class Clock:
    """Seconds that pass only while something sleeps."""

    now: float = 0.0
    lines: list[str] = field(default_factory=list)

    def poller(self, deadline: float) -> Poller:
        return Poller(deadline, pause=4, clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    on_output = property(lambda self: self.lines.append)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_long_wait_says_what_it_is_for_every_ten_seconds(clock: Clock) -> None:
    with waits_reported(clock.lines.append):
        assert clock.poller(60).wait(lambda: clock.now, lambda now: now >= 28, "the queue to be gone") == 28
    assert clock.lines == ["waiting for the queue to be gone (12 s)", "waiting for the queue to be gone (24 s)"]


def test_a_short_wait_says_nothing_and_a_deadline_ends_a_long_one(clock: Clock) -> None:
    with waits_reported(clock.lines.append):
        assert clock.poller(60).wait(lambda: clock.now, lambda now: now >= 8, "the queue to be gone") == 8
        assert clock.lines == []
        assert clock.poller(15).wait(lambda: "there", lambda seen: False, "the queue to be gone") == "there"
    assert clock.now == 24


def test_a_wait_is_reported_to_the_object_that_a_flow_works_with(clock: Clock) -> None:
    @reports_waits
    def flow(clock: Clock, deadline: float) -> str:
        return clock.poller(deadline).wait(lambda: "there", lambda seen: False, "the queue to be gone")

    assert flow(clock, deadline=12) == "there"
    assert flow(clock, 16) == "there"
    assert clock.lines == ["waiting for the queue to be gone (12 s)"]
    clock.poller(60).wait(lambda: "there", lambda seen: False, "what is not reported outside of a flow")
    assert len(clock.lines) == 1
