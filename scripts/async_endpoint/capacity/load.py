"""A stated load: requests a month of a size and a service time, what they use, and the instances that they keep running.

What is counted for a request: its input is put once and read once by the service, its output or failure likewise by the caller
(A297); one message is published, whichever topic it goes to, and sent, received and deleted once in a queue; KMS is called for
the message when it is published and when it is received, at most, and rarely for objects, since the bucket has a key of its
own for some time (S3 Bucket Key). Objects are kept for `kept_days`.
"""

from __future__ import annotations

import dataclasses
import random
from array import array
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.bill import Bill, IdleItems, Usage, bill
from async_endpoint.capacity.distributions import Distribution
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.simulation import DEFAULT, Outcome, Publication, simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput

DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24
SECONDS_PER_MONTH: Final = HOURS_PER_MONTH * 3_600
BYTES_PER_GB: Final = 1_000_000_000
KEPT_DAYS: Final = 37  # the modules' default: objects expire after 30 days, and their versions 7 days later
MOST_SIMULATED: Final = 50_000  # requests; a larger load is simulated for a shorter time, of SHORTEST_SECONDS at least
SHORTEST_SECONDS: Final = 21_600
MOST_REQUESTS: Final = 100_000_000  # a month; 800,000 in the shortest time


@dataclass(frozen=True)
class Load:
    """`requests` a month of 730 hours, spread at random over it; bytes of one request; `kept_days` that S3 keeps them.

    `log_bytes` are written by the container for each request. Raises InvalidInput.
    """

    requests: float
    input_bytes: float = 0
    output_bytes: float = 0
    kept_days: float = KEPT_DAYS
    log_bytes: float = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value < float("inf"):
                raise InvalidInput(f"{name.replace('_', ' ').capitalize()} of a load is {value}; use 0 or more.")

    def usage(self, months: float = 1.0) -> Usage:
        """What the requests of `months` months use, without instances and without what is idle."""
        count = self.requests * months
        size = (self.input_bytes + self.output_bytes) * count
        return Usage(
            requests=count,
            months=months,
            endpoint_bytes=size,
            s3_puts=2 * count,
            s3_gets=2 * count,
            stored_gb_months=size / BYTES_PER_GB * self.kept_days / DAYS_PER_MONTH,
            notifications=count,
            queue_requests=3 * count,
            kms_requests=2 * count,
            log_bytes=self.log_bytes * count,
        )


def request_usage(requests: float, months: float, *, input_bytes: float = 0, output_bytes: float = 0) -> Usage:
    """What so many requests use in so many months, as `Load` counts it."""
    return Load(requests / months, input_bytes, output_bytes).usage(months)


@dataclass(frozen=True)
class SimulatedLoad:
    """The simulation of a load, and what its instances use in a month."""

    outcome: Outcome
    workload: Workload
    usage: Usage


def simulate_load(
    settings: Settings,
    load: Load,
    *,
    service: Distribution,
    starts: Distribution,
    seed: int = 0,
    publication: Publication = DEFAULT,
) -> SimulatedLoad:
    """Requests at random moments, as many as the load has, for a month or for MOST_SIMULATED of them. Raises InvalidInput."""
    if not 1 <= load.requests <= MOST_REQUESTS:
        raise InvalidInput(f"A load of {load.requests:g} requests a month cannot be simulated; state 1 to {MOST_REQUESTS:,}.")
    seconds = float(max(SHORTEST_SECONDS, min(SECONDS_PER_MONTH, SECONDS_PER_MONTH * MOST_SIMULATED / load.requests)))
    draw = random.Random(seed)
    count = max(1, round(load.requests * seconds / SECONDS_PER_MONTH))
    times = array("d", sorted(draw.uniform(0, seconds) for _ in range(count)))
    source = f"{load.requests:,.0f} requests a month at random moments"
    workload = Workload.of(times, service, 0.0, seconds, seed=seed, source=source)
    outcome = simulate(settings, workload, starts=starts, seed=seed, publication=publication)
    months = seconds / SECONDS_PER_MONTH
    billed = {settings.instance_type: outcome.instance_seconds / months}
    return SimulatedLoad(outcome, workload, Usage(instance_seconds=billed, launches=round(outcome.launches / months)))


@dataclass(frozen=True)
class LoadCost:
    """What a load costs a month, with what is idle, and how long its requests wait."""

    load: Load
    simulated: SimulatedLoad
    bill: Bill

    @property
    def per_thousand(self) -> dict[str, float]:
        """US dollars for 1,000 requests by component, of the lines whose price is known."""
        return {component: usd / self.load.requests * 1_000 for component, usd in self.bill.by_component().items()}


def load_cost(load: Load, simulated: SimulatedLoad, idle: IdleItems, prices: PriceList) -> LoadCost:
    """The bill of a month of a simulated load on an endpoint with these idle items."""
    instances = dataclasses.replace(simulated.usage, idle=idle)
    return LoadCost(load, simulated, bill(load.usage() + instances, prices))
