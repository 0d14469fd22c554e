"""The table of docs/parity.md: one row for each assumption, with what runs on AWS observed, or `unverified`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from parity.assumptions import DOCS, Assumption, read_assumptions
from parity.probe import Probe, all_probes
from parity.record import Entry, read_record

TABLE = DOCS / "parity.md"

BEGIN = "<!-- From here on written by `make docs`, from assumptions.md, tests/parity/probes and parity.json. -->"
HEAD = f"""{BEGIN}

| Assumption | Probe | On AWS | Expected | Observed | Date, region |
|---|---|---|---|---|---|
"""


def table(assumptions: Mapping[str, Assumption], probes: Sequence[Probe], record: Sequence[Entry]) -> str:
    """The table, with its marker."""
    probes_of: dict[str, list[str]] = defaultdict(list)
    for probe in probes:
        for number in probe.assumptions:
            probes_of[number].append(probe.name)
    recorded: dict[str, list[Entry]] = defaultdict(list)
    for entry in record:
        recorded[entry.assumption].append(entry)
    rows = []
    for number in sorted(assumptions, key=lambda number: int(number[1:])):
        if recorded[number]:
            rows += [_recorded_row(entry) for entry in recorded[number]]
        elif probes_of[number]:
            rows.append(_row(number, _code(probes_of[number]), "unverified", "", "", ""))
        else:
            reason = assumptions[number].not_probed
            rows.append(_row(number, f"not probed: {reason}" if reason else "none", "unverified", "", "", ""))
    return HEAD + "".join(rows)


def _recorded_row(entry: Entry) -> str:
    verdict = f"**{entry.verdict}**" if entry.verdict == "deviates" else entry.verdict
    when = f"{entry.date}, {entry.region}"
    return _row(entry.assumption, _code([entry.probe]), verdict, entry.expected, entry.observed, when)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |\n"


def current_page(path: Path = TABLE) -> str:
    """The page with its table as it should be now."""
    text = path.read_text().partition(BEGIN)[0]
    return text + table(read_assumptions(), all_probes(), read_record())


def write_table(path: Path = TABLE) -> None:
    path.write_text(current_page(path))


def is_current(path: Path = TABLE) -> bool:
    return path.read_text() == current_page(path)
