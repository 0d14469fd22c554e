"""A running variant: its fleet, weight and metrics, and routing among variants and instances."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from async_endpoint.core.metrics import Kind
from async_endpoint.emulator.hosting.fleet import Fleet
from async_endpoint.emulator.hosting.hosted_config import HostedConfig, VariantSpec
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.metrics import EndpointMetrics


@dataclass(eq=False)
class Variant:
    """Guarded by its endpoint's lock; Endpoint.adjust() changes its weight and capacity."""

    endpoint_name: str
    deployment: HostedConfig
    spec: VariantSpec
    fleet: Fleet
    metrics: EndpointMetrics
    weight: float
    shadow: bool
    waiting: int = 0  # real-time requests waiting for an instance

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def resource_id(self) -> str:
        """The resource id in Application Auto Scaling."""
        return f"endpoint/{self.endpoint_name}/variant/{self.name}"

    @property
    def kind(self) -> Kind:
        """The kind of metrics it publishes; see core/metrics.py."""
        if self.deployment.async_settings is not None:
            return "asynchronous"
        return "serverless" if self.spec.serverless is not None else "real-time"

    @property
    def desired(self) -> int:
        return self.fleet.desired

    @property
    def capacity(self) -> int:
        """What scales: the desired instance count, or the provisioned concurrency of a serverless variant."""
        return self.fleet.capacity

    @property
    def serving(self) -> int:
        """Instances in service: CurrentInstanceCount."""
        return len(self.fleet.ready)

    @property
    def busy(self) -> int:
        """Requests in flight on its instances."""
        return sum(instance.in_flight for instance in self.fleet.instances)

    def route(self) -> Instance | None:
        """An instance for one more request, by the routing strategy; None when none has free concurrency."""
        if self.spec.least_outstanding or self.fleet.limit is not None:
            return self.fleet.least_busy()
        taking = self.fleet.receiving_traffic
        return random.choice(taking) if taking else None


def by_weight(variants: Sequence[Variant]) -> Variant | None:
    """Draw a variant with probability proportional to its weight; None when every weight is zero."""
    weights = [variant.weight for variant in variants]
    return random.choices(variants, weights)[0] if any(weights) else None


def least_busy(variants: Sequence[Variant]) -> tuple[Variant, Instance] | None:
    """The instance with the fewest requests among those with free concurrency, and its variant; None when there is none.

    Ties are broken at random, weighted by the variants' instance counts.
    """
    routed = [(variant, instance) for variant in variants if (instance := variant.route()) is not None]
    fewest = min((instance.in_flight for _, instance in routed), default=0)
    idlest = [(variant, instance) for variant, instance in routed if instance.in_flight == fewest]
    return random.choices(idlest, [len(variant.fleet.receiving_traffic) for variant, _ in idlest])[0] if idlest else None
