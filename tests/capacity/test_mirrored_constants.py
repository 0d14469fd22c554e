"""What the simulator must not know from the emulator, whose layer it may not import: constants of both are equal."""

from __future__ import annotations

from async_endpoint.capacity.settings import SIMULATED
from async_endpoint.capacity.simulation import alarm_windows, engine, fleet
from async_endpoint.core.metrics import PUBLISHED
from async_endpoint.emulator.hosting import async_inference
from async_endpoint.emulator.hosting import fleet as hosted_fleet
from async_endpoint.emulator.scaling import minute_scheduler


def test_constants_are_those_of_the_local_aws() -> None:
    assert engine.MAX_ATTEMPTS == async_inference.MAX_ATTEMPTS
    assert fleet.FIRST_REPLACEMENT_SECONDS == hosted_fleet.FIRST_REPLACEMENT_SECONDS
    assert fleet.LONGEST_REPLACEMENT_SECONDS == hosted_fleet.LONGEST_REPLACEMENT_SECONDS
    assert alarm_windows.MINUTE == minute_scheduler.MINUTE


def test_simulated_metrics_are_published_by_the_endpoint_alone() -> None:
    assert {PUBLISHED[name].scope for name in SIMULATED} == {"endpoint"}
    assert {name for name, metric in PUBLISHED.items() if metric.scope == "endpoint"} == set(SIMULATED)
