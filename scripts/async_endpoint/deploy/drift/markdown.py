"""The report as an issue of GitHub: its first line is a marker, invisible on the page, by which the issue is found again."""

from __future__ import annotations

from typing import Final

from async_endpoint.core.markdown import MAX_CHARACTERS, code, text
from async_endpoint.deploy.drift.environment import DriftReport
from async_endpoint.deploy.drift.rows import DriftRow

_ROOM: Final = 400  # for the lines that say what was left out
_MAX_REMEDY: Final = 600
_MOST_LISTED: Final = 50


def marker(environment: str, region: str) -> str:
    """The first line, the same for every report on an environment in a region."""
    return f"<!-- async-endpoint drift {environment} {region} -->"


def markdown(report: DriftReport) -> str:
    """The text of the issue, at most MAX_CHARACTERS long, without a value that may be secret."""
    where = f"{code(report.environment)} in {code(report.region)}"
    head = [marker(report.environment, report.region), f"### Drift of {where}", "", f"**{text(sentence(report))}**", ""]
    foot = [*_listed("Not drift, and to be looked at:", report.notes), *_listed(PENDING, report.pending)]
    return "\n".join([*head, *_table(report, MAX_CHARACTERS - _length(head + foot) - _ROOM), *foot, ""])[:MAX_CHARACTERS]


PENDING: Final = "Not drift: what an apply would change besides, configuration not applied yet or what follows from the drift:"


def sentence(report: DriftReport) -> str:
    """What was found, in one sentence."""
    count = len(report.rows)
    if not count:
        return f"No drift: {report.environment} is as it was applied."
    repaired = sum(row.repaired_by_apply for row in report.rows)
    return f"{count} {'property is' if count == 1 else 'properties are'} not as applied; an apply repairs {repaired}."


def _table(report: DriftReport, room: int) -> list[str]:
    if not report.rows:
        return []
    lines = [
        "| Endpoint | Resource | Attribute | Live | Expected | An apply repairs it | Remedy |",
        "|---|---|---|---|---|---|---|",
    ]
    for position, row in enumerate(report.rows):
        line = _row(row)
        room -= len(line) + 1
        if room < 0:
            return [*lines, "", f"And {len(report.rows) - position} more, which this issue has no room for.", ""]
        lines.append(line)
    return [*lines, ""]


def _row(row: DriftRow) -> str:
    repaired = "yes" if row.repaired_by_apply else "no"
    cells = [_cell(row.endpoint), code(row.resource), _cell(row.attribute), text(row.live), text(row.expected)]
    return f"| {' | '.join([*cells, repaired, f'<code>{text(row.remedy, _MAX_REMEDY)}</code>'])} |"


def _cell(name: str) -> str:
    return code(name) if name else ""


def _listed(title: str, items: tuple[str, ...]) -> list[str]:
    if not items:
        return []
    more = [f"- and {len(items) - _MOST_LISTED} more"] if len(items) > _MOST_LISTED else []
    return [title, "", *(f"- {text(item)}" for item in items[:_MOST_LISTED]), *more, ""]


def _length(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)
