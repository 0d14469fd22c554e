"""The progress bar of a batch, and what is told of its endpoint beside it."""

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

INSTANCES_SECONDS: Final = 10.0  # between two questions for them
RATE_SECONDS: Final = 15.0  # the rate is that of the last seconds


class BatchProgress:
    """One line: items ended, submitted, waiting, done, failed, the rate, the time left, instances."""

    def __init__(self, session: AwsSession, endpoint: str) -> None:
        self._session, self._endpoint = session, endpoint
        self._bar = Bar(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, told="")
        self._recent: deque[tuple[float, int]] = deque()
        self._total: int | None = None
        self._instances, self._asked = "", 0.0

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def counted(self, total: int | None) -> None:
        """How many items the source has; None when that is not known beforehand."""
        self._total = total

    def tick(self, progress: Progress) -> None:
        """Show where the batch is."""
        ended = progress.earlier + progress.done + progress.failed
        total = self._total if progress.reading else progress.earlier + progress.done + progress.failed + progress.waiting
        now = time.monotonic()
        self._recent.append((now, ended - progress.earlier))
        while now - self._recent[0][0] > RATE_SECONDS:
            self._recent.popleft()
        if now - self._asked > INSTANCES_SECONDS:
            self._asked, self._instances = now, instances_of(self._session, self._endpoint)
        self._bar.update(self._task, total=total, completed=ended, told=told(progress, self._rate(), total, self._instances))

    def _rate(self) -> float:
        (begun, first), (now, last) = self._recent[0], self._recent[-1]
        return (last - first) / (now - begun) if now > begun else 0.0


def told(progress: Progress, rate: float, total: int | None, instances: str) -> str:
    """The words beside the bar."""
    words = [f"submitted {progress.submitted:,}", f"waiting {progress.waiting:,}", f"done {progress.done:,}"]
    words.append(f"failed {progress.failed:,}")
    if progress.earlier:
        words.append(f"earlier {progress.earlier:,}")
    words.append(f"{rate:,.1f}/s")
    left = None if total is None else total - progress.earlier - progress.done - progress.failed
    if left and rate > 0:
        words.append(f"{_duration(left / rate)} left")
    return "  ".join([*words, *([instances] if instances else [])])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
