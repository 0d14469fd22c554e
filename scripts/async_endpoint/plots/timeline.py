"""Backlog and instances minute by minute, as a simulation or a recording has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Final, Protocol

from async_endpoint.plots.canvas import BLUE, GREEN, MUTED, ORANGE, figure, rendered

_MOST_MINUTES: Final = 720  # that are drawn one by one
_MOST_GROUPS: Final = 240  # otherwise
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
    """Backlog above instances as SVG, by time from the first minute.

    More than 720 minutes are drawn in groups: the mean of each, and as a light band its least and largest value, without
    desired instances. Of the oldest request the largest age of a group is drawn.
    """
    minutes = outcome.timeline
    start = minutes[0].time if minutes else 0.0
    long = bool(minutes) and minutes[-1].time - start > 3 * _DAY
    groups = _groups(minutes)
    times = [(group[0].time - start) / (_DAY if long else 3_600) for group in groups]
    with figure(2, height=5.0, heights=(3.0, 2.0)) as (made, [above, below]):
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra, which figure() has asked for

        backlog, serving = _Drawn.of(groups, "backlog"), _Drawn.of(groups, "in_service")
        size = len(groups[0]) if groups else 1
        of = f", mean of {size} minutes" if size > 1 else ""
        above.plot(times, backlog.means, color=BLUE, linewidth=1.2, label=f"backlog{of}")
        above.set_ylabel("backlog, requests")
        oldest = above.twinx()
        ages = [max(one.oldest_age for one in group) / 60 for group in groups]
        oldest.plot(times, ages, color=MUTED, linestyle=":", linewidth=1)
        oldest.set_ylabel("oldest request, minutes (dotted)" if size == 1 else "oldest request, minutes (dotted, largest)")
        below.fill_between(times, serving.means, step="post", color=GREEN, alpha=0.5, linewidth=0, label=f"serving{of}")
        below.set_ylabel("instances")
        below.set_xlabel(f"{'days' if long else 'hours'} from the start")
        below.yaxis.set_major_locator(MaxNLocator(integer=True))
        if size > 1:
            above.fill_between(times, backlog.least, backlog.largest, color=BLUE, alpha=0.2, linewidth=0, label="its range")
            below.fill_between(
                times, serving.least, serving.largest, step="post", color=GREEN, alpha=0.2, linewidth=0, label="its range"
            )
        else:
            wanted = [one.desired for one in minutes]
            below.plot(times, wanted, color=ORANGE, drawstyle="steps-post", linestyle="--", linewidth=1.2, label="desired")
        for axes in (above, oldest, below):
            axes.set_ylim(bottom=0)
        for axes in (above, below):
            axes.grid(True, linewidth=0.6)
            if minutes and (size > 1 or axes is below):
                axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
        return rendered(made, "Backlog and instances", _description(minutes))


@dataclass(frozen=True)
class _Drawn:
    """A value of the groups: its mean, least and largest."""

    means: list[float]
    least: list[float]
    largest: list[float]

    @classmethod
    def of(cls, groups: Sequence[Sequence[Minute]], name: str) -> _Drawn:
        values = [[float(getattr(one, name)) for one in group] for group in groups]
        return cls([fmean(some) for some in values], [min(some) for some in values], [max(some) for some in values])


def _groups(minutes: Sequence[Minute]) -> list[Sequence[Minute]]:
    size = 1 if len(minutes) <= _MOST_MINUTES else -(-len(minutes) // _MOST_GROUPS)
    return [minutes[at : at + size] for at in range(0, len(minutes), size)]


def _description(minutes: Sequence[Minute]) -> str:
    if not minutes:
        return "No minute was recorded."
    first = datetime.fromtimestamp(minutes[0].time, UTC)
    serving = [one.in_service for one in minutes]
    return (
        f"{len(minutes):,} minutes from {first:%Y-%m-%d %H:%M} UTC. The backlog is at most "
        f"{max(one.backlog for one in minutes):,.0f} requests, the oldest request at most "
        f"{max(one.oldest_age for one in minutes) / 60:,.0f} minutes old, and at most {max(serving):,.0f} instances serve, "
        f"{fmean(serving):,.2f} on average."
    )
