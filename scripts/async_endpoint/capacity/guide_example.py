"""A guide's cost example, recomputed: 100 requests a day of three minutes each, against an endpoint that is always on.

The guide that this project began with (November 2025) arrives at 14.54 US dollars a month against 69.12. Its figures follow
from its premises: instances run while they serve, and nothing else is billed but storage and messages. Each difference to the
bill of the same load here has a name and an amount, and together they are the whole gap.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.bill import Bill, IdleItems, Usage, bill
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.load import BYTES_PER_GB, DAYS_PER_MONTH, SECONDS_PER_MONTH, Load, simulate_load
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.capacity.simulation import DEFAULT, Outcome, Publication, simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput

INSTANCE_TYPE: Final = "ml.m5.large"
REQUESTS_A_DAY: Final = 100
SERVICE_SECONDS: Final = 180.0
PAYLOAD_BYTES: Final = 1_000_000  # each way
GUIDE_DAYS: Final = 30
GUIDE_PRICE: Final = 0.096  # of m5.large on EC2; SageMaker's is that of ml.m5.large
GUIDE_STORAGE: Final = 0.023
GUIDE_PUBLISH: Final = 0.000_000_5
START_SECONDS: Final = 240.0  # stated here; the guide has none
IDLE: Final = IdleItems(kms_keys=1, alarm_metrics=17)  # what the modules create for one endpoint without a dashboard
# One request at a time, as the guide computes.
SETTINGS: Final = ModuleSettings(
    instance_type=INSTANCE_TYPE, max_concurrent_invocations=1, min_instances=0, max_instances=1, initial_instances=0
)


@dataclass(frozen=True)
class Difference:
    """What one figure has and the other has not, in US dollars a month, and why."""

    name: str
    usd: float
    why: str


@dataclass(frozen=True)
class Comparison:
    """The guide's figure, ours, and the differences, whose sum is ours minus the guide's."""

    guide_usd: float
    ours_usd: float
    differences: tuple[Difference, ...]
    bill: Bill | None = None
    outcome: Outcome | None = None


def guide_usd() -> float:
    """The guide's month: instance hours of service alone, storage of the month's payloads, and two messages a request."""
    requests = REQUESTS_A_DAY * GUIDE_DAYS
    hours = requests * SERVICE_SECONDS / 3_600
    stored = requests * 2 * PAYLOAD_BYTES / BYTES_PER_GB
    return hours * GUIDE_PRICE + stored * GUIDE_STORAGE + 2 * requests * GUIDE_PUBLISH


def guide_always_on_usd() -> float:
    """The guide's month of one instance that runs all the time: 720 hours."""
    return GUIDE_DAYS * 24 * GUIDE_PRICE


def always_on(prices: PriceList) -> Comparison:
    """An instance that always runs: the guide's hours and price, and SageMaker's."""
    price = _usd(prices, INSTANCE_TYPE)
    ours = HOURS_PER_MONTH * price
    hours = GUIDE_DAYS * 24
    differences = (
        Difference("hosting price", hours * (price - GUIDE_PRICE), f"{GUIDE_PRICE} is EC2's price of m5.large"),
        Difference("hours", (HOURS_PER_MONTH - hours) * price, f"a month has {HOURS_PER_MONTH} hours, not {hours}"),
    )
    return Comparison(guide_always_on_usd(), ours, differences)


def spread(prices: PriceList, *, seed: int = 0, publication: Publication = DEFAULT) -> Comparison:
    """The guide's load at random moments of day and night."""
    load = _load()
    service, starts = Fixed(SERVICE_SECONDS), Fixed(START_SECONDS)
    simulated = simulate_load(SETTINGS.settings(), load, service=service, starts=starts, seed=seed, publication=publication)
    return _comparison(prices, load, simulated.outcome, simulated.workload.seconds)


def nightly(prices: PriceList) -> Comparison:
    """The same load as one batch a day, of 30 days."""
    days = 30
    arrivals = array("d", (day * 86_400.0 + 7_200 for day in range(days) for _ in range(REQUESTS_A_DAY)))
    workload = Workload.of(arrivals, Fixed(SERVICE_SECONDS), 0.0, days * 86_400.0, source="100 requests each night")
    outcome = simulate(SETTINGS.settings(), workload, starts=Fixed(START_SECONDS))
    return _comparison(prices, _load(), outcome, workload.seconds)


