"""Recommended settings against all of the grid, on five traces: `python tests/trials/recommended_settings.py [-o FILE]`.

For each trace and two or three targets: what `recommend` finds and in which time, the best of an exhaustive search over the
same grid, the scaling of AWS's guide and the lower bound, in US dollars of instances a month. The grid is split into
`--processes` parts, so that settings that differ in their maximum alone stay together. Ends with 1 unless every cost is at most
1.02 times that of the exhaustive search, none is above the guide's or today's where that meets the target, none below the
bound, and each was found within 60 seconds of CPU time. Today's settings are the module's defaults, with a number of requests
at a time that is no choice of the search. Some twenty minutes on two free cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from async_endpoint.capacity.distributions import Fixed  # noqa: E402
from async_endpoint.capacity.recommendation import InstanceOption, Objective, office_hours, recommend  # noqa: E402
from async_endpoint.capacity.recommendation.evaluation import Evaluator  # noqa: E402
from async_endpoint.capacity.recommendation.grid import Grid  # noqa: E402
from async_endpoint.capacity.settings import ModuleSettings  # noqa: E402
from async_endpoint.capacity.slowdown import Slowdown  # noqa: E402
from support.traces import FIVE  # noqa: E402

OPTIONS: Final = (
    InstanceOption("ml.m5.xlarge", 0.23, Fixed(240), Slowdown.of({1: 1, 2: 1.6}, 4), (2,)),
    InstanceOption("ml.g5.xlarge", 1.4084, Fixed(420), Slowdown.of({1: 1, 4: 1.5}), (4,)),
)
# Targets for the p95 wait, in seconds: the first is that of the table in docs/capacity.md.
WAITS: Final = {
    "recorded, over a day": (300.0, 30.0, 1_200.0),
    "recorded, over a week": (120.0, 400.0),
    "office hours": (90.0, 300.0, 420.0),
    "bursts": (600.0, 120.0, 1_500.0),
    "trickle": (450.0, 60.0, 300.0),
}
MOST_INSTANCES: Final = 8
TODAY: Final = ModuleSettings()
WORST_RATIO, MOST_SECONDS = 1.02, 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", action="append", choices=sorted(FIVE), help="default: all five")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    rows = [row for name in arguments.trace or FIVE for row in _rows(name, arguments.processes)]
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["holds"] for row in rows))


def _rows(name: str, processes: int) -> Iterator[dict[str, Any]]:
    with ProcessPoolExecutor(processes) as pool:
        parts = list(pool.map(_simulated, [name] * processes, range(processes), [processes] * processes))
    points = [point for part in parts for point in part.points]
    for wait in WAITS[name]:
        row = _row(name, wait, points)
        row["exhaustive_simulations"] = sum(part.simulations for part in parts)
        print(_line(row), flush=True)
        yield row


def _row(name: str, wait: float, points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    workload, objective = FIVE[name](), Objective(wait=wait)
    began = time.process_time()
    hours = office_hours(workload)
    result = recommend(workload, OPTIONS, objective, hours=hours, current=TODAY.settings(), most_instances=MOST_INSTANCES)
    seconds = time.process_time() - began
    least = min(usd for usd, found in points if found <= wait)
    others = [point for point in (result.guide, result.current) if point and objective.meets(point.usd, point.wait)]
    return {
        "trace": name,
        "requests": len(workload),
        "p95_target": wait,
        "recommended": result.best.usd,
        "p95": result.best.wait,
        "exhaustive": least,
        "ratio": result.best.usd / least,
        "guide": result.guide.usd,
        "guide_p95": result.guide.wait,
        "today": result.current.usd if result.current else None,
        "today_p95": result.current.wait if result.current else None,
        "bound": result.bound,
        "seconds": seconds,
        "simulations": result.simulations,
        "settings": len(points),
        "chosen": repr(result.best.settings),
        "holds": result.meets
        and result.best.usd <= WORST_RATIO * least
        and all(result.bound <= point.usd >= result.best.usd for point in others)
        and result.bound <= least
        and seconds <= MOST_SECONDS,
    }


def _line(row: dict[str, Any]) -> str:
    return (
        "{trace}: {requests:,} requests, p95 at most {p95_target:g} s: recommended {recommended:.2f} USD ({p95:.0f} s), "
        "exhaustive {exhaustive:.2f} (ratio {ratio:.4f}), guide {guide:.2f} ({guide_p95:.0f} s), "
        "today {today:.2f} ({today_p95:.0f} s), bound {bound:.2f}; "
        "{seconds:.1f} s, {simulations} simulations, of {exhaustive_simulations} for {settings} settings: "
    ).format(**row) + ("holds" if row["holds"] else "FAILS")


class _Part(NamedTuple):
    """Cost and waiting time of settings, and in how many simulations they were found."""

    points: list[tuple[float, float]]
    simulations: int


def _simulated(name: str, part: int, parts: int) -> _Part:
    """Each `parts`-th group of the grid's settings."""
    workload = FIVE[name]()
    grid = Grid.of(OPTIONS, office_hours(workload), MOST_INSTANCES)
    evaluator = Evaluator(workload, OPTIONS, 95)
    settings = (grid.settings(choice) for choice in _choices(grid, part, parts))
    points = [evaluator.point(one) for one in settings if one is not None]
    return _Part([(point.usd, point.wait) for point in points], evaluator.simulations)


def _choices(grid: Grid, part: int, parts: int) -> Sequence[tuple[int, ...]]:
    """The largest maximum first: what does not reach it needs no simulation with smaller ones."""
    axes = [range(len(axis)) for axis in grid.axes]
    groups = list(product(axes[0], axes[1], *axes[3:]))[part::parts]
    return [(*group[:2], maximum, *group[2:]) for group in groups for maximum in reversed(axes[2])]


if __name__ == "__main__":
    sys.exit(main())
