"""The variants of an endpoint: those that take traffic, those that are to, and those that only finish what they have."""

from __future__ import annotations

import random
from collections.abc import Iterator

from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.variant import Variant


class VariantSet:
    """Guarded by its endpoint's lock."""

    def __init__(self) -> None:
        self.live: list[Variant] = []
        self.incoming: list[Variant] = []
        self.share = 0.0  # of the traffic, that the incoming variants have
        self.stage = ""  # of the incoming variants: a ProductionVariantStatus
        self._retiring: list[Variant] = []

    def __iter__(self) -> Iterator[Variant]:
        yield from (*self.live, *self.incoming, *self._retiring)

    @property
    def scaling(self) -> bool:
        """Whether instances that take traffic are added or removed."""
        return any(variant.fleet.scaling for variant in self.live)

    @property
    def serving(self) -> int:
        """Instances that take traffic."""
        return sum(len(variant.fleet.open_ones) for variant in self.taking)

    @property
    def taking(self) -> list[Variant]:
        """The variants that take traffic: of an update on its way, the old ones as long as they have some, and the new ones."""
        return [variant for variant in (*self.live, *self.incoming) if variant.fleet.open != 0]

    def side(self) -> list[Variant]:
        """The variants that one request meets: the incoming ones as often as the traffic has moved to them."""
        return self.incoming if self.share and random.random() < self.share else self.live

    def check_incoming(self) -> bool:
        """Whether every incoming instance answers; raises DeploymentFailed once one of them never will."""
        for variant in self.incoming:
            if variant.fleet.last_failure:
                containers = "primary container" if len(variant.spec.model.containers) == 1 else "containers"
                raise DeploymentFailed(
                    f"The {containers} for production variant {variant.name} did not pass the ping health check. Please check "
                    f"CloudWatch logs for this endpoint. ({variant.fleet.last_failure})"
                )
        return all(variant.fleet.settled for variant in self.incoming)

    def move_traffic(self) -> None:
        """To the incoming variants; those before finish what they have."""
        self._retire(self.live)
        self.live, self.incoming, self.share = self.incoming, [], 0.0
        for variant in self.live:
            variant.fleet.open = None

    def drop_incoming(self) -> None:
        """Go on with what had the traffic before."""
        self._retire(self.incoming)
        self.incoming, self.share = [], 0.0

    def forget_failures(self) -> None:
        """Of what has or had the traffic: how it fared so far."""
        for variant in self.live:
            variant.fleet.last_failure = ""

    @property
    def settled(self) -> bool:
        """What is or was live has every instance it wants."""
        return all(variant.fleet.settled for variant in self.live)

    @property
    def restored(self) -> bool:
        """What takes traffic has every instance it wants, and nothing else is left."""
        return not self._retiring and self.settled

    @property
    def broken(self) -> bool:
        """An instance of these has died since its failures were forgotten."""
        return any(variant.fleet.last_failure for variant in self.live)

    def reconcile(self) -> None:
        """One step towards what is wanted."""
        for variant in self:
            variant.fleet.reconcile()
        self._retiring = [variant for variant in self._retiring if variant.fleet.instances]

    def wake_in(self) -> list[float]:
        """In how many real seconds something has to be done though nothing happens."""
        waits = (variant.fleet.wake_in() for variant in (*self.live, *self.incoming))
        return [wait for wait in waits if wait is not None]

    def stop(self) -> None:
        for variant in self:
            variant.fleet.stop()

    def _retire(self, variants: list[Variant]) -> None:
        for variant in variants:
            variant.fleet.scale(0)  # reconcile() stops what has nothing left to do
        self._retiring += variants
