"""The progress bar of a batch, with counts and instances."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from async_endpoint.aws import AwsSession
from async_endpoint.batch.run import Progress
from async_endpoint.cli.console import console
from async_endpoint.operations.watch import instances_of

INSTANCES_SECONDS: Final = 10.0  # between two descriptions of the endpoint
RATE_SECONDS: Final = 15.0  # the rate is measured over this time


class BatchProgress:
    """One line: items ended, submitted, waiting, done, failed, rate, time left, instances."""

    def __init__(self, session: AwsSession, endpoint: str) -> None:
        self._session, self._endpoint = session, endpoint
        self._bar = Bar(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, counts="")
        self._recent: deque[tuple[float, int]] = deque()
        self._total: int | None = None
        self._instances, self._asked = "", 0.0

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def counted(self, total: int | None) -> None:
        """Set the number of items; None if unknown."""
        self._total = total

    def tick(self, progress: Progress) -> None:
        """Show the progress."""
        ended = progress.skipped + progress.done + progress.failed
        total = self._total if progress.reading else progress.skipped + progress.done + progress.failed + progress.waiting
        now = time.monotonic()
        self._recent.append((now, ended - progress.skipped))
        while now - self._recent[0][0] > RATE_SECONDS:
            self._recent.popleft()
        if now - self._asked > INSTANCES_SECONDS:
            self._asked, self._instances = now, instances_of(self._session, self._endpoint)
        self._bar.update(
            self._task, total=total, completed=ended, counts=counts_text(progress, self._rate(), total, self._instances)
        )

    def _rate(self) -> float:
        (begun, first), (now, last) = self._recent[0], self._recent[-1]
        return (last - first) / (now - begun) if now > begun else 0.0


def counts_text(progress: Progress, rate: float, total: int | None, instances: str) -> str:
    """The text beside the bar."""
    words = [f"submitted {progress.submitted:,}", f"waiting {progress.waiting:,}", f"done {progress.done:,}"]
    words.append(f"failed {progress.failed:,}")
    if progress.skipped:
        words.append(f"skipped {progress.skipped:,}")
    words.append(f"{rate:,.1f}/s")
    left = None if total is None else total - progress.skipped - progress.done - progress.failed
    if left and rate > 0:
        words.append(f"{_duration(left / rate)} left")
    return "  ".join([*words, *([instances] if instances else [])])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
