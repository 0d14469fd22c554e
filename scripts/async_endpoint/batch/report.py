"""The report of a batch: counts, latencies and failure reasons in `report.json`, and a line per item in `items.jsonl`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.batch.manifest import Manifest
from async_endpoint.batch.results import ITEMS, REPORT, Results

MAX_REASONS: Final = 20  # in the report, the most frequent first


@dataclass(frozen=True)
class Reason:
    """The first line of a failure reason, and how many items have it."""

    text: str
    items: int


@dataclass(frozen=True)
class BatchReport:
    """The batch over all its runs; `run_seconds`, `ended_in_run` and `rate` are the last run's.

    Latencies are in seconds from submission to result: median, 95th percentile, longest. `open` items have no outcome yet.
    """

    environment: str
    endpoint: str
    source: str
    folder: str
    runs: int
    items: int
    done: int
    failed: int
    open: int
    run_seconds: float
    ended_in_run: int
    rate: float
    median_seconds: float | None
    p95_seconds: float | None
    longest_seconds: float | None
    reasons: tuple[Reason, ...]

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def write_report(results: Results, manifest: Manifest, report: BatchReport) -> None:
    """Write `report.json`, and `items.jsonl` with one line per item."""
    results.write_json(REPORT, report.as_dict())
    results.write_lines(ITEMS, _lines(results, manifest))


def _lines(results: Results, manifest: Manifest) -> Iterator[dict[str, Any]]:
    for record in manifest.records():
        request = record.request or {}
        path = {"done": results.result_path, "failed": results.failure_path}.get(record.state)
        yield {
            "name": record.name,
            "state": record.state,
            "attempts": record.attempts,
            "file": path(record.name).relative_to(results.folder).as_posix() if path else None,
            "bytes": record.bytes,
            "seconds": record.seconds,
            "reason": record.reason,
            "inference_id": request.get("inference_id"),
            "output_location": request.get("output_location"),
            "failure_location": request.get("failure_location"),
        }
