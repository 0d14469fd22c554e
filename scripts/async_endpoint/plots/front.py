"""Cost against waiting time: the settings of which no other is both cheaper and quicker, the lower bound, and those in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from async_endpoint.plots.canvas import BLUE, GREEN, MUTED, ORANGE, PURPLE, figure, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS: Final = ("s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class FrontPoint:
    """US dollars a month, and the wait in seconds of the requests that wait longest but for the percentile stated."""

    usd: float
    wait: float
    label: str = ""


def front_svg(
    points: Sequence[FrontPoint],
    bound: Sequence[FrontPoint] = (),
    current: FrontPoint | None = None,
    *,
    chosen: FrontPoint | None = None,
    others: Sequence[FrontPoint] = (),
    percentile: float = 95,
    target: float | None = None,
) -> str:
    """The chart as SVG. `bound` is the least cost for waits, `others` are labelled points to compare with, `target` a wait.

    Points whose wait is infinite are named in the description, and not drawn.
    """
    front = sorted((one for one in points if one.wait < float("inf")), key=lambda one: one.usd)
    marked = [*([current] if current else []), *([chosen] if chosen else []), *others]
    with figure(height=4.6) as (made, [axes]):
        if bound:
            ordered = sorted(bound, key=lambda one: one.usd)
            axes.plot(*_coordinates(ordered), color=MUTED, linestyle=":", label="lower bound")
        if front:
            axes.plot(*_coordinates(front), color=BLUE, marker="o", markersize=4, drawstyle="steps-post", label="Pareto front")
        if chosen and chosen.wait < float("inf"):
            axes.plot(
                [chosen.usd], [chosen.wait], "*", color=GREEN, markersize=14, clip_on=False, label=chosen.label or "recommended"
            )
        if current and current.wait < float("inf"):
            axes.plot(
                [current.usd],
                [current.wait],
                "o",
                color=ORANGE,
                markersize=8,
                clip_on=False,
                label=current.label or "current settings",
            )
        for marker, one in zip(_MARKERS * len(others), others, strict=False):
            if one.wait < float("inf"):
                axes.plot([one.usd], [one.wait], marker, color=PURPLE, markersize=7, clip_on=False, label=one.label)
        if target is not None:
            axes.axhline(target, color=MUTED, linestyle="--", linewidth=1, label=f"target {target:g} s")
        _finish(axes, percentile, [*front, *marked, *bound])
        return rendered(made, "Cost against waiting time", _description(front, bound, marked, percentile))


def _coordinates(points: Sequence[FrontPoint]) -> tuple[list[float], list[float]]:
    return [one.usd for one in points], [one.wait for one in points]


def _finish(axes: Axes, percentile: float, drawn: Sequence[FrontPoint]) -> None:
    axes.set_xlabel("US dollars a month")
    axes.set_ylabel(f"wait, seconds (p{percentile:g})")
    waits = [one.wait for one in drawn if 0 < one.wait < float("inf")]
    if waits and max(waits) > 30 * max(min(waits), 1.0):
        axes.set_yscale("symlog", linthresh=10)
        axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylim(0, 1.2 * max(waits, default=1.0))
    axes.set_xlim(left=0)
    axes.grid(True, linewidth=0.6)
    if drawn:
        axes.legend(loc="best")


def _description(
    front: Sequence[FrontPoint], bound: Sequence[FrontPoint], marked: Sequence[FrontPoint], percentile: float
) -> str:
    parts = []
    if front:
        parts.append(
            f"{len(front)} settings on the Pareto front, from {_said(front[0], percentile)} to {_said(front[-1], percentile)}."
        )
    if bound:
        parts.append(f"Lower bound from {min(one.usd for one in bound):,.2f} US dollars a month.")
    parts += [f"{one.label or 'Marked'}: {_said(one, percentile)}." for one in marked]
    return " ".join(parts) or "No settings."


def _said(one: FrontPoint, percentile: float) -> str:
    wait = f"{one.wait:,.0f} s" if one.wait < float("inf") else "unbounded, since requests expire"
    return f"{one.usd:,.2f} US dollars a month with a p{percentile:g} wait of {wait}"
