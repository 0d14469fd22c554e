"""The variants of an endpoint: live, incoming (of an update) and retiring (draining)."""

from __future__ import annotations

import random
from collections.abc import Iterator

from async_endpoint.emulator.hosting.error_messages import EXTRACTION_FAILED
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.variant import Variant


class VariantSet:
    """Guarded by its endpoint's lock."""

    def __init__(self) -> None:
        self.live: list[Variant] = []
        self.incoming: list[Variant] = []
        self.share = 0.0  # of the traffic that goes to the incoming variants
        self.stage = ""  # of the incoming variants: a ProductionVariantStatus
        self._retiring: list[Variant] = []

    def __iter__(self) -> Iterator[Variant]:
        yield from (*self.live, *self.incoming, *self._retiring)

    @property
    def scaling(self) -> bool:
        """Whether a live variant is scaling."""
        return any(variant.fleet.scaling for variant in self.live)

    @property
    def serving(self) -> int:
        """The number of instances that receive traffic."""
        return sum(len(variant.fleet.receiving_traffic) for variant in self.receiving_traffic)

    @property
    def receiving_traffic(self) -> list[Variant]:
        """The variants that receive traffic; during an update old and new ones."""
        return [variant for variant in (*self.live, *self.incoming) if variant.fleet.traffic_limit != 0]

    def choose_side(self) -> list[Variant]:
        """The live or the incoming variants for one request, drawn by the share of the traffic already shifted."""
        return self.incoming if self.share and random.random() < self.share else self.live

    def check_incoming(self) -> bool:
        """Whether all incoming instances serve; raises DeploymentFailed once one has failed."""
        for variant in self.incoming:
            if variant.fleet.last_failure.startswith(EXTRACTION_FAILED):
                raise DeploymentFailed(variant.fleet.last_failure)
            if variant.fleet.last_failure:
                containers = "primary container" if len(variant.spec.model.containers) == 1 else "containers"
                raise DeploymentFailed(
                    f"The {containers} for production variant {variant.name} did not pass the ping health check. Please check "
                    f"CloudWatch logs for this endpoint. ({variant.fleet.last_failure})"
                )
        return all(variant.fleet.settled for variant in self.incoming)

    def promote_incoming(self) -> None:
        """Make the incoming variants live; the previous ones drain."""
        self._retire(self.live)
        self.live, self.incoming, self.share = self.incoming, [], 0.0
        for variant in self.live:
            variant.fleet.traffic_limit = None

    def drop_incoming(self) -> None:
        """Retire the incoming variants; the live ones stay."""
        self._retire(self.incoming)
        self.incoming, self.share = [], 0.0

    def clear_failures(self) -> None:
        """Clear the last failure of the live variants."""
        for variant in self.live:
            variant.fleet.last_failure = ""

    @property
    def settled(self) -> bool:
        """Every live variant has its desired instances."""
        return all(variant.fleet.settled for variant in self.live)

    @property
    def restored(self) -> bool:
        """Every live variant has its desired instances, and no retiring one is left."""
        return not self._retiring and self.settled

    @property
    def has_failed_instance(self) -> bool:
        """Whether an instance of a live variant failed since `clear_failures`."""
        return any(variant.fleet.last_failure for variant in self.live)

    def reconcile(self) -> None:
        """One step of every fleet towards its desired count."""
        for variant in self:
            variant.fleet.reconcile()
        self._retiring = [variant for variant in self._retiring if variant.fleet.instances]

    def next_wakeup(self) -> list[float]:
        """Real seconds until each fleet has a step due without an event."""
        waits = (variant.fleet.next_wakeup() for variant in (*self.live, *self.incoming))
        return [wait for wait in waits if wait is not None]

    def stop(self) -> None:
        for variant in self:
            variant.fleet.stop()

    def _retire(self, variants: list[Variant]) -> None:
        for variant in variants:
            variant.fleet.scale(0)  # reconcile() stops instances once they have drained
        self._retiring += variants
