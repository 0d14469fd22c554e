"""List prices in US dollars, from the table prices.json beside this file: of an instance by the hour, of what is idle by the
month. Each has the address and date of its source. A type or region that the table does not have has no price here; none is
derived from another, nor from the price of notebooks or training.

Before any free tier, Savings Plan or tax; an instance's volume and its data in and out are not included. An approximation that
no bill confirms: not verified on AWS. Asynchronous endpoints are billed as AsyncInf, at the price of Host (A278).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

HOURS_PER_MONTH: Final = 730  # AWS Pricing Calculator


@dataclass(frozen=True)
class IdleItems:
    """What is billed by the month although no instance runs, by number. An alarm counts once for each metric that it reads."""

    kms_keys: int = 0
    alarm_metrics: int = 0
    composite_alarms: int = 0
    dashboards: int = 0

    @property
    def cost(self) -> float:
        """US dollars a month."""
        return (
            self.kms_keys * idle_price("kms_key")
            + self.alarm_metrics * idle_price("alarm_metric")
            + self.composite_alarms * idle_price("composite_alarm")
            + self.dashboards * idle_price("dashboard")
        )


def read_on() -> str:
    """The day, as YYYY-MM-DD, that the prices of the table were read."""
    return str(_table()["read"])


def idle_price(item: str) -> float:
    """US dollars a month for one of `kms_key`, `alarm_metric`, `composite_alarm`, `dashboard`; for a GB of `s3_storage_gb`,
    `log_storage_gb`.
    """
    return float(_table()["idle"][item]["usd"])


def instance_price(instance_type: str, region: str) -> float | None:
    """US dollars an hour for an ml.* instance of an endpoint; None where the table does not have it."""
    price = _table()["instances"].get(region, {}).get(instance_type)
    return None if price is None else float(price["usd"])


def instances_cost(count: int, instance_type: str, region: str) -> float | None:
    """US dollars a month for `count` instances that run all the time; None where the price is unknown, 0 for none of them."""
    price = instance_price(instance_type, region)
    if count == 0:
        return 0.0
    return None if price is None else count * price * HOURS_PER_MONTH


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__package__).joinpath("prices.json").read_text(encoding="utf-8"))
    return table
