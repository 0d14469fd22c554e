"""Instances brought towards a desired count."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.deployment import ServerlessConfig
from async_endpoint.emulator.hosting.instance import Instance, InstanceState

# A machine that failed is replaced after this many AWS seconds, doubling with each failure in a row up to the longest.
FIRST_REPLACEMENT_SECONDS = 30.0
LONGEST_REPLACEMENT_SECONDS = 600.0


class Fleet:
    """The instances of one variant. Guarded by its endpoint's lock; `make` starts an instance and returns at once.

    `limit` is how many requests an instance is given at a time, None for as many as come.
    """

    def __init__(self, desired: int, make: Callable[[], Instance], clock: ScaledClock, limit: int | None = None) -> None:
        self.desired = desired
        self.limit = limit
        self.traffic_limit: int | None = None  # how many of the instances take traffic; None for all
        self.rollback_count: int | None = None  # the count to come back to, should an update by batches fail
        self.scaling = True  # until `desired` is reached once; a dead instance is replaced without a word
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
        """The instances that take traffic."""
        return self.ready[: self.traffic_limit]

    @property
    def settled(self) -> bool:
        """Every wanted instance serves, and no other is left."""
        return len(self.instances) == len(self.ready) == self.desired

    def scale(self, desired: int) -> None:
        """Bring the instances to `desired` with the next steps."""
        self.desired, self.scaling = desired, True

    @property
    def capacity(self) -> int:
        """What `set_capacity` sets."""
        return self.desired

    def set_capacity(self, wanted: int) -> None:
        self.scale(wanted)

    def least_busy(self) -> Instance | None:
        """The least busy instance with room for one more request."""
        roomy = [instance for instance in self.receiving_traffic if self.limit is None or instance.in_flight < self.limit]
        return min(roomy, key=lambda instance: instance.in_flight, default=None)

    def reconcile(self) -> None:
        """One step: forget the dead, start what is missing, drain what is too much, stop what has drained."""
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
        """Real seconds until a failed instance is replaced, if one waits for that."""
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
    """Stop first what does not serve yet, then what has least to finish."""
    return instance.serving, instance.in_flight


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

    def next_wakeup(self) -> float | None:
        replacement = super().next_wakeup()
        oldest = min(self._used.values(), default=None)
        if oldest is None or self.desired <= self._provisioned:
            return replacement
        idle = self._clock.real(oldest + IDLE_SECONDS - self._clock.now())
        return idle if replacement is None else min(idle, replacement)
