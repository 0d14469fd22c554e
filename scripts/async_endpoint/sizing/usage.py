"""What an endpoint was used for, what that cost and how long requests waited, from its metrics and scaling activities.

No metric counts instances. Two sources say how many there were, and each figure names its own:

- the sample count of CPUUtilization, one for each instance and minute (developer guide, "Troubleshooting" of asynchronous
  inference: how to find the instance count): instances that serve; none where the execution role may not publish metrics;
- scaling activities, kept for six weeks: desired instances, so start-up included and draining excluded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.capacity.bill import Bill, Usage, bill
from async_endpoint.capacity.load import request_usage
from async_endpoint.capacity.price_items import HOURS_PER_MONTH
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.metric_arrivals import ARRIVAL_MEASURES, SERVICE_MEASURES
from async_endpoint.sizing.metric_history import Measure, MetricHistory, metric_history, read_series
from async_endpoint.sizing.scaling_activities import RETENTION_DAYS, CapacityChange, capacity_changes

_MINUTE: Final = 60
_AGREEMENT_SECONDS: Final = 3_600.0  # by which starts and drains of some instances differ
_WAITS: Final = {"p50": 50, "p95": 95, "Maximum": 100}
MEASURES: Final[dict[str, Measure]] = {
    **ARRIVAL_MEASURES,
    **SERVICE_MEASURES,
    "failed": Measure(m.INVOCATION_FAILURES, "Sum"),
    "waits": Measure(m.TIME_IN_BACKLOG, "Average"),
    "waited": Measure(m.TIME_IN_BACKLOG, "SampleCount"),
    "longest": Measure(m.TIME_IN_BACKLOG, "Maximum"),
    "instances": Measure(m.UTILISATION["CPUUtilization"], "SampleCount", m.INSTANCE_NAMESPACE),
}


@dataclass(frozen=True)
class Figure:
    """One figure, None where it is not known: its unit, where it comes from, and how far it may be off."""

    name: str
    value: float | None
    unit: str
    source: str
    uncertainty: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "source": self.source,
            "uncertainty": self.uncertainty,
        }


@dataclass(frozen=True)
class MeasuredUsage:
    """`figures` by name; `bill` is of instances and requests in the window; `p95_wait` in seconds, None without requests.

    `instances_before` were desired when the window began. `warnings` are about prices, and figures that do not agree.
    """

    history: MetricHistory
    figures: Mapping[str, Figure]
    bill: Bill
    p95_wait: float | None
    instances_before: int
    warnings: tuple[str, ...] = ()


def measured_usage(
    session: AwsSession, outputs: AsyncEndpointOutputs, prices: PriceList, days: float, now: float
) -> MeasuredUsage:
    """The usage of the last `days`. Raises what `metric_history` and `translate_errors` raise."""
    history = metric_history(session, outputs.endpoint, MEASURES, days, now)
    changes = capacity_changes(session, outputs.scaling.resource_id)
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {outputs.endpoint.name}"):
        described = session.sagemaker.describe_endpoint(EndpointName=outputs.endpoint.name)
    variant: Mapping[str, Any] = (described.get("ProductionVariants") or [{}])[0]
    current = int(variant.get("DesiredInstanceCount", variant.get("CurrentInstanceCount", 0)))
    waits = _waits(history, lambda: _window_percentiles(session, outputs, history))
    inside = {name: _inside(history, name) for name in MEASURES}
    created = described["CreationTime"].timestamp()
    desired, before = desired_seconds(changes, current, history, inside["instances"], created)
    serving = sum(inside["instances"].values()) * _MINUTE if inside["instances"] else None
    # Activities are gone after six weeks: instances that serve are then the better figure.
    from_activities = days <= RETENTION_DAYS or serving is None
    billed = desired if from_activities else serving or 0.0
    requests = sum(inside["processed"].values()) + sum(inside["expired"].values())
    figures = [
        *_counts(inside, history),
        *waits,
        *_instances(serving, desired, days, created if created > history.start else None),
    ]
    months = (history.end - history.start) / 3_600 / HOURS_PER_MONTH
    used = Usage(instance_seconds={outputs.endpoint.instance_type: billed}, months=months)
    costs = bill(used + request_usage(requests, months), prices)
    figures.append(_cost(costs, "scaling activities" if from_activities else "the sample count of CPUUtilization"))
    p95 = next((figure.value for figure in waits if figure.name == "wait p95"), None)
    warnings = (*costs.warnings, *_disagreement(serving, desired))
    return MeasuredUsage(history, {figure.name: figure for figure in figures}, costs, p95, before, warnings)


def desired_seconds(
    changes: Sequence[CapacityChange],
    current: int,
    history: MetricHistory,
    serving: Mapping[float, float],
    created: float = -math.inf,
) -> tuple[float, int]:
    """Desired instance seconds in the window, and the desired instances at its beginning.

    Before the first known change, as after the creation of an endpoint, they are those that `serving` counts (instance minutes
    by the start of their period); without any count those after that change, or `current` if there is none. Changes before
    `created` (epoch seconds) are of an endpoint of this name that was deleted: no change says when, so there only `serving`
    counts.
    """
    start, end = history.start, history.end
    known = [change for change in changes if created <= change.begun < end]
    first = known[0].begun if known else end
    seconds, capacity, since = 0.0, 0, start
    if first > start:
        counted = {begin: minutes for begin, minutes in serving.items() if begin < first}
        capacity = known[0].desired if known else current
        seconds = sum(counted.values()) * _MINUTE if serving else capacity * max(0.0, first - max(start, created))
        if serving or created > start:
            capacity = round(serving.get(start, 0.0) * _MINUTE / history.period)
        since = first
    before = next((change.desired for change in reversed(known) if change.begun <= start), capacity)
    for change, following in pairwise([*known, None]):
        assert change is not None
        until = end if following is None else following.begun
        seconds += change.desired * max(0.0, until - max(change.begun, since))
    return seconds, before


def _counts(inside: Mapping[str, Mapping[float, float]], history: MetricHistory) -> list[Figure]:
    exact = f"exact, {history.resolution}"
    return [
        Figure("processed", sum(inside["processed"].values()), "requests", "InvocationsProcessed", f"{exact}; failed ones too"),
        Figure("failed", sum(inside["failed"].values()), "requests", "InvocationFailures", f"{exact}; expired ones too"),
        Figure("expired", sum(inside["expired"].values()), "requests", "ExpiredRequests", exact),
    ]


def _waits(history: MetricHistory, percentiles: Callable[[], Mapping[str, float]]) -> list[Figure]:
    """Waits by TimeInBacklog, in seconds (published in milliseconds)."""
    averages, counts = _inside(history, "waits"), _inside(history, "waited")
    total = sum(counts.values())
    if not total:
        return [Figure(f"wait {_name(one)}", None, "seconds", "TimeInBacklog", "no request was taken") for one in _WAITS]
    found = percentiles()
    figures = []
    for statistic, percent in _WAITS.items():
        if statistic == "Maximum":
            value, how = max(_inside(history, "longest").values()), "exact"
        elif statistic in found:
            value, how = found[statistic], "CloudWatch's percentile of single requests"
        else:
            value, how = _weighted(averages, counts, percent), "percentile of averages by period, which vary less than requests"
        how += "; without expired ones"
        figures.append(Figure(f"wait {_name(statistic)}", value / 1e3, "seconds", "TimeInBacklog", how))
    return figures


def _window_percentiles(session: AwsSession, outputs: AsyncEndpointOutputs, history: MetricHistory) -> dict[str, float]:
    """Percentiles over the whole window as one period; without those that CloudWatch does not answer with one value."""
    measures = {name: Measure(m.TIME_IN_BACKLOG, name) for name in _WAITS if name.startswith("p")}
    period = math.ceil((history.end - history.start) / 3_600) * 3_600
    try:
        series = read_series(session, outputs.endpoint, measures, period, (history.start, history.end))
    except UsageError:  # no documented limit of a period; what is refused is no reason to show nothing
        return {}
    return {name: next(iter(values.values())) for name, values in series.items() if len(values) == 1}


def _weighted(averages: Mapping[float, float], counts: Mapping[float, float], percent: float) -> float:
    """The smallest average that `percent` percent of the requests' own do not exceed."""
    pairs = sorted((average, counts.get(start, 1.0)) for start, average in averages.items())
    needed, seen = sum(count for _, count in pairs) * percent / 100, 0.0
    for average, count in pairs:
        seen += count
        if seen >= needed:
            return average
    return pairs[-1][0]


