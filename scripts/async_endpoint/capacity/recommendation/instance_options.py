"""What a recommendation chooses from, and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from async_endpoint.capacity.distributions import Distribution
from async_endpoint.capacity.recommendation.lower_bound import BoundedInstance
from async_endpoint.capacity.slowdown import NONE, Slowdown
from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class InstanceOption:
    """An instance type to choose: US dollars an hour, its start times, and service times relative to those of the workload.

    `concurrencies` are the numbers of requests per instance to choose from. Without a measured slowdown give one: the more
    requests share an instance for free, the better an endpoint looks. Raises InvalidInput.
    """

    instance_type: str
    usd_per_hour: float
    starts: Distribution
    slowdown: Slowdown = NONE
    concurrencies: tuple[int, ...] = (4,)

    def __post_init__(self) -> None:
        if not 0 < self.usd_per_hour < float("inf"):
            raise InvalidInput(f"The price of {self.instance_type} is {self.usd_per_hour:g} USD an hour; give one above zero.")
        if not self.concurrencies or any(level < 1 for level in self.concurrencies):
            raise InvalidInput(
                f"The concurrencies of {self.instance_type} are {self.concurrencies}; give numbers of 1 or more."
            )

    def bounded(self, concurrency: int) -> BoundedInstance:
        """What the lower bound assumes of an instance of this type."""
        return BoundedInstance(self.starts.quantile(0.0), concurrency, self.slowdown)


@dataclass(frozen=True)
class Objective:
    """Least cost with a waiting time of at most `wait` seconds, or least waiting time for at most `budget` US dollars a month.

    Waiting time is that of percentile `percent`, from arrival to the start of service; cost is that of the instances. Raises
    InvalidInput unless exactly one of the two is given.
    """

    wait: float | None = None
    budget: float | None = None
    percent: float = 95

    def __post_init__(self) -> None:
        if (self.wait is None) == (self.budget is None):
            raise InvalidInput(
                "A recommendation needs one objective: a wait in seconds (--p95), or a budget in USD a month (--budget)."
            )
        if not 0 < self.percent <= 100:
            raise InvalidInput(f"The percentile of the waiting time is {self.percent:g}; use a number above 0, up to 100.")
        for what, value in (("waiting time", self.wait), ("budget", self.budget)):
            if value is not None and not 0 <= value < float("inf"):
                raise InvalidInput(f"The {what} of a recommendation is {value:g}; use 0 or more.")

    def meets(self, usd: float, wait: float) -> bool:
        """Whether a cost (US dollars a month) and a waiting time (seconds) meet it."""
        return wait <= self.wait if self.wait is not None else usd <= (self.budget or 0.0)

    def rank(self, usd: float, wait: float) -> tuple[float, float, float]:
        """Sort key: what meets the objective first, then what is best of it; else what comes nearest."""
        first, second = (usd, wait) if self.wait is not None else (wait, usd)
        return (0.0, first, second) if self.meets(usd, wait) else (1.0, second, first)
