"""Traces: requests listed in CSV, with their arrival times and what their service times can be computed from.

The first line names the columns. One of them is `seconds`, since the first request, or `timestamp`, ISO 8601 with an offset
(UTC without one). `service_seconds` is optional. Formulas (arrivals/formula.py) use any other column that has numbers.
"""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from async_endpoint.capacity.arrivals.models import MAX_REQUESTS
from async_endpoint.core.errors import InvalidInput

SECONDS: Final = "seconds"
TIMESTAMP: Final = "timestamp"
SERVICE_SECONDS: Final = "service_seconds"
# Where a trace without dates begins: 2024-01-01T00:00:00Z, a Monday, so that schedules by weekday and hour have a meaning.
EPOCH: Final = 1_704_067_200.0
MOST_SECONDS: Final = 366 * 86_400  # that requests are spread over
END_OF_TIME: Final = 253_370_764_800.0  # 9999-01-01T00:00:00Z; schedules look ahead, and later dates do not exist in Python
_SHOWN_CHARS: Final = 40
_WANTED: Final = {
    SECONDS: f"a number of seconds since the first request, 0 to {MOST_SECONDS:,} (366 days); not milliseconds, and no date",
    TIMESTAMP: "an ISO 8601 time from 1970 to 9998, as 2026-11-30T14:00:00Z",
}


@dataclass(frozen=True)
class Trace:
    """Requests in the order of their arrival.

    `times` are epoch seconds, ascending. `service` are seconds, if the source has them; `columns` the numbers of other columns,
    by name; each as long as `times`. `window` is the time that the source covers, by default the minutes from the first request
    to the last. `dated` says that the times are real ones, and do not count from EPOCH. `notes` are sentences on how far the
    source can be trusted, `estimated` says that requests were not listed.
    """

    times: array[float]
    source: str
    service: array[float] | None = None
    columns: Mapping[str, array[float]] = field(default_factory=dict)
    window: tuple[float, float] | None = None
    estimated: bool = False
    notes: tuple[str, ...] = ()
    dated: bool = True

    def __len__(self) -> int:
        return len(self.times)

    @property
    def covered(self) -> tuple[float, float]:
        """The window, in whole minutes; it ends after the last request."""
        if self.window is not None:
            return self.window
        return self.times[0] // 60 * 60, self.times[-1] // 60 * 60 + 60

    def moved(self, seconds: float) -> Trace:
        """The same requests, so much later."""
        window = self.window and (self.window[0] + seconds, self.window[1] + seconds)
        return replace(self, times=array("d", (time + seconds for time in self.times)), window=window)


def parse_trace(lines: Iterable[str], name: str) -> Trace:
    """The trace in the lines of a CSV file called `name` in messages.

    Raises InvalidInput, with line and column, for what is no time or no duration, and for a file without requests. Numbers are
    read from every column that has a number in each line; other columns are ignored.
    """
    reader = csv.reader(lines)
    header = [column.strip().lstrip("\ufeff").lower() for column in _next(reader, name) or ()]
    read_time = _time_reader(header, name)
    rows = _Rows(header)
    for row in _rows(reader, name):
        if row:
            rows.add(row, reader.line_num, name, read_time)
        if len(rows.times) > MAX_REQUESTS:
            raise InvalidInput(f"{name} has more than {MAX_REQUESTS:,} requests; give a part of them.")
    if not rows.times:
        raise InvalidInput(f"{name} has no request; give a line for each below {','.join(header)}.")
    return rows.trace(name, dated=TIMESTAMP in header)


class _Rows:
    """The columns of a trace while it is read."""

    def __init__(self, header: Sequence[str]) -> None:
        self.times = array("d")
        self._header = header
        self._position = header.index(TIMESTAMP if TIMESTAMP in header else SECONDS)
        # A column stays while all of its cells are numbers; empty cells count as none.
        self._numbers = {name: array("d") for name in header if name and name not in (TIMESTAMP, SECONDS)}

    def add(self, row: Sequence[str], line: int, name: str, read_time: Callable[[str], float | None]) -> None:
        if len(row) != len(self._header):
            raise InvalidInput(
                f"Line {line} of {name} has {len(row)} columns and the first line {len(self._header)}; make them equal."
            )
        text = row[self._position].strip()
        time = read_time(text)
        if time is None:
            column = self._header[self._position]
            raise InvalidInput(f"Line {line} of {name}, column {column}, has {_shown(text)}; give {_WANTED[column]}.")
        self.times.append(time)
        for column, cell in zip(self._header, row, strict=True):
            if (numbers := self._numbers.get(column)) is None:
                continue
            number = _number(cell)
            if column == SERVICE_SECONDS and not (number is not None and number > 0):
                raise InvalidInput(f"Line {line} of {name}, column {column}, has {_shown(cell)}; give seconds above zero.")
            if number is None:
                del self._numbers[column]
            else:
                numbers.append(number)

    def trace(self, name: str, *, dated: bool) -> Trace:
        """In the order of arrival; the file may have any."""
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        offset = 0.0 if dated else EPOCH
        times = array("d", (self.times[index] + offset for index in order))
        columns = {column: array("d", (numbers[index] for index in order)) for column, numbers in self._numbers.items()}
        return Trace(times, name, columns.pop(SERVICE_SECONDS, None), columns, dated=dated)


def _time_reader(header: Sequence[str], name: str) -> Callable[[str], float | None]:
    repeated = next((column for column in header if header.count(column) > 1), None)
    if repeated is not None:
        raise InvalidInput(f"{name} has two columns {_shown(repeated)}; name each once.")
    if (TIMESTAMP in header) == (SECONDS in header):
        found = ", ".join(header[:20]) or "(none)"
        comma = " Commas separate columns." if len(header) == 1 and re.search(r"[;\t|]", found) else ""
        raise InvalidInput(
            f"{name} has the columns {found}; its first line must name {SECONDS} or {TIMESTAMP}, and not both.{comma}"
        )
    return _timestamp if TIMESTAMP in header else _seconds


def _seconds(text: str) -> float | None:
    number = _number(text)
    return number if number is not None and 0 <= number <= MOST_SECONDS else None


def _timestamp(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds < END_OF_TIME else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _next(reader: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(reader, None)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name} is not CSV in UTF-8 ({error}); save it as CSV, comma-separated, UTF-8.") from error


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    while (row := _next(reader, name)) is not None:
        yield row


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_CHARS])
