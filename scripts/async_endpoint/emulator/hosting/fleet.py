"""Fleets: instances reconciled towards a desired count, of an instance-based or of a serverless variant."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.hosted_config import ServerlessConfig
from async_endpoint.emulator.hosting.instance import Instance, InstanceState

# Exponential backoff: a failed instance is replaced after this many AWS seconds, doubling with each consecutive failure (A312).
FIRST_REPLACEMENT_SECONDS = 30.0
LONGEST_REPLACEMENT_SECONDS = 600.0
# How long an idle serverless instance stays warm, in AWS seconds. A155; 5 to 15 minutes are observed.
IDLE_SECONDS = 600.0


class Fleet:
    """The instances of one variant. Guarded by its endpoint's lock; `make` starts an instance and returns at once.

    `limit` is the number of concurrent requests per instance, None for no limit.
    """

    def __init__(self, desired: int, make: Callable[[], Instance], clock: ScaledClock, limit: int | None = None) -> None:
        self.desired = desired
        self.limit = limit
        self.traffic_limit: int | None = None  # how many instances receive traffic; None for all
        self.rollback_count: int | None = None  # the instance count to restore if a rolling update fails
        self.scaling = True  # until `desired` is reached once; replacing a dead instance is not scaling
        self.instances: list[Instance] = []
        self.last_failure = ""
        self._make = make
        self._clock = clock
        self._failures = 0
        self._replace_at = 0.0

    @property
    def ready(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.serving]

    @property
    def receiving_traffic(self) -> list[Instance]:
        """The instances that receive traffic."""
        return self.ready[: self.traffic_limit]

    @property
    def settled(self) -> bool:
        """Every desired instance serves, and no other is left."""
        return len(self.instances) == len(self.ready) == self.desired

    def scale(self, desired: int) -> None:
        """Set the desired count; `reconcile` starts and stops instances."""
        self.desired, self.scaling = desired, True

    @property
    def capacity(self) -> int:
        """The capacity that scaling sees: the desired count."""
        return self.desired

    def set_capacity(self, wanted: int) -> None:
        self.scale(wanted)

    def least_busy(self) -> Instance | None:
        """The instance with the fewest requests, of those below `limit`; None when all are full."""
        roomy = [instance for instance in self.receiving_traffic if self.limit is None or instance.in_flight < self.limit]
        return min(roomy, key=lambda instance: instance.in_flight, default=None)

    def reconcile(self) -> None:
        """One step: remove failed instances, start missing ones, drain surplus ones, stop drained ones."""
        self._remove_failed()
        if self.ready:
            self._failures = 0
        wanted = [instance for instance in self.instances if instance.state is not InstanceState.DRAINING]
        if len(wanted) < self.desired and self._clock.now() >= self._replace_at:
            self.instances += [self._make() for _ in range(self.desired - len(wanted))]
        for instance in sorted(wanted, key=_scale_in_order)[: max(len(wanted) - self.desired, 0)]:
            instance.state = InstanceState.DRAINING
        for instance in self.instances:
            if instance.state is InstanceState.DRAINING and instance.in_flight == 0:
                instance.stop()
        self.instances = [instance for instance in self.instances if not instance.ended]
        self.scaling = self.scaling and not self.settled

    def next_wakeup(self) -> float | None:
        """Real seconds until a failed instance is replaced; None when none is due."""
        missing = len(self.instances) < self.desired and self._replace_at > self._clock.now()
        return self._clock.real(self._replace_at - self._clock.now()) if missing else None

    def stop(self) -> None:
        for instance in self.instances:
            instance.stop()

    def _remove_failed(self) -> None:
        failed = [instance for instance in self.instances if instance.state is InstanceState.FAILED]
        for instance in failed:
            self.last_failure = instance.reason
            instance.stop()
        if failed:
            pause = min(FIRST_REPLACEMENT_SECONDS * 2**self._failures, LONGEST_REPLACEMENT_SECONDS)
            self._failures += 1
            self._replace_at = self._clock.now() + pause
        self.instances = [instance for instance in self.instances if not instance.ended]


def _scale_in_order(instance: Instance) -> tuple[bool, int]:
    """Sort key: instances that do not serve yet stop first, then those with the fewest requests (A311)."""
    return instance.serving, instance.in_flight


class ServerlessFleet(Fleet):
    """The instances of a serverless variant: a request that finds none idle starts one (cold start), idle ones are stopped.

    One instance takes one request at a time (A155). The fleet starts with one instance even without provisioned
    concurrency, to check that the container starts.
    """

    def __init__(self, settings: ServerlessConfig, make: Callable[[], Instance], clock: ScaledClock) -> None:
        super().__init__(max(settings.provisioned, 1), make, clock, limit=1)
        self._provisioned = settings.provisioned
        self._used: dict[str, float] = {}  # by instance id, when it was last busy or starting

    def scale(self, desired: int) -> None:
        """Also drops the provisioned concurrency: only retired variants are scaled."""
        self._provisioned = desired
        super().scale(desired)

    @property
    def capacity(self) -> int:
        """The provisioned concurrency: instances that are kept warm."""
        return self._provisioned

    def set_capacity(self, wanted: int) -> None:
        """Set the provisioned concurrency; surplus instances stop after IDLE_SECONDS without requests."""
        self._provisioned = wanted
        self.desired = max(self.desired, wanted)

    def demand(self, requests: int) -> None:
        """Start instances until there is one for each of `requests`."""
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
        self.scaling = False  # on-demand instances do not make the endpoint Updating

    def next_wakeup(self) -> float | None:
        replacement = super().next_wakeup()
        oldest = min(self._used.values(), default=None)
        if oldest is None or self.desired <= self._provisioned:
            return replacement
        idle = self._clock.real(oldest + IDLE_SECONDS - self._clock.now())
        return idle if replacement is None else min(idle, replacement)
