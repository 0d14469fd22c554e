"""Endpoint snapshots: the state of an endpoint that survives a restart. Instances do not: new ones are started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from async_endpoint.core.metrics import Metric
from async_endpoint.emulator.hosting.hosted_config import HostedConfig
from async_endpoint.emulator.hosting.metrics import StatisticSet
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.hosting.variant import Variant


@dataclass(frozen=True)
class VariantSnapshot:
    """Desired instances, scaling state and weight of a live variant.

    `capacity` is what scales: the desired count, or a serverless variant's provisioned concurrency.
    """

    desired: int
    capacity: int
    scaling: bool
    weight: float

    @classmethod
    def of(cls, variant: Variant) -> VariantSnapshot:
        desired = variant.desired if variant.fleet.rollback_count is None else variant.fleet.rollback_count
        return cls(desired, variant.capacity, variant.fleet.scaling, variant.weight)

    def apply(self, variant: Variant) -> None:
        if variant.spec.serverless is not None:
            variant.fleet.set_capacity(self.capacity)
        variant.fleet.desired, variant.fleet.scaling, variant.weight = self.desired, self.scaling, self.weight


@dataclass(frozen=True)
class EndpointSnapshot:
    """One endpoint. `variants` is by name, `metrics` by variant and configuration; `requests` has those in process first."""

    name: str
    region: str
    phase: str
    deployment: HostedConfig
    target: HostedConfig
    created_at: float
    modified_at: float
    failure_reason: str
    variants: Mapping[str, VariantSnapshot]
    metrics: Mapping[tuple[str, str], Mapping[Metric, StatisticSet]]
    requests: tuple[AsyncInvocation, ...]
