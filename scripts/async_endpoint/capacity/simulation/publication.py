"""When metrics become visible to alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Publication:
    """Minutes between the end of a minute and the evaluation that first sees its metrics.

    The local AWS evaluates a minute at its end: 0. On AWS, metrics of a minute are visible about a minute after its end (A292).
    """

    delay_minutes: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.delay_minutes <= 15:
            raise InvalidInput(f"The publication delay of metrics is {self.delay_minutes} minutes; use 0 to 15.")


DEFAULT: Final = Publication()
