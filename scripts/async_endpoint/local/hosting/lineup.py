"""The variants of an endpoint: those that take traffic, those that are to, and those that only finish what they have."""

from __future__ import annotations

from collections.abc import Iterator

from async_endpoint.local.hosting.preparation import DeploymentFailed
from async_endpoint.local.hosting.variant import Variant


class Lineup:
    """Guarded by its endpoint's lock."""

    def __init__(self) -> None:
        self.live: list[Variant] = []
        self.incoming: list[Variant] = []
        self._retiring: list[Variant] = []

    def __iter__(self) -> Iterator[Variant]:
        yield from (*self.live, *self.incoming, *self._retiring)

    @property
    def scaling(self) -> bool:
        """Whether instances that take traffic are added or removed."""
        return any(variant.fleet.scaling for variant in self.live)

    @property
    def serving(self) -> int:
        return sum(variant.serving for variant in self.live)

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
        self.live, self.incoming = self.incoming, []

    def drop_incoming(self) -> None:
        """Go on with what takes traffic, and forget how it fared so far."""
        self._retire(self.incoming)
        self.incoming = []
        for variant in self.live:
            variant.fleet.last_failure = ""

    @property
    def restored(self) -> bool:
        """What takes traffic has every instance it wants, and nothing else is left."""
        return not self._retiring and all(variant.fleet.settled for variant in self.live)

    @property
    def broken(self) -> bool:
        """An instance that took traffic has died since the incoming variants were dropped."""
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
