"""What a simulation says to people and programs: waits, what ran, and what it cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.autoscaling.policies import TargetTracking
from async_endpoint.capacity.bill import Bill, Usage, bill
from async_endpoint.capacity.load import request_usage
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.settings import Settings, Stepped, Tracked
from async_endpoint.capacity.simulation import Outcome
from async_endpoint.capacity.workload import Workload

PERCENTS: Final = (50, 90, 95, 99, 100)


@dataclass(frozen=True)
class SimulationReport:
    """One simulation. `bill` is of the window; `notes` say where inputs come from and what is assumed."""

    settings: Settings
    workload: Workload
    outcome: Outcome
    bill: Bill
    notes: tuple[str, ...] = ()

    @property
    def waits(self) -> dict[int, float]:
        """Seconds from arrival to the start of service, by percent of requests; inf where requests expired or failed."""
        return {percent: self.outcome.wait(percent) for percent in PERCENTS}

    @property
    def latencies(self) -> dict[int, float]:
        """Seconds from arrival to the end of service, by percent."""
        return {percent: self.outcome.latency(percent) for percent in PERCENTS}

    @property
    def monthly_usd(self) -> float | None:
        """US dollars for a month of 730 hours of the same; None where a price is not known."""
        cost = self.bill.complete_usd
        return None if cost is None else cost * HOURS_PER_MONTH * 3_600 / self.workload.seconds

    def as_dict(self) -> dict[str, Any]:
        """For --json. A wait or latency is null where too many requests expired or failed to have one."""
        outcome, workload = self.outcome, self.workload
        return {
            "arrivals": {
                "source": workload.source,
                "estimated": workload.estimated,
                "requests": len(workload),
                "start": workload.start,
                "seconds": workload.seconds,
            },
            "settings": settings_document(self.settings),
            "wait_seconds": _by_percent(self.waits),
            "latency_seconds": _by_percent(self.latencies),
            "expired": outcome.expired,
            "failed": outcome.failed,
            "late": outcome.late,
            "instance_hours": round(outcome.instance_hours, 4),
            "launches": outcome.launches,
            "activities": [one._asdict() for one in outcome.activities],
            "timeline": [one._asdict() for one in outcome.timeline],
            "cost": {
                "usd": self.bill.complete_usd,
                "usd_per_month": self.monthly_usd,
                "lines": [_line(line) for line in self.bill.lines],
                "warnings": list(self.bill.warnings),
            },
            "notes": list(self.notes),
        }


def simulation_report(
    settings: Settings, workload: Workload, outcome: Outcome, prices: PriceList, notes: tuple[str, ...] = ()
) -> SimulationReport:
    """The report of an outcome, priced: its instances, and what its requests use beside them, without their size."""
    months = workload.seconds / 3_600 / HOURS_PER_MONTH
    instances = Usage(
        instance_seconds={settings.instance_type: outcome.instance_seconds}, launches=outcome.launches, months=months
    )
    usage = instances + request_usage(outcome.requests, months)
    return SimulationReport(settings, workload, outcome, bill(usage, prices), notes)


def settings_document(settings: Settings) -> dict[str, Any]:
    """Settings as JSON."""
    return {
        "instance_type": settings.instance_type,
        "max_concurrent_invocations": settings.concurrency,
        "min_instances": settings.bounds.minimum,
        "max_instances": settings.bounds.maximum,
        "initial_instances": settings.initial,
        "request_ttl_seconds": settings.request_ttl_seconds,
        "policies": [_policy(one) for one in settings.policies],
        "schedules": [dataclasses.asdict(one) for one in settings.schedules],
    }


def _policy(one: Tracked | Stepped) -> dict[str, Any]:
    policy = one.policy
    if isinstance(policy, TargetTracking):
        return {
            "name": policy.name,
            "metric": one.metric,
            "target": policy.target,
            "scale_in_cooldown_seconds": policy.scale_in_cooldown,
            "scale_out_cooldown_seconds": policy.scale_out_cooldown,
        }
    return {"name": policy.name, "metric": one.metric, "cooldown_seconds": policy.cooldown}


def _line(line: Any) -> dict[str, Any]:
    price = line.price
    return {
        "component": line.component,
        "item": line.item,
        "quantity": line.quantity,
        "unit": line.unit,
        "usd": line.usd,
        "price": None
        if price is None
        else {"usd": price.usd, "source": price.source, "date": price.date, "region": price.region},
    }


def _by_percent(values: Mapping[int, float]) -> dict[str, float | None]:
    return {f"p{percent}": round(value, 3) if math.isfinite(value) else None for percent, value in values.items()}
