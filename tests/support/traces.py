"""Workloads for recommended settings: the recorded trace of bench/traces, stretched, and generated ones."""

from __future__ import annotations

import csv
import random
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from async_endpoint.capacity.workload import Workload

RECORDED: Final = Path(__file__).parents[2] / "bench" / "traces" / "azure-llm-code-2023.csv"
MONDAY: Final = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
DAY: Final = 86_400.0
OFFICE: Final = (*[0.0] * 8, *[40.0] * 10, *[0.0] * 6)


def recorded(seconds: float) -> Workload:
    """The recorded hour over a window of `seconds`; service times by its tokens."""
    with RECORDED.open(encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    service = (0.5 + 0.0002 * row["context_tokens"] + 0.05 * row["generated_tokens"] for row in rows)
    hour = Workload(array("d", (MONDAY + row["seconds"] for row in rows)), array("d", service), MONDAY, MONDAY + 3_600)
    return hour.stretched(seconds)


def of_hours(rates: Sequence[float], days: int, seconds: float = 20, seed: int = 1, weekend: float = 1.0) -> Workload:
    """Poisson arrivals by the hour of the day (`rates`, an hour), times `weekend` at weekends; exponential service times."""
    generator = random.Random(seed)
    times: list[float] = []
    for hour in range(24 * days):
        rate = rates[hour % 24] * (weekend if hour // 24 % 7 >= 5 else 1)
        time = MONDAY + hour * 3_600
        while rate and (time := time + generator.expovariate(rate / 3_600)) < MONDAY + (hour + 1) * 3_600:
            times.append(time)
    return _exponential(times, days, seconds, generator)


def bursts(days: int, a_day: float, size: int, spread: float, seconds: float, seed: int = 1) -> Workload:
    """Bursts of about `size` requests within `spread` seconds, `a_day` on average at random times, and silence between them."""
    generator = random.Random(seed)
    times: list[float] = []
    begin = MONDAY
    while (begin := begin + generator.expovariate(a_day / DAY)) < MONDAY + days * DAY - spread:
        times += [begin + generator.uniform(0, spread) for _ in range(generator.randint(size // 2, size + size // 2))]
    return _exponential(sorted(times), days, seconds, generator)


def _exponential(times: Sequence[float], days: int, seconds: float, generator: random.Random) -> Workload:
    service = array("d", (generator.expovariate(1 / seconds) for _ in times))
    return Workload(array("d", times), service, MONDAY, MONDAY + days * DAY)


FIVE: Final[dict[str, Callable[[], Workload]]] = {
    "recorded, over a day": lambda: recorded(DAY),
    "recorded, over a week": lambda: recorded(7 * DAY),
    "office hours": lambda: of_hours(OFFICE, 7, seconds=12, weekend=0.02),
    "bursts": lambda: bursts(7, 4, 150, 600, 6),
    "trickle": lambda: of_hours([1.0] * 24, 7, seconds=10),
}
"""The traces on which recommended settings are compared with all settings of the grid."""
