"""What endpoints of a plan cost a month: bills at zero, minimum and maximum instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.bill import Bill, BillLine, IdleItems, Usage, bill, running_all_month
from async_endpoint.capacity.prices import PriceList
from async_endpoint.deploy.summary.settings import Fleet


@dataclass(frozen=True)
class MonthlyCost:
    """US dollars a month without instances, and with the minimum and the maximum of them; None where a price is unknown."""

    at_zero: float | None
    at_minimum: float | None
    at_maximum: float | None


NOTHING: Final = MonthlyCost(0, 0, 0)


@dataclass(frozen=True)
class MonthlyBills:
    """Bills of a month of 730 hours: of what is idle alone, and with the fewest and the most instances running all the time."""

    at_zero: Bill
    at_minimum: Bill
    at_maximum: Bill

    @property
    def cost(self) -> MonthlyCost:
        return MonthlyCost(*(_rounded(one.complete_usd) for one in (self.at_zero, self.at_minimum, self.at_maximum)))


def monthly_bills(idle: IdleItems, fleets: Iterable[Fleet], prices: PriceList) -> MonthlyBills:
    """The bills of endpoints that have these idle items and fleets."""
    some = list(fleets)
    fewest = running_all_month((fleet.instance_type, fleet.fewest) for fleet in some)
    most = running_all_month((fleet.instance_type, fleet.most) for fleet in some)
    return MonthlyBills(*(bill(Usage(instance_seconds=seconds, idle=idle), prices) for seconds in ({}, fewest, most)))


def dates(lines: Iterable[BillLine]) -> str:
    """Of when the prices of these lines are: a date, or the first and the last; empty where none is known."""
    found = sorted({line.price.date for line in lines if line.price})
    return " to ".join(map(str, dict.fromkeys((found[0], found[-1])))) if found else ""


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 2)
