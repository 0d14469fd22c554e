"""What the settings of today, and recommended ones, do with the arrivals that an endpoint had."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.distributions import Sampled, parse_distribution
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.profile import Profile
from async_endpoint.capacity.recommendation import MOST_INSTANCES, InstanceOption, Objective, recommend
from async_endpoint.capacity.recommendation.evaluation import in_steady_state
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.capacity.simulation import Outcome, simulate
from async_endpoint.capacity.slowdown import NONE, Slowdown
from async_endpoint.capacity.workload import Workload, within_timeout
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.arrival_sources import ArrivalOptions, service_times
from async_endpoint.sizing.deployed_settings import deployed_settings
from async_endpoint.sizing.metric_arrivals import trace_of
from async_endpoint.sizing.scaling_activities import capacity_changes, start_seconds
from async_endpoint.sizing.usage import MeasuredUsage


@dataclass(frozen=True)
class ComparedSettings:
    """`usd` are US dollars of instances in the window, None where the price is not known; `p95_wait` None for no end."""

    label: str
    usd: float | None
    p95_wait: float | None
    expired: int
    instance_hours: float
    settings: ModuleSettings | None = None


@dataclass(frozen=True)
class Comparison:
    """`notes` say what the simulations assume, or why there is none."""

    rows: tuple[ComparedSettings, ...]
    notes: tuple[str, ...]


def compared(
    session: AwsSession,
    outputs: AsyncEndpointOutputs,
    measured: MeasuredUsage,
    prices: PriceList,
    *,
    service_time: str | None = None,
    start_time: str | None = None,
    profile: Profile | None = None,
    seed: int = 0,
) -> Comparison:
    """The current settings, and those recommended for the same waiting time, on the arrivals estimated from the metrics.

    Without arrivals or start times there are no rows, and a note says why. Raises InvalidInput for options that cannot be used.
    """
    found = deployed_settings(session, outputs.endpoint.name, outputs.limits.request_ttl_seconds)
    try:
        trace = trace_of(measured.history, outputs.endpoint.name, seed)
    except InvalidInput as error:
        return Comparison((), (str(error),))
    service, cut = within_timeout(service_times(trace, ArrivalOptions(service_time, profile, seed=seed)))
    starts = parse_distribution(start_time) if start_time else _starts(session, outputs, profile)
    if starts is None:
        return Comparison((), ("Nothing is simulated: no start time is known; give --start-time, or a --profile.",))
    workload = Workload(trace.times, service, *trace.covered, trace.source, estimated=True)
    slowdown = Slowdown.of(profile.slowdown()) if profile else NONE
    settings = in_steady_state(found.settings, workload.start)
    settings = replace(settings, initial=settings.bounds.clamp(measured.instances_before))
    outcome = simulate(settings, workload, starts=starts, seed=seed, slowdown=slowdown)
    price = prices.instance(settings.instance_type)
    rows = [_row("current settings", outcome, None if price is None else price.usd)]
    notes = [*found.notes, *trace.notes, *cut, f"Instances start in {starts.mean:.0f} s on average."]
    if price is None:
        notes.append(f"Nothing is recommended: the price of {settings.instance_type} is not known; give --prices.")
        return Comparison(tuple(rows), tuple(notes))
    wait = outcome.wait(95)
    if not math.isfinite(wait) and measured.p95_wait is not None:
        wait = measured.p95_wait
        notes.append(
            "With the current settings requests would wait for ever, so the waiting time that was measured is the objective."
        )
    if not math.isfinite(wait):
        notes.append("Nothing is recommended for the same waiting time: with the current settings requests wait for ever.")
        return Comparison(tuple(rows), tuple(notes))
    option = InstanceOption(settings.instance_type, price.usd, starts, slowdown, (settings.concurrency,))
    result = recommend(
        workload,
        [option],
        Objective(wait=wait),
        current=found.settings,
        before=measured.instances_before,
        most_instances=max(MOST_INSTANCES, found.settings.most_instances),
        request_ttl_seconds=outputs.limits.request_ttl_seconds,
        seed=seed,
    )
    best = result.best.settings
    if best is None:
        notes.append(f"No other settings that were tried are cheaper for a p95 of {wait:,.0f} s: keep the current ones.")
    else:
        recommended = in_steady_state(best.settings(), workload.start)
        recommended = replace(recommended, initial=recommended.bounds.clamp(measured.instances_before))
        other = simulate(recommended, workload, starts=starts, seed=seed, slowdown=slowdown)
        label = "recommended for" if result.meets else "no settings that were tried meet it; nearest to"
        rows.append(replace(_row(f"{label} a p95 of {wait:,.0f} s", other, price.usd), settings=best))
    notes.append(
        f"`async-endpoint recommend` has other objectives, instance types and schedules: --trace cloudwatch:{_days(measured)}"
    )
    return Comparison(tuple(rows), tuple(notes))


def _starts(session: AwsSession, outputs: AsyncEndpointOutputs, profile: Profile | None) -> Sampled | None:
    seconds = profile.start_seconds if profile else ()
    seconds = seconds or tuple(start_seconds(capacity_changes(session, outputs.scaling.resource_id)))
    return Sampled(seconds) if seconds else None


def _row(label: str, outcome: Outcome, usd_per_hour: float | None) -> ComparedSettings:
    wait = outcome.wait(95)
    return ComparedSettings(
        label,
        None if usd_per_hour is None else round(outcome.instance_hours * usd_per_hour, 4),
        round(wait, 3) if math.isfinite(wait) else None,
        outcome.expired,
        round(outcome.instance_hours, 4),
    )


def _days(measured: MeasuredUsage) -> int:
    return round((measured.history.end - measured.history.start) / 86_400) or 1
