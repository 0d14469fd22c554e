"""A plan's summary as a comment on a pull request: GitHub's Markdown, without a value that may be secret.

Its first line is a marker, invisible on the page, by which the comment of an earlier plan is found. Whatever comes from the
configuration is escaped: a name can add no formatting, no mention of a person and no end of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from async_endpoint.core.markdown import MAX_CHARACTERS, code, fitting, length, text
from async_endpoint.deploy.summary.summary import ChangedResource, EndpointSummary, PlanSummary
from async_endpoint.deploy.summary.text import (
    DONE,
    bounds,
    cost_rows,
    counted,
    difference,
    dollars,
    prices_note,
)

_NOTICES_ROOM: Final = 10_000
_ENDPOINTS_ROOM: Final = 30_000


def marker(environment: str, region: str) -> str:
    """The first line, the same for every plan of an environment in a region."""
    return f"<!-- async-endpoint plan {environment} {region} -->"


def markdown(environment: str, summary: PlanSummary, counts: str, notices: list[str], digest: str) -> str:
    """The comment, at most MAX_CHARACTERS long. `counts` is the line that sums the plan up."""
    where = f"{code(environment)} in {code(summary.region)}" if summary.region else code(environment)
    head = [marker(environment, summary.region), f"### Plan of {where}", "", f"**{text(counts)}**", ""]
    if replaced := summary.interrupted():
        more = f", and {len(replaced) - 10} more" if len(replaced) > 10 else ""
        head += [f"**Replaced, deleted and created again: {', '.join(map(code, replaced[:10]))}{more}**", ""]
    body = [*head, *_endpoints(summary), *_costs(summary)]
    if notices:
        lines = [f"- {text(notice)}" for notice in notices]
        body += ["", *fitting(lines, _NOTICES_ROOM, "- and {} more notices")]
    foot = ["", text(prices_note(summary)), "", f"Digest of the changes: {code(digest)}", ""]
    room = MAX_CHARACTERS - length(body) - length(foot)
    return "\n".join([*body, *_resources(summary.resources, room), *foot])


def _endpoints(summary: PlanSummary) -> Iterator[str]:
    if not summary.endpoints:
        return
    yield "| Endpoint | | What changes | Instances meanwhile | Instances |"
    yield "|---|---|---|---|---|"
    rows = [_row(name, endpoint) for name, endpoint in summary.endpoints.items()]
    yield from fitting(rows, _ENDPOINTS_ROOM, "| and {} more | | | | |")


def _row(name: str, endpoint: EndpointSummary) -> str:
    cells = (code(name), _action(endpoint), _changes(endpoint), text(counted(endpoint.during)), _bounds(endpoint))
    return f"| {' | '.join(cells)} |"


def _action(endpoint: EndpointSummary) -> str:
    done = DONE.get(endpoint.action, endpoint.action)
    return f"**{done}**" if endpoint.action in ("replace", "delete") else done


def _changes(endpoint: EndpointSummary) -> str:
    shown = [str(change) for change in endpoint.settings]
    if endpoint.action == "replace":
        shown = [*(f"because of {reason}" for reason in endpoint.reasons), *shown]
    return "<br>".join(map(text, (shown or list(endpoint.reasons))[:30]))


def _bounds(endpoint: EndpointSummary) -> str:
    before, after = endpoint.instances_before, endpoint.instances_after
    sides = ["{} to {}".format(*bounds(side)) if side else "none" for side in (before, after)]
    return sides[1] if sides[0] == sides[1] else f"{sides[0]} → {sides[1]}"


def _costs(summary: PlanSummary) -> Iterator[str]:
    yield ""
    yield "| US dollars a month | Before | After | Difference |"
    yield "|---|---:|---:|---:|"
    for label, before, after in cost_rows(summary.cost_before, summary.cost_after):
        yield f"| {label} | {dollars(before)} | {dollars(after)} | **{difference(before, after)}** |"


def _resources(resources: tuple[ChangedResource, ...], room: int) -> list[str]:
    """A list to unfold, of at most `room` characters."""
    if not resources:
        return []
    head = ["", f"<details><summary>{len(resources)} resource{'s' if len(resources) > 1 else ''}</summary>", ""]
    tail = ["", "</details>"]
    return [*head, *fitting(list(map(_resource, resources)), room - length([*head, *tail]), "- and {} more"), *tail]


def _resource(resource: ChangedResource) -> str:
    action = f"**{resource.action}**" if resource.action in ("replace", "delete") else resource.action
    forcing = f"; forced by {', '.join(map(code, resource.forcing))}" if resource.forcing else ""
    attributes = f": {', '.join(map(code, resource.attributes[:30]))}" if resource.attributes else ""
    return f"- {action} {code(resource.address)}{attributes}{forcing}"
