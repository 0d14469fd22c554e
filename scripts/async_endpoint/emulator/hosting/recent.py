"""A number over time: minutes that are published late must tell how it was, not how it is."""

from __future__ import annotations

from collections import deque


class TimeSeries:
    """A number as it was at a moment, from the last one asked about on. Guarded by whoever has it; times are AWS seconds."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()

    def set(self, now: float, value: int) -> None:
        if not self._steps or self._steps[-1][1] != value:
            self._steps.append((now, value))

    def at(self, moment: float) -> int | None:
        """The number at `moment`, None when it was not set yet; forgets what was before."""
        while len(self._steps) > 1 and self._steps[1][0] <= moment:
            self._steps.popleft()
        return self._steps[0][1] if self._steps and self._steps[0][0] <= moment else None