def _disagreement(serving: float | None, desired: float) -> Iterator[str]:
    """A warning where the two sources of instance hours are far apart."""
    if serving is not None and abs(desired - serving) > max(_AGREEMENT_SECONDS, max(desired, serving) / 2):
        yield (
            f"{desired / 3_600:,.1f} instance hours were desired and {serving / 3_600:,.1f} served: instances that did not "
            "start, that an update ran beside others, or metrics that are missing; compare with the bill."
        )


def _instances(serving: float | None, desired: float, days: float, created: float | None) -> list[Figure]:
    cut = "" if days <= RETENTION_DAYS else f"; activities are kept for {RETENTION_DAYS} days"
    if created is not None:
        made = f"{datetime.fromtimestamp(created, UTC):%Y-%m-%d %H:%M} UTC"
        cut += f"; the endpoint was created at {made}, and what served before is counted by CPUUtilization"
    return [
        Figure(
            "instance hours serving",
            None if serving is None else serving / 3_600,
            "hours",
            "sample count of CPUUtilization",
            "none: the execution role may not publish it, or nothing served"
            if serving is None
            else "to a minute for each start; starting and draining are not in it",
        ),
        Figure(
            "instance hours desired",
            desired / 3_600,
            "hours",
            "scaling activities",
            f"starting is in it, draining and what updates replace are not{cut}",
        ),
    ]


def _cost(costs: Bill, source: str) -> Figure:
    missing = f"; {costs.usd:,.2f} without {', '.join(costs.unknown)}, whose price is not known" if costs.unknown else ""
    return Figure(
        "cost",
        costs.complete_usd,
        "US dollars",
        f"instance hours by {source}, requests, list prices",
        f"no bill: without the size of requests, and what is billed while idle (`cost` has it){missing}",
    )


def _inside(history: MetricHistory, name: str) -> dict[float, float]:
    return {start: value for start, value in history.series[name].items() if start >= history.start}


def _name(statistic: str) -> str:
    return "longest" if statistic == "Maximum" else statistic


def window(history: MetricHistory) -> dict[str, Any]:
    """The window as JSON has it."""
    start, end = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in (history.start, history.end))
    return {"start": start, "end": end, "period_seconds": history.period}
