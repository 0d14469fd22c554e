"""What the benchmark makes of its samples; the measuring itself is `make bench`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from bench.comparisons.compare import Outcome
from bench.curve import Curve, Point
from bench.drawing import Line, draw
from bench.report import LOCAL_AWS, Report


def curve(*points: tuple[float, float]) -> Curve:
    """Points of (requests done, CPU seconds); wall seconds are twice as many."""
    program: Any = SimpleNamespace()
    return Curve(program, [Point(done, cpu, 2 * cpu, 100 + done) for done, cpu in points])


def test_a_cost_is_taken_between_the_samples_around_it() -> None:
    steady = curve((0, 0.0), (130, 0.13), (990, 0.99), (1000, 1.0))
    assert steady.cost(0, 100) == pytest.approx((1.0, 2.0))
    assert steady.cost(900, 1000) == pytest.approx((1.0, 2.0))
    assert steady.at(500).megabytes == pytest.approx(600)


def test_a_growing_cost_is_seen() -> None:
    growing = curve((0, 0.0), (500, 0.5), (1000, 1.5))
    assert growing.cost(900, 1000)[0] / growing.cost(0, 100)[0] == pytest.approx(2)


def test_a_curve_that_begins_late_costs_nothing_before() -> None:
    late = curve((40, 1.0), (1040, 2.0))
    assert late.cost(40, 1040)[0] == pytest.approx(1.0)
    assert late.at(10) == late.points[0].__class__(10, 1.0, 2.0, 140)


def test_the_drawing_is_an_svg_with_each_line() -> None:
    lines = [Line("one", [(0, 1), (10, 2)]), Line("two", [(0, 3), (10, 1)])]
    drawn = ElementTree.fromstring(draw(lines, "across", "up"))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 2


def test_names_of_many_lines_do_not_lie_on_each_other() -> None:
    drawn = ElementTree.fromstring(draw([Line(f"line {number}", [(0, 1), (1, 1)]) for number in range(6)], "across", "up"))
    names = [item for item in drawn.findall("{http://www.w3.org/2000/svg}text") if str(item.text).startswith("line ")]
    assert len({(item.get("x"), item.get("y")) for item in names}) == 6
    assert len({item.get("fill") for item in names}) == 6


def test_what_a_client_did_is_told_by_request() -> None:
    outcome = Outcome({"wall": 2.0, "lags": [0.3, 0.1, 0.2]}, Counter({"s3:GetObject": 4, "sqs:ReceiveMessage": 2}), 3)
    assert (outcome.calls_each, outcome.median, outcome.p99, outcome.wall) == (2.0, 0.2, 0.3, 2.0)


def test_a_missed_bar_is_told_and_written(tmp_path: Path) -> None:
    report = Report(LOCAL_AWS)
    report.add("queued", "memory", "1 MB")
    report.bar("queued", "ratio", "1.5", met=False, bar="≤ 1.2")
    report.bar("together", "rate", "200", met=True, bar="≥ 100")
    assert report.missed == ["ratio: 1.5, to be ≤ 1.2"]
    report.write(tmp_path, "python -m bench", 3)
    written = (tmp_path / "results.md").read_text()
    assert "| ratio | 1.5 | ≤ 1.2 | **missed** |" in written
    assert "| rate | 200 | ≥ 100 | met |" in written


def test_a_section_that_was_not_measured_keeps_its_figures(tmp_path: Path) -> None:
    first, second = Report(LOCAL_AWS), Report(LOCAL_AWS)
    for part in ("planning", "queued"):
        first.add(part, f"{part} of the first run", "1")
    second.add("queued", "queued again", "2")
    first.plot("line", [(0.0, 1.0), (1.0, 2.0)])
    first.write(tmp_path, "python -m bench", 30)
    second.write(tmp_path, "python -m bench --only queued", 3)
    written = (tmp_path / "results.md").read_text()
    assert "planning of the first run" in written and "queued again" in written
    assert "queued of the first run" not in written
    assert written.index("--only queued") < written.index("`python -m bench` took 30 s")  # in the order of the parts
    assert written.count("](cost.svg)") == 1
