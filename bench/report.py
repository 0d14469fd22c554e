"""What was measured: a table for the person, results.md and a drawing for the repository."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.drawing import Line, draw

TITLES = {
    "queued": "Requests that queue, are computed, are collected",
    "together": "Invoke, compute and collect at the same time",
    "overhead": "Over calling the container directly",
    "real time": "InvokeEndpoint",
    "starting": "Instances that start",
}


@dataclass(frozen=True)
class Figure:
    section: str
    name: str
    value: str
    bar: str = ""
    met: bool = True


class Report:
    """Figures in the order they are made. A bar is what a figure has to be."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self._lines: dict[str, list[tuple[float, float]]] = {}

    def add(self, section: str, name: str, value: str) -> None:
        self.figures.append(Figure(section, name, value))

    def bar(self, section: str, name: str, value: str, met: bool, bar: str) -> None:
        self.figures.append(Figure(section, name, value, bar, met))

    def plot(self, name: str, points: list[tuple[float, float]]) -> None:
        """A line of CPU milliseconds a request over requests done."""
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
        """results.md and cost.svg in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            "# What the local AWS costs",
            "",
            f"`{command}` took {seconds:.0f} s; Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} "
            f"processors, load {os.getloadavg()[0]:.1f} at the end. How each figure is taken: [README.md](README.md).",
        ]
        for title, figures in self._sections().items():
            lines += ["", f"## {title}", "", "| | Measured | To be | |", "|---|---|---|---|"]
            lines += [
                f"| {item.name} | {item.value} | {item.bar} | {('met' if item.met else '**missed**') if item.bar else ''} |"
                for item in figures
            ]
        if self._lines:
            lines += ["", "![CPU a request](cost.svg)"]
            drawn = [Line(name, points) for name, points in self._lines.items()]
            (folder / "cost.svg").write_text(draw(drawn, "requests done", "CPU ms a request"))
        (folder / "results.md").write_text("\n".join(lines) + "\n")

    def _sections(self) -> dict[str, list[Figure]]:
        found: defaultdict[str, list[Figure]] = defaultdict(list)
        for figure in self.figures:
            found[TITLES[figure.section]].append(figure)
        return found
