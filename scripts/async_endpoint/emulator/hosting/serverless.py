"""The instances of a serverless variant: made when a request finds none idle, let go when they have been idle for long."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.deployment import ServerlessConfig
from async_endpoint.emulator.hosting.fleet import Fleet
from async_endpoint.emulator.hosting.instance import Instance, InstanceState

# How long a container that nobody calls stays warm, in AWS seconds. Not documented; people observe 5 to 15 minutes.
IDLE_SECONDS = 600.0


class ServerlessFleet(Fleet):
    """A fleet whose desired count follows its requests. An instance takes one request at a time: our reading.

    It begins with one instance even if none is provisioned: the proof that the container starts.
    """

    def __init__(self, settings: ServerlessConfig, make: Callable[[], Instance], clock: ScaledClock) -> None:
        super().__init__(max(settings.provisioned, 1), make, clock, limit=1)
        self._provisioned = settings.provisioned
        self._used: dict[str, float] = {}  # when an instance was last seen busy or starting

    def scale(self, desired: int) -> None:
        """Of a variant that is retired: nothing is kept warm any more."""
        self._provisioned = desired
        super().scale(desired)

    @property
    def capacity(self) -> int:
        """The provisioned concurrency: instances that are kept warm."""
        return self._provisioned

    def set_capacity(self, wanted: int) -> None:
        """Those that are too many go once they have been idle for long."""
        self._provisioned = wanted
        self.desired = max(self.desired, wanted)

    def demand(self, requests: int) -> None:
        """Have an instance for each of so many requests."""
        self.desired = max(self.desired, requests)

    def reconcile(self) -> None:
        now = self._clock.now()
        here = {instance.id: instance for instance in self.instances}
        self._used = {
            name: self._used.get(name, now) if instance.serving and not instance.in_flight else now
            for name, instance in here.items()
        }
        idle = [name for name, since in sorted(self._used.items(), key=itemgetter(1)) if now - since >= IDLE_SECONDS]
        for name in idle[: max(self.desired - self._provisioned, 0)]:
            here[name].state = InstanceState.DRAINING
            del self._used[name]
            self.desired -= 1
        super().reconcile()
        self.scaling = False  # to come and go with the requests is no change of the endpoint

    def wake_in(self) -> float | None:
        replacement = super().wake_in()
        oldest = min(self._used.values(), default=None)
        if oldest is None or self.desired <= self._provisioned:
            return replacement
        idle = self._clock.real(oldest + IDLE_SECONDS - self._clock.now())
        return idle if replacement is None else min(idle, replacement)
