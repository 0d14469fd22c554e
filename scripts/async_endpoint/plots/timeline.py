"""Backlog and instances minute by minute, as a simulation or a recording has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from async_endpoint.plots.canvas import BLUE, GREEN, MUTED, ORANGE, figure, rendered

_MOST_POINTS: Final = 720
_DAY: Final = 86_400


class Minute(Protocol):
    """What is drawn of a minute: `time` in epoch seconds, requests waiting, instances wanted and serving, seconds waited."""

    @property
    def time(self) -> float: ...
    @property
    def backlog(self) -> float: ...
    @property
    def desired(self) -> float: ...
    @property
    def in_service(self) -> float: ...
    @property
    def oldest_age(self) -> float: ...


class HasTimeline(Protocol):
    """An outcome of a simulation that was asked for its timeline."""

    @property
    def timeline(self) -> Sequence[Minute]: ...


def timeline_svg(outcome: HasTimeline) -> str:
    """Backlog above instances as SVG, by time from the first minute; of more than 720 minutes the largest of each group."""
    minutes = outcome.timeline
    start = minutes[0].time if minutes else 0.0
    long = bool(minutes) and minutes[-1].time - start > 3 * _DAY
    groups = _groups(minutes)
    times = [(group[0].time - start) / (_DAY if long else 3_600) for group in groups]
    with figure(2, height=4.8, heights=(3.0, 2.0)) as (made, [above, below]):
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra, which figure() has asked for

        above.plot(times, [max(one.backlog for one in group) for group in groups], color=BLUE, linewidth=1.2)
        above.set_ylabel("backlog, requests")
        oldest = above.twinx()
        oldest.plot(
            times, [max(one.oldest_age for one in group) / 60 for group in groups], color=MUTED, linestyle=":", linewidth=1
        )
        oldest.set_ylabel("oldest request, minutes (dotted)")
        serving = [max(one.in_service for one in group) for group in groups]
        below.fill_between(times, serving, step="post", color=GREEN, alpha=0.35, label="serving")
        wanted = [max(one.desired for one in group) for group in groups]
        below.plot(times, wanted, color=ORANGE, drawstyle="steps-post", linestyle="--", linewidth=1.2, label="desired")
        below.set_ylabel("instances")
        below.set_xlabel(f"{'days' if long else 'hours'} from the start")
        below.yaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (above, oldest, below):
            axes.set_ylim(bottom=0)
        for axes in (above, below):
            axes.grid(True, linewidth=0.6)
        if minutes:
            below.legend(loc="upper right", ncols=2)
        return rendered(made, "Backlog and instances", _description(minutes))


def _groups(minutes: Sequence[Minute]) -> list[Sequence[Minute]]:
    size = -(-len(minutes) // _MOST_POINTS) or 1
    return [minutes[at : at + size] for at in range(0, len(minutes), size)]


def _description(minutes: Sequence[Minute]) -> str:
    if not minutes:
        return "No minute was recorded."
    first = datetime.fromtimestamp(minutes[0].time, UTC)
    return (
        f"{len(minutes):,} minutes from {first:%Y-%m-%d %H:%M} UTC. The backlog is at most "
        f"{max(one.backlog for one in minutes):,.0f} requests, the oldest request at most "
        f"{max(one.oldest_age for one in minutes) / 60:,.0f} minutes old, and at most "
        f"{max(one.in_service for one in minutes):,.0f} instances serve."
    )
