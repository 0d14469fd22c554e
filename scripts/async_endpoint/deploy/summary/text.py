"""A plan's summary as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from async_endpoint.core.text import joined
from async_endpoint.deploy.summary.costs import NOTHING, MonthlyCost
from async_endpoint.deploy.summary.settings import Fleet
from async_endpoint.deploy.summary.summary import EndpointSummary, PlanSummary
from async_endpoint.terraform.adapter import Changes

DONE: Final = {"create": "created", "delete": "deleted", "replace": "replaced", "update": "updated"}
UNKNOWN: Final = "unknown"


def endpoint_lines(summary: PlanSummary) -> Iterator[str]:
    """What becomes of each endpoint and why, its settings, instances and cost indented below, and the cost of all together."""
    for name, endpoint in summary.endpoints.items():
        yield fate(name, endpoint)
        yield from (f"    {change}" for change in endpoint.settings)
        if text := instances(endpoint):
            yield f"    {text}"
        if endpoint.cost_before or endpoint.cost_after:
            yield f"    {cost(endpoint.cost_before, endpoint.cost_after)}"
    if summary.endpoints:
        yield f"The environment: {cost(summary.cost_before, summary.cost_after)}."
        yield prices_note(summary)


def counts(changes: Changes) -> str:
    """How many resources a plan changes."""
    if not changes.any:
        return "No changes."
    return f"{changes.add} to add, {changes.change} to change, {changes.destroy} to destroy."


def fate(name: str, endpoint: EndpointSummary) -> str:
    """What becomes of an endpoint, in a sentence."""
    reasons = joined(list(endpoint.reasons))
    if endpoint.action == "unchanged":
        return f"Endpoint {name} is unchanged{f'; {reasons}' if reasons else ''}."
    return f"Endpoint {name} will be {DONE[endpoint.action]}{f' ({reasons})' if reasons else ''}."


def instances(endpoint: EndpointSummary) -> str:
    """The instances during an update, in words; empty where none are started."""
    if endpoint.action == "unchanged" or not endpoint.during:
        return ""
    both = ", old and new ones together" if endpoint.action == "update" else ""
    return f"instances meanwhile: {counted(endpoint.during)}{both}"


def counted(instances: Mapping[str, int]) -> str:
    """Instances by type: `2 ml.m5.large and 1 ml.m5.xlarge`."""
    return joined([f"{count} {kind}" for kind, count in instances.items()])


def bounds(fleets: tuple[Fleet, ...]) -> tuple[int, int]:
    """The fewest and most instances of an endpoint."""
    return sum(fleet.minimum for fleet in fleets), sum(fleet.maximum for fleet in fleets)


def cost(before: MonthlyCost | None, after: MonthlyCost | None) -> str:
    """The monthly cost at zero, minimum and maximum instances, before and after."""
    parts = [
        f"{dollars(one)} → {dollars(other)} {label}" if one != other else f"{dollars(other)} {label}"
        for label, one, other in cost_rows(before, after)
    ]
    return f"US dollars a month: {', '.join(parts)}"


def cost_rows(before: MonthlyCost | None, after: MonthlyCost | None) -> list[tuple[str, float | None, float | None]]:
    """Label, cost before and after. What does not exist costs nothing."""
    one, other = before or NOTHING, after or NOTHING
    return [
        ("at zero instances", one.at_zero, other.at_zero),
        ("at the minimum", one.at_minimum, other.at_minimum),
        ("at the maximum", one.at_maximum, other.at_maximum),
    ]


def dollars(amount: float | None) -> str:
    """An amount with two decimals."""
    return UNKNOWN if amount is None else f"{amount:,.2f}"


def difference(before: float | None, after: float | None) -> str:
    """By how much a cost changes, with its sign."""
    if before is None or after is None:
        return UNKNOWN
    change = round(after - before, 2)
    return f"{change:+,.2f}" if change else "0.00"


def prices_note(summary: PlanSummary) -> str:
    """Where the prices come from, and which are missing, old, or of another region."""
    of = f" of {summary.prices}" if summary.prices else ""
    note = f"List prices{of} for instances that run all month, without storage, requests and transfer."
    return " ".join([note, *summary.price_warnings])
