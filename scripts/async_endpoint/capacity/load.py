"""A stated load: requests a month of a size and a service time, what they use, and the instances that they keep running.

What is counted for a request: its input is put once and read once by the service, its output or failure likewise by the caller
(A297); one message is published, whichever topic it goes to, and sent, received and deleted once in a queue; KMS is called for
the message when it is published and when it is received, at most, and rarely for objects, since the bucket has a key of its
own for some time (S3 Bucket Key). Objects are kept for `kept_days`.
"""

from __future__ import annotations

import dataclasses
import datetime
from array import array
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.arrivals.trace import EPOCH
from async_endpoint.capacity.bill import Bill, IdleItems, Usage, bill
from async_endpoint.capacity.distributions import Distribution, draws, stream
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.recommendation.evaluation import in_steady_state
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.simulation import DEFAULT, Outcome, Publication, simulate
from async_endpoint.capacity.workload import Workload, within_timeout
from async_endpoint.core.errors import InvalidInput

DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24
SECONDS_PER_MONTH: Final = HOURS_PER_MONTH * 3_600
BYTES_PER_GB: Final = 1_000_000_000
KEPT_DAYS: Final = 37  # the modules' default: objects expire after 30 days, and their versions 7 days later
DAY: Final = 86_400
WEEK: Final = 7 * DAY
MOST_SIMULATED: Final = 200_000  # requests; a larger load is simulated for a shorter time, but not for less than a day
MOST_REQUESTS: Final = 100_000_000  # a month; 3,300,000 in a day
MOST_SCHEDULED: Final = 20_000_000  # a month, where schedules need a week; 4,600,000 in a week


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
    """The simulation of a load, and what its instances use in a month; `notes` say what was simulated for it."""

    outcome: Outcome
    workload: Workload
    usage: Usage
    notes: tuple[str, ...] = ()


def simulate_load(
    settings: Settings,
    load: Load,
    *,
    service: Distribution,
    starts: Distribution,
    start: float = EPOCH,
    seed: int = 0,
    publication: Publication = DEFAULT,
) -> SimulatedLoad:
    """Requests at random moments, in proportion to the load, of a part of the month that begins at `start`, a Monday.

    With schedules the part is whole weeks; without, any part of a day or more is like any other. It begins in the steady state
    after a long idle time. Raises InvalidInput.
    """
    seconds = _simulated_seconds(settings, load)
    draw = stream(seed, "arrivals")
    count = max(1, round(load.requests * seconds / SECONDS_PER_MONTH))
    times = array("d", sorted(start + draw.random() * seconds for _ in range(count)))
    values = draws(service, seed, "service")
    lasting, cut = within_timeout(next(values) for _ in times)
    source = f"{load.requests:,.0f} requests a month at random moments"
    workload = Workload(times, lasting, start, start + seconds, source)
    steady = in_steady_state(settings, start)
    outcome = simulate(steady, workload, starts=starts, seed=seed, publication=publication)
    months = seconds / SECONDS_PER_MONTH
    billed = {settings.instance_type: outcome.instance_seconds / months}
    begin = datetime.datetime.fromtimestamp(start, datetime.UTC)
    note = (
        f"Simulated: {count:,} requests in {seconds / DAY:,.1f} days from {begin:%A %Y-%m-%d} UTC on, after a long idle time; "
        f"instance hours and starts are those of {HOURS_PER_MONTH} hours like them."
    )
    usage = Usage(instance_seconds=billed, launches=round(outcome.launches / months))
    return SimulatedLoad(outcome, workload, usage, (note, *cut))


def monday_after(day: datetime.date) -> float:
    """The next Monday at 00:00 UTC, in epoch seconds."""
    monday = day + datetime.timedelta(days=7 - day.weekday())
    return datetime.datetime.combine(monday, datetime.time(), datetime.UTC).timestamp()


def _simulated_seconds(settings: Settings, load: Load) -> float:
    most = MOST_SCHEDULED if settings.schedules else MOST_REQUESTS
    if not 1 <= load.requests <= most:
        why = ", since schedules need a week of them" if 1 <= load.requests <= MOST_REQUESTS else ""
        raise InvalidInput(f"A load of {load.requests:g} requests a month cannot be simulated; state 1 to {most:,}{why}.")
    seconds = SECONDS_PER_MONTH * min(1.0, MOST_SIMULATED / load.requests)
    return float(max(1, seconds // WEEK) * WEEK if settings.schedules else max(DAY, seconds))


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
