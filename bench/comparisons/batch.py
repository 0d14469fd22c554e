"""A batch of ten thousand: all results, and memory that does not grow with their number."""

from __future__ import annotations

from bench.comparisons.compare import run
from bench.harness import Harness
from bench.report import Report


def measure(report: Report, items: int) -> None:
    """A tenth of the items first; the peak of memory of each is of its own process."""
    peaks = []
    with Harness() as harness:
        endpoint = harness.endpoint("batch", instances=2, model="timed", include=True)
        for asked in (items // 10, items):
            outcome = run(endpoint, "this_client_batch", asked, 0)
            figures = outcome.figures
            whole = (figures["done"], figures["written"], figures["failed"]) == (asked, asked, 0)
            ended = f"{figures['written']:,} ({figures['done']:,} done, {figures['failed']:,} failed)"
            report.bar("batch", f"{asked:,} items: results in files", ended, whole, f"{asked:,}")
            report.add("batch", f"{asked:,} items: rate", f"{asked / outcome.wall:.0f} a second")
            report.add("batch", f"{asked:,} items: calls an item", f"{outcome.calls_each:.2f}")
            report.add("batch", f"{asked:,} items: peak of memory", f"{figures['megabytes']:.0f} MB")
            peaks.append(figures["megabytes"])
    ratio = peaks[1] / peaks[0]
    report.bar("batch", f"peak at {items:,} ÷ peak at {items // 10:,}", f"{ratio:.2f}", ratio <= 1.2, "≤ 1.2")
