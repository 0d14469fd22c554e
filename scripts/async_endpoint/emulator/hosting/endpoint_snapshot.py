"""What is kept of an endpoint while the local AWS is stopped. Its instances are not: they start anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from async_endpoint.core.metrics import Metric
from async_endpoint.emulator.hosting.deployment import Deployment
from async_endpoint.emulator.hosting.metrics import StatisticSet
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.hosting.variant import Variant


@dataclass(frozen=True)
class VariantSnapshot:
    """How many instances a live variant wants, whether it is still on its way there, and its share of the traffic.

    `capacity` is what scales: the same, or a serverless variant's provisioned concurrency.
    """

    desired: int
    capacity: int
    scaling: bool
    weight: float

    @classmethod
    def of(cls, variant: Variant) -> VariantSnapshot:
        desired = variant.desired if variant.fleet.home is None else variant.fleet.home
        return cls(desired, variant.capacity, variant.fleet.scaling, variant.weight)

    def apply(self, variant: Variant) -> None:
        if variant.spec.serverless is not None:
            variant.fleet.set_capacity(self.capacity)
        variant.fleet.desired, variant.fleet.scaling, variant.weight = self.desired, self.scaling, self.weight


@dataclass(frozen=True)
class EndpointSnapshot:
    """One endpoint. Variants and metrics are by variant name; of the requests those in process come first."""

    name: str
    region: str
    phase: str
    deployment: Deployment
    target: Deployment
    created_at: float
    modified_at: float
    failure_reason: str
    variants: Mapping[str, VariantSnapshot]
    metrics: Mapping[str, Mapping[Metric, StatisticSet]]
    requests: tuple[AsyncInvocation, ...]
