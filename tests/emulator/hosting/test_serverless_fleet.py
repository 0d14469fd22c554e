"""Which idle instances of a serverless variant stop, and when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from async_endpoint.emulator.hosting.fleet import IDLE_SECONDS, ServerlessFleet
from async_endpoint.emulator.hosting.hosted_config import ServerlessConfig
from async_endpoint.emulator.hosting.instance import InstanceState


class Clock:
    time = 0.0

    def now(self) -> float:
        return self.time

    def real(self, seconds: float) -> float:
        return seconds


class Machine(SimpleNamespace):
    """An instance that serves at once, and stops at once."""

    @property
    def serving(self) -> bool:
        return self.state is InstanceState.READY

    @property
    def ended(self) -> bool:
        return self.state in (InstanceState.STOPPED, InstanceState.FAILED)

    def stop(self) -> None:
        self.state = InstanceState.STOPPED


def fleet_of(clock: Clock, provisioned: int = 0) -> ServerlessFleet:
    made: list[Machine] = []

    def make() -> Any:
        made.append(Machine(id=f"i{len(made) + 1}", state=InstanceState.READY, in_flight=0, reason=""))
        return made[-1]

    return ServerlessFleet(ServerlessConfig(1_024, 10, provisioned), make, clock)  # type: ignore[arg-type]


def ids(fleet: ServerlessFleet) -> list[str]:
    return [instance.id for instance in fleet.instances]


def test_idle_instances_stop_least_recently_used_first() -> None:
    clock = Clock()
    fleet = fleet_of(clock)
    fleet.demand(3)
    fleet.reconcile()
    assert ids(fleet) == ["i1", "i2", "i3"]
    fleet.reconcile()
    clock.time = IDLE_SECONDS - 10
    fleet.instances[0].in_flight = 1
    fleet.reconcile()
    fleet.instances[0].in_flight = 0
    clock.time = IDLE_SECONDS + 5
    fleet.reconcile()
    assert ids(fleet) == ["i1"]
    assert fleet.next_wakeup() == IDLE_SECONDS - 15
    clock.time = 2 * IDLE_SECONDS
    fleet.reconcile()
    assert (ids(fleet), fleet.desired) == ([], 0)


def test_provisioned_instances_stay_until_the_variant_is_retired() -> None:
    clock = Clock()
    fleet = fleet_of(clock, provisioned=2)
    fleet.demand(3)
    for clock.time in (0, 1, 2 * IDLE_SECONDS):
        fleet.reconcile()
    assert len(fleet.instances) == 2
    fleet.scale(0)
    fleet.reconcile()
    fleet.reconcile()
    assert ids(fleet) == []
