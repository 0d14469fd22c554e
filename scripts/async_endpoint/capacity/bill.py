"""The bill of an endpoint: what it used in a period, priced line by line.

The same code prices a plan, a stated load, a simulation and what CloudWatch counted. A line whose price is not known has no
amount, and the bill says so; it is never counted as zero in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from async_endpoint.capacity.price_items import HOURS_PER_MONTH, ITEMS, is_instance, unit_of
from async_endpoint.capacity.prices import Price, PriceList

BYTES_PER_GB: Final = 1_000_000_000


@dataclass(frozen=True)
class IdleItems:
    """What is billed by the month although no instance runs, by number. An alarm counts once for each metric that it reads."""

    kms_keys: int = 0
    alarm_metrics: int = 0
    composite_alarms: int = 0
    dashboards: int = 0

    def quantities(self, months: float = 1.0) -> dict[str, float]:
        """Quantities of price items."""
        return {
            "kms_key": self.kms_keys * months,
            "alarm_metric": self.alarm_metrics * months,
            "composite_alarm": self.composite_alarms * months,
            "dashboard": self.dashboards * months,
        }


@dataclass(frozen=True)
class Usage:
    """What an endpoint used in a period of `months` (of 730 hours).

    `instance_seconds` are billed seconds by instance type, `launches` starts of instances, which have no price of their own.
    Requests to S3, SNS, SQS, KMS, Lambda and API Gateway count calls. Sizes are bytes, stored ones GB-months.
    `endpoint_bytes` are request and response data that SageMaker bills for processing.
    """

    instance_seconds: Mapping[str, float] = field(default_factory=dict)
    launches: int = 0
    requests: float = 0
    months: float = 1.0
    idle: IdleItems = IdleItems()
    instance_volume_gb_months: float = 0
    endpoint_bytes: float = 0
    s3_puts: float = 0
    s3_gets: float = 0
    stored_gb_months: float = 0
    notifications: float = 0
    queue_requests: float = 0
    kms_requests: float = 0
    log_bytes: float = 0
    log_stored_gb_months: float = 0
    metric_requests: float = 0
    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    api_requests: float = 0
    serverless_gb_seconds: float = 0

    def quantities(self) -> dict[str, float]:
        """What is billed, by instance type or item, in the unit of its price; without what is zero."""
        counted = {
            **{kind: seconds / 3_600 for kind, seconds in self.instance_seconds.items()},
            "instance_volume_gb": self.instance_volume_gb_months,
            "serverless_gb_seconds": self.serverless_gb_seconds,
            "endpoint_data_gb": self.endpoint_bytes / BYTES_PER_GB,
            "s3_storage_gb": self.stored_gb_months,
            "s3_put": self.s3_puts / ITEMS["s3_put"].size,
            "s3_get": self.s3_gets / ITEMS["s3_get"].size,
            "sns_publishes": self.notifications / ITEMS["sns_publishes"].size,
            "sqs_requests": self.queue_requests / ITEMS["sqs_requests"].size,
            "kms_requests": self.kms_requests / ITEMS["kms_requests"].size,
            **self.idle.quantities(self.months),
            "metric_requests": self.metric_requests / ITEMS["metric_requests"].size,
            "log_ingestion_gb": self.log_bytes / BYTES_PER_GB,
            "log_storage_gb": self.log_stored_gb_months,
            "lambda_requests": self.lambda_requests / ITEMS["lambda_requests"].size,
            "lambda_gb_seconds": self.lambda_gb_seconds,
            "api_requests": self.api_requests / ITEMS["api_requests"].size,
        }
        return {name: quantity for name, quantity in counted.items() if quantity}

    def __add__(self, other: Usage) -> Usage:
        """Both in the same period: `months` is that of the longer one, since idle items of both are of the whole period."""
        seconds = dict(self.instance_seconds)
        for kind, more in other.instance_seconds.items():
            seconds[kind] = seconds.get(kind, 0.0) + more
        idle = IdleItems(*(getattr(self.idle, one.name) + getattr(other.idle, one.name) for one in fields(IdleItems)))
        rest = {
            one.name: getattr(self, one.name) + getattr(other, one.name)
            for one in fields(self)
            if one.name not in ("instance_seconds", "idle", "months")
        }
        return Usage(instance_seconds=seconds, idle=idle, months=max(self.months, other.months), **rest)


@dataclass(frozen=True)
class BillLine:
    """A line: `quantity` of `item` in `unit`, its price, and US dollars; both None where the price is not known."""

    component: str
    item: str
    quantity: float
    unit: str
    price: Price | None
    usd: float | None
    note: str = ""


@dataclass(frozen=True)
class Bill:
    """Lines, and what is to be said about their prices. `usd` is the sum of the lines whose price is known."""

    lines: tuple[BillLine, ...]
    warnings: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """US dollars, without the lines whose price is not known."""
        return sum(line.usd for line in self.lines if line.usd is not None)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Instance types and items without a price."""
        return tuple(line.item for line in self.lines if line.usd is None)

    @property
    def complete_usd(self) -> float | None:
        """US dollars of all lines; None where a price is not known."""
        return None if self.unknown else self.usd

    def by_component(self) -> dict[str, float]:
        """US dollars by component, in the order of the lines, without lines whose price is not known."""
        sums: dict[str, float] = {}
        for line in self.lines:
            sums[line.component] = sums.get(line.component, 0.0) + (line.usd or 0.0)
        return sums


def bill(usage: Usage, prices: PriceList) -> Bill:
    """The bill of `usage` at `prices`."""
    quantities = usage.quantities()
    lines = tuple(_line(name, quantity, prices.find(name)) for name, quantity in quantities.items())
    return Bill(lines, prices.warnings(quantities))


def _line(name: str, quantity: float, price: Price | None) -> BillLine:
    component = "instances" if is_instance(name) else ITEMS[name].component
    return BillLine(component, name, quantity, unit_of(name), price, None if price is None else quantity * price.usd)


def running_all_month(instances: Iterable[tuple[str, int]]) -> dict[str, float]:
    """Instance seconds by type of (type, count) pairs that run for a month."""
    seconds: dict[str, float] = {}
    for kind, count in instances:
        if count:
            seconds[kind] = seconds.get(kind, 0.0) + count * HOURS_PER_MONTH * 3_600
    return seconds
