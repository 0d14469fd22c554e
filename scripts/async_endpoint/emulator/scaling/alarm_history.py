"""The history of alarms: configuration updates, state updates and actions."""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

MAX_HISTORY_ITEMS = 20_000  # CloudWatch keeps 30 days
MAX_SUMMARY_CHARS = 255  # [M HistorySummary]

ItemType = Literal["ConfigurationUpdate", "StateUpdate", "Action"]


@dataclass(frozen=True)
class AlarmHistoryItem:
    """One entry; `when` is AWS seconds, `data` JSON, and `number` grows with each entry."""

    number: int
    region: str
    alarm: str
    composite: bool
    when: float
    type: ItemType
    summary: str
    data: str

    def describe(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": self.alarm_type,
            "Timestamp": datetime.fromtimestamp(self.when, UTC),
            "HistoryItemType": self.type,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }

    @property
    def alarm_type(self) -> str:
        return "CompositeAlarm" if self.composite else "MetricAlarm"


class AlarmHistory:
    """The latest MAX_HISTORY_ITEMS entries of all regions, those of deleted alarms too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[AlarmHistoryItem] = deque(maxlen=MAX_HISTORY_ITEMS)
        self._numbers = itertools.count(1)

    def add(self, alarm: Any, when: float, of_type: ItemType, summary: str, data: str) -> None:
        """Add an entry for `alarm`, moto's. Times are stored in milliseconds, as returned: a query by one then matches.

        The summary is cut to the length that the service model allows.
        """
        when = math.floor(when * 1_000) / 1_000
        summary = summary[:MAX_SUMMARY_CHARS]
        with self._lock:
            number = next(self._numbers)
            self._items.append(
                AlarmHistoryItem(number, alarm.region_name, alarm.name, alarm.rule is not None, when, of_type, summary, data)
            )

    def saved(self) -> list[AlarmHistoryItem]:
        with self._lock:
            return list(self._items)

    def restore(self, saved: list[AlarmHistoryItem]) -> None:
        with self._lock:
            self._items.extend(saved)
            self._numbers = itertools.count(max((item.number for item in saved), default=0) + 1)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()

    def find(
        self,
        region: str,
        *,
        alarm: str | None = None,
        alarm_types: tuple[str, ...] = ("MetricAlarm",),
        of_type: str | None = None,
        start: float | None = None,
        end: float | None = None,
        oldest_first: bool = False,
        after: int | None = None,
    ) -> list[AlarmHistoryItem]:
        """The entries that match, newest first unless asked otherwise; with `after`, those that follow that number."""
        with self._lock:
            items = list(self._items)
        found = [
            item
            for item in items
            if item.region == region
            and alarm in (None, item.alarm)
            and item.alarm_type in alarm_types
            and of_type in (None, item.type)
            and (start is None or item.when >= start)
            and (end is None or item.when <= end)
            and (after is None or (item.number > after if oldest_first else item.number < after))
        ]
        return found if oldest_first else found[::-1]
