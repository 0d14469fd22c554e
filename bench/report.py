"""What was measured: a table on the terminal, a page and a drawing in the repository."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.drawing import Line, draw


@dataclass(frozen=True)
class Figure:
    section: str
    name: str
    value: str
    bar: str = ""
    met: bool = True


@dataclass(frozen=True)
class Page:
    """What a report is written to: `file`.md with a section for each part, and `drawing`.svg with what its axes show."""

    file: str
    title: str
    sections: dict[str, str]
    drawing: str
    caption: str
    across: str
    up: str


LOCAL_AWS = Page(
    file="results",
    title="What the local AWS costs",
    sections={
        "queued": "Requests that queue, are computed, are collected",
        "together": "Invoke, compute and collect at the same time",
        "overhead": "Over calling the container directly",
        "real time": "InvokeEndpoint",
        "starting": "Instances that start",
        "signatures": "Verifying signatures",
        "planning": "Planning an environment",
    },
    drawing="cost",
    caption="CPU a request",
    across="requests done",
    up="CPU ms a request",
)
REVISIONS = Page(
    file="revisions",
    title="The local AWS of two checkouts",
    sections={"revisions": "Compared with another checkout"},
    drawing="",
    caption="",
    across="",
    up="",
)
CLIENTS = Page(
    file="clients",
    title="The client beside others",
    sections={
        "hundred requests": "A hundred requests, by each client",
        "thousand requests": "A thousand small requests",
        "submission": "Submitting",
        "batch": "A batch of ten thousand",
        "hundred images": "A hundred images",
        "four requests": "Four requests of five seconds on two instances",
        "container": "The same four requests in an image with FastAPI",
    },
    drawing="lags",
    caption="Time from answer to caller",
    across="seconds from the model's answer until the caller has it",
    up="% of results",
)
HTTP_API = Page(
    file="http_api",
    title="The HTTP API",
    sections={
        "http api": "Over the client library, endpoint asleep",
        "http api memory": "Memory of an API process",
        "http api four requests": "Four requests of five seconds at once on two instances, through an API",
    },
    drawing="memory",
    caption="Resident memory of an API process",
    across="predictions accepted",
    up="MB resident",
)
CAPACITY = Page(
    file="capacity",
    title="The simulator of docs/capacity.md",
    sections={"simulation": "Simulating requests"},
    drawing="",
    caption="",
    across="",
    up="",
)


class Report:
    """Figures in the task they are made. A bar is what a figure has to be."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.figures: list[Figure] = []
        self._lines: dict[str, list[tuple[float, float]]] = {}

    def add(self, section: str, name: str, value: str) -> None:
        self.figures.append(Figure(section, name, value))

    def bar(self, section: str, name: str, value: str, met: bool, bar: str) -> None:
        self.figures.append(Figure(section, name, value, bar, met))

    def plot(self, name: str, points: list[tuple[float, float]]) -> None:
        """A line of the page's drawing."""
        self._lines[name] = points

    @property
    def missed(self) -> list[str]:
        return [f"{figure.name}: {figure.value}, to be {figure.bar}" for figure in self.figures if not figure.met]

    def show(self, console: Console) -> None:
        for title, figures in self._sections().items():
            table = Table("", "measured", "to be", "", title=title, title_justify="left", min_width=100)
            for figure in figures:
                met = "" if not figure.bar else "[green]yes[/]" if figure.met else "[red]no[/]"
                table.add_row(figure.name, figure.value, figure.bar, met)
            console.print(table)

    def write(self, folder: Path, command: str, seconds: float) -> None:
        """The page and its drawing, in `folder`. Sections that were not measured are kept as an earlier run wrote them."""
        folder.mkdir(parents=True, exist_ok=True)
        page, path = self.page, folder / f"{self.page.file}.md"
        source = (
            f"`{command}` took {seconds:.0f} s; Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} "
            f"processors, load {os.getloadavg()[0]:.1f} at the end."
        )
        sections = _written_sections(path) | {
            title: [source, "", "| | Measured | To be | |", "|---|---|---|---|", *map(_row, figures)]
            for title, figures in self._sections().items()
        }
        lines = [f"# {page.title}", "", "How each figure is taken: [README.md](README.md)."]
        for title in page.sections.values():
            if title in sections:
                lines += ["", f"## {title}", "", *sections[title]]
        drawing = folder / f"{page.drawing}.svg"
        if self._lines:
            drawing.write_text(draw([Line(name, points) for name, points in self._lines.items()], page.across, page.up))
        if drawing.is_file():
            lines += ["", f"![{page.caption}]({page.drawing}.svg)"]
        path.write_text("\n".join(lines) + "\n")

    def _sections(self) -> dict[str, list[Figure]]:
        found: defaultdict[str, list[Figure]] = defaultdict(list)
        for figure in self.figures:
            found[self.page.sections[figure.section]].append(figure)
        return found


def _row(figure: Figure) -> str:
    met = ("met" if figure.met else "**missed**") if figure.bar else ""
    return f"| {figure.name} | {figure.value} | {figure.bar} | {met} |"


def _written_sections(path: Path) -> dict[str, list[str]]:
    """The lines of each section of a page that an earlier run wrote, by title; of the last one without the drawing."""
    if not path.is_file():
        return {}
    parts = path.read_text().split("\n## ")[1:]
    found = {}
    for part in parts:
        title, *lines = part.splitlines()
        found[title] = "\n".join(line for line in lines if not line.startswith("![")).strip().splitlines()
    return found