def _load() -> Load:
    return Load(REQUESTS_A_DAY * DAYS_PER_MONTH, PAYLOAD_BYTES, PAYLOAD_BYTES)


def _comparison(prices: PriceList, load: Load, outcome: Outcome, seconds: float) -> Comparison:
    scale = SECONDS_PER_MONTH / seconds
    instances = Usage(instance_seconds={INSTANCE_TYPE: outcome.instance_seconds * scale}, idle=IDLE)
    ours = bill(load.usage() + instances, prices)
    if ours.complete_usd is None:
        raise InvalidInput(f"The example cannot be computed in {prices.region}: {' '.join(ours.warnings)}")
    lines = {line.item: line.usd or 0.0 for line in ours.lines}
    differences = (*_instance_differences(prices, load, outcome, scale), *_other_differences(prices, load, lines))
    return Comparison(guide_usd(), ours.complete_usd, differences, ours, outcome)


def _instance_differences(prices: PriceList, load: Load, outcome: Outcome, scale: float) -> tuple[Difference, ...]:
    """Of instance hours: from those of service alone at EC2's price to those that are billed."""
    price = _usd(prices, INSTANCE_TYPE) / 3_600
    served = REQUESTS_A_DAY * GUIDE_DAYS * SERVICE_SECONDS
    month = load.requests * SERVICE_SECONDS
    busy = len(outcome.waits) * SERVICE_SECONDS * scale
    starting = outcome.launches * START_SECONDS * scale
    idle = outcome.instance_seconds * scale - busy - starting
    minutes = idle / scale / 60 / max(1, outcome.launches)
    return (
        Difference("hosting price", served * (price - GUIDE_PRICE / 3_600), f"{GUIDE_PRICE} is EC2's price of m5.large"),
        Difference("hours of a month", (month - served) * price, f"a month has {HOURS_PER_MONTH} hours, not {GUIDE_DAYS * 24}"),
        Difference("requests simulated", (busy - month) * price, "a simulation has a whole number of requests"),
        Difference("cold starts", starting * price, f"{outcome.launches * scale:.0f} starts of {START_SECONDS:.0f} s"),
        Difference(
            "scale-in",
            idle * price,
            f"{minutes:.1f} idle minutes a start, until the backlog has been below 90 % of its target for 15 minutes",
        ),
        Difference("minimum billing", 0.0, "60 s a launch; every launch here is longer"),
    )


def _other_differences(prices: PriceList, load: Load, lines: dict[str, float]) -> tuple[Difference, ...]:
    requests = REQUESTS_A_DAY * GUIDE_DAYS
    stored = requests * 2 * PAYLOAD_BYTES / BYTES_PER_GB * GUIDE_STORAGE
    published = 2 * requests * GUIDE_PUBLISH
    return (
        Difference(
            "storage that accumulates",
            lines["s3_storage_gb"] - stored,
            f"objects are kept for {load.kept_days:g} days; without a lifecycle each month adds {stored:.2f} to later ones",
        ),
        Difference("one message a request", lines["sns_publishes"] - published, "a request succeeds or fails, never both"),
        Difference("requests to S3", lines["s3_put"] + lines["s3_get"], "two PUT and two GET a request"),
        Difference("queue", lines["sqs_requests"], "sent, received and deleted"),
        Difference("data processed", lines["endpoint_data_gb"], "by the endpoint, both ways"),
        Difference("KMS key", lines["kms_key"], "one customer managed key"),
        Difference("calls of KMS", lines["kms_requests"], "for messages"),
        Difference("alarms", lines["alarm_metric"], f"{IDLE.alarm_metrics} metrics of alarms, those of scaling included"),
    )


def _usd(prices: PriceList, name: str) -> float:
    price = prices.find(name)
    if price is None:
        raise InvalidInput(f"The example cannot be computed: {prices.warnings([name])[0]}")
    return price.usd
