"""A hold at one instance restores the bounds: after interruptions, beside scheduled actions, or by a command."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.held_capacity import HeldCapacity, scheduled_bounds
from support.described_endpoints import ACTIVE, target

NOON = ACTIVE.timestamp()
HOURLY = {"Schedule": "cron(5 * * * ? *)", "CreationTime": ACTIVE}


@dataclass
class Scaling:
    """One scalable target; `on_register` is called after each change of its bounds."""

    bounds: tuple[int, int] = (0, 2)
    actions: list[dict[str, Any]] = field(default_factory=list)
    on_register: Callable[[], None] = lambda: None
    on_describe: Callable[[], None] = lambda: None
    events: list[str] = field(default_factory=list)

    def held(self, outputs: AsyncEndpointOutputs) -> HeldCapacity:
        scaling = SimpleNamespace(
            register_scalable_target=self._register,
            describe_scalable_targets=self._describe,
            describe_scaling_policies=None,
            describe_scheduled_actions=lambda **_: {"ScheduledActions": self.actions},
        )
        return HeldCapacity(
            AwsSession({"application-autoscaling": scaling}.__getitem__, "eu-west-1"), outputs, self.events.append
        )

    def _register(self, MinCapacity: int, MaxCapacity: int, **_: Any) -> None:
        self.bounds = (MinCapacity, MaxCapacity)
        self.on_register()

    def _describe(self, **_: Any) -> dict[str, Any]:
        self.on_describe()
        return {"ScalableTargets": [target(MinCapacity=self.bounds[0], MaxCapacity=self.bounds[1])]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times = [NOON]
    monkeypatch.setattr("time.time", lambda: times[0])
    return times


def interrupted() -> None:
    raise KeyboardInterrupt


def test_an_interruption_of_the_call_that_begins_it_leaves_the_bounds_as_they_were(outputs: AsyncEndpointOutputs) -> None:
    scaling = Scaling()

    def once() -> None:
        scaling.on_register = lambda: None
        interrupted()

    scaling.on_register = once
    with pytest.raises(KeyboardInterrupt), scaling.held(outputs).at_one():
        pytest.fail("the call was interrupted")
    assert scaling.bounds == (0, 2)


def test_a_failure_to_restore_says_the_exact_call(outputs: AsyncEndpointOutputs) -> None:
    scaling = Scaling()
    held = scaling.held(outputs)
    command = held.restoring_command()
    assert command is not None
    assert "register-scalable-target" in command
    assert f"--resource-id {outputs.scaling.resource_id}" in command
    assert "--min-capacity 0 --max-capacity 2 --region eu-west-1" in command
    with pytest.raises(KeyboardInterrupt), held.at_one():
        assert scaling.bounds == (1, 1)
        scaling.on_describe = interrupted
    assert scaling.events[-1].endswith(f"restore them with: {command}")


@pytest.mark.parametrize(
    ("set_meanwhile", "restored"),
    [((1, 1), (0, 2)), ((0, 1), (0, 2)), ((1, 5), (0, 5)), ((3, 4), (3, 4)), ((0, 0), (0, 0))],
)
def test_a_bound_that_others_set_stays(
    outputs: AsyncEndpointOutputs, set_meanwhile: tuple[int, int], restored: tuple[int, int]
) -> None:
    scaling = Scaling()
    with scaling.held(outputs).at_one():
        scaling.bounds = set_meanwhile
    assert scaling.bounds == restored


@pytest.mark.parametrize(
    ("change", "bounds", "restored"),
    [
        ({"MinCapacity": 0}, (0, 1), (0, 4)),
        ({"MinCapacity": 1, "MaxCapacity": 1}, (1, 1), (1, 1)),
        ({"MaxCapacity": 6}, (1, 6), (2, 6)),
        ({"MinCapacity": 3}, (1, 1), (3, 4)),  # refused above the maximum of the hold
    ],
)
def test_what_a_scheduled_action_sets_during_the_hold_holds_afterwards(
    outputs: AsyncEndpointOutputs,
    clock: list[float],
    change: dict[str, int],
    bounds: tuple[int, int],
    restored: tuple[int, int],
) -> None:
    scaling = Scaling((2, 4), [HOURLY | {"ScalableTargetAction": change}])
    with scaling.held(outputs).at_one():
        clock[0] += 600
        scaling.bounds = bounds
    assert scaling.bounds == restored


def test_actions_count_in_the_order_of_their_times_and_only_when_due() -> None:
    actions: list[dict[str, Any]] = [
        HOURLY | {"ScalableTargetAction": {"MinCapacity": 3}},
        {"Schedule": "at(2026-11-30T12:03:00)", "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 9}},
        {"Schedule": "at(2026-11-30T13:00:00)", "ScalableTargetAction": {"MinCapacity": 0, "MaxCapacity": 0}},
        {
            "Schedule": "rate(7 minutes)",
            "CreationTime": datetime(2026, 11, 30, 12, tzinfo=UTC),
            "ScalableTargetAction": {"MaxCapacity": 8},
        },
    ]
    assert scheduled_bounds((0, 1), actions, NOON, NOON + 240) == (2, 9)
    assert scheduled_bounds((0, 1), actions, NOON, NOON + 360) == (3, 9)
    assert scheduled_bounds((0, 1), actions, NOON, NOON + 420) == (3, 8)
    assert scheduled_bounds((0, 1), actions, NOON + 301, NOON + 360) == (0, 1)
