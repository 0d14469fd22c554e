"""FilterDelay: how long Amazon SNS takes to apply a new filter policy, and what it delivers meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from async_endpoint.emulator.clock import ScaledClock

# SNS developer guide: "Additions or changes to a subscription filter policy require up to 15 minutes to fully take effect"
DEFAULT_FILTER_DELAY_MINUTES: Final = 15.0


@dataclass
class FilterDelay:
    """`seconds` are AWS seconds. Meanwhile a new subscription receives nothing (A105), or everything if `unfiltered`.

    A subscription whose policy changes keeps the old one meanwhile.
    """

    clock: ScaledClock
    seconds: float = DEFAULT_FILTER_DELAY_MINUTES * 60
    unfiltered: bool = False
