"""Charts as SVG text: the same bytes for the same figures, described, in light and dark, loading nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace

import pytest

from async_endpoint.capacity.bill import Bill, IdleItems, Usage, bill
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core import extras
from async_endpoint.core.errors import ExtraMissing
from async_endpoint.plots import FrontPoint, costs_svg, front_svg, timeline_svg
from async_endpoint.plots.canvas import PALETTE
from async_endpoint.plots.timeline import _Drawn, _groups
from support.svg import described, texts

PRICES = PriceList.load("us-east-1", today=date(2026, 11, 30))
IDLE = IdleItems(kms_keys=1, alarm_metrics=10)


@dataclass
class Drawn:
    time: float
    backlog: float
    desired: float
    in_service: float
    oldest_age: float


def bills() -> dict[str, Bill]:
    always = Usage(idle=IDLE, instance_seconds={"ml.m5.large": 730 * 3_600})
    return {"at zero": bill(Usage(idle=IDLE), PRICES), "at the maximum": bill(always, PRICES)}


def timeline(minutes: int) -> SimpleNamespace:
    return SimpleNamespace(timeline=[Drawn(1.7e9 + 60 * at, at % 7, 1, at % 2, 90.0) for at in range(minutes)])


def front() -> str:
    points = [FrontPoint(10, 900), FrontPoint(40, 60), FrontPoint(20, 300)]
    others = [FrontPoint(168, 0, "always on"), FrontPoint(5, float("inf"), "minimum <0> & none")]
    return front_svg(points, [FrontPoint(8, 900)], FrontPoint(50, 100, "as it is"), others=others, target=300)


CHARTS = {"costs": lambda: costs_svg(bills()), "front": front, "timeline": lambda: timeline_svg(timeline(100))}


def test_bars_have_their_amounts_and_the_description_every_figure() -> None:
    image = costs_svg(bills())
    assert {"2.00", "85.95", "at zero", "at the maximum", "encryption", "monitoring", "instances"} <= set(texts(image))
    assert described(image) == (
        "Cost by component",
        "at zero: 2.00 US dollars a month (encryption 1.00, monitoring 1.00). "
        "at the maximum: 85.95 US dollars a month (instances 83.95, encryption 1.00, monitoring 1.00).",
    )


def test_a_bill_that_lacks_a_price_says_so_in_the_chart() -> None:
    image = costs_svg({"load": bill(Usage(idle=IDLE, instance_seconds={"ml.x9.huge": 3_600}), PRICES)})
    assert "load (incomplete)" in texts(image)
    assert "without a price: ml.x9.huge" in described(image)[1]


def test_the_front_is_described_from_cheapest_to_quickest_with_what_cannot_be_drawn() -> None:
    title, description = described(front())
    assert title == "Cost against waiting time"
    assert description == (
        "3 settings on the Pareto front, from 10.00 US dollars a month with a p95 wait of 900 s to 40.00 US dollars a month "
        "with a p95 wait of 60 s. Lower bound from 8.00 US dollars a month. "
        "as it is: 50.00 US dollars a month with a p95 wait of 100 s. "
        "always on: 168.00 US dollars a month with a p95 wait of 0 s. "
        "minimum <0> & none: 5.00 US dollars a month with a p95 wait of unbounded, since requests expire."
    )
    assert {"as it is", "always on", "target 300 s"} <= set(texts(front()))
    assert "minimum <0> & none" not in texts(front())


def test_a_timeline_is_in_hours_or_days_and_its_peaks_are_described() -> None:
    assert "hours from the start" in texts(timeline_svg(timeline(100)))
    week = timeline_svg(timeline(10_080))
    assert "days from the start" in texts(week)
    assert len(week) < 300_000
    assert "The backlog is at most 6 requests, the oldest request at most 2 minutes old" in described(week)[1]
    assert "1 instances serve, 0.50 on average." in described(week)[1]
    assert described(timeline_svg(SimpleNamespace(timeline=[])))[1] == "No minute was recorded."


def test_minutes_that_are_drawn_together_show_their_mean_and_range() -> None:
    """An instance that serves every other minute is half an instance, and not one that always serves."""
    assert not [text for text in texts(timeline_svg(timeline(720))) if "mean" in text or "range" in text]
    week = texts(timeline_svg(timeline(10_080)))
    assert {"serving, mean of 42 minutes", "its range", "backlog, mean of 42 minutes"} <= set(week)
    drawn = _Drawn.of(_groups(timeline(10_080).timeline), "in_service")
    assert (set(drawn.means), set(drawn.least), set(drawn.largest)) == ({0.5}, {0.0}, {1.0})


@pytest.mark.parametrize("name", CHARTS)
def test_an_image_is_the_same_every_time_and_loads_and_runs_nothing(name: str) -> None:
    image = CHARTS[name]()
    assert CHARTS[name]() == image
    assert "<script" not in image
    assert not re.search(r"\bon[a-z]+=|@import|https?://(?!www\.w3\.org/)", image)
    assert not re.search(r'href="(?!#)', image)
    assert not re.search(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d", image), "the time of drawing"


def test_settings_of_the_user_and_hash_seeds_change_nothing() -> None:
    program = (
        "import matplotlib, sys; matplotlib.rcParams.update({'font.size': 30, 'svg.hashsalt': None, 'axes.grid': True})\n"
        "from async_endpoint.plots import FrontPoint, front_svg\n"
        "sys.stdout.write(front_svg([FrontPoint(1, 2)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77", "HOME": "/"}
    )
    assert done.stdout == front_svg([FrontPoint(1, 2)])


@pytest.mark.parametrize("name", CHARTS)
def test_every_colour_follows_the_scheme(name: str) -> None:
    image = CHARTS[name]()
    assert "prefers-color-scheme:dark" in image
    assert not [style for style in re.findall(r'style="([^"]*)"', image) if "#" in style]
    drawn = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', image))
    assert drawn
    assert drawn <= {light for light, _ in PALETTE.values()}


@pytest.mark.parametrize(("scheme", "page"), [(0, "#ffffff"), (1, "#0d1117")])
def test_colours_can_be_told_from_the_page(scheme: int, page: str) -> None:
    """WCAG 2.2, contrast of 3 for graphics and 4.5 for text; grid lines are decoration."""
    for name, colours in PALETTE.items():
        least = {"ink": 4.5, "muted": 4.5, "grid": 1.0}.get(name, 3.0)
        assert contrast(colours[scheme], page) >= least, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_importable", lambda name: False)
    with pytest.raises(ExtraMissing, match=r"A chart needs the extra \[plots\]"):
        costs_svg(bills())
