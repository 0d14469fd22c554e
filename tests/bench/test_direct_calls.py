"""The benchmark's call of a container, which no other test makes."""

from __future__ import annotations

from bench.overhead import direct, timed


def test_a_container_of_its_own_answers_several_calls_at_a_time() -> None:
    with direct() as call:
        assert len(timed(call, 20)) == 20
