"""`python -m bench`: measure, show, and write results.md, clients.md, http_api.md and capacity.md beside this file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench import capacity, drain, overhead, planning, rates, real_time, revisions, signatures, starting
from bench.comparisons import batch, container, experiments, hundred_requests, submission, thousand_requests
from bench.http_api import four_requests, submissions
from bench.report import CAPACITY, CLIENTS, HTTP_API, LOCAL_AWS, REVISIONS, Page, Report

PARTS = [*LOCAL_AWS.sections, *CLIENTS.sections, *HTTP_API.sections, *CAPACITY.sections]


def main() -> int:
    """Exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the local AWS from outside, the client beside others, the HTTP API, and the simulator.",
    )
    parser.add_argument("--requests", type=int, default=10_000, help="requests that queue, and items of the batch (10000)")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for the pages and the drawings")
    parser.add_argument("--against", type=Path, help="another checkout, set up: compare only the local AWS of both")
    options = parser.parse_args()
    if options.against:
        return _against(options.against.resolve())
    wanted = options.only or PARTS
    requests = options.requests // 10 if options.quick else options.requests
    missed = [
        line
        for page, measures in ((LOCAL_AWS, local_aws), (CLIENTS, clients), (HTTP_API, http_api), (CAPACITY, simulator))
        for line in _measure(page, measures, requests, [part for part in page.sections if part in wanted], options.output)
    ]
    for line in missed:
        Console(stderr=True).print(f"[red]missed[/] {line}")
    return 1 if missed else 0


def _against(other: Path) -> int:
    """Compare this checkout's local AWS with another's; exit code 1 when it costs more than allowed."""
    report = Report(REVISIONS)
    revisions.measure(report, other, 100)
    report.show(Console(stderr=True))
    return 1 if report.missed else 0


def local_aws(report: Report, requests: int) -> dict[str, Callable[[], None]]:
    """What the local AWS costs, by part."""
    return {
        "queued": lambda: drain.measure(report, requests),
        "together": lambda: rates.measure(report, max(requests // 4, 100)),
        "overhead": lambda: overhead.measure(report, max(requests // 25, 100)),
        "real time": lambda: real_time.measure(report, max(requests // 10, 100)),
        "starting": lambda: starting.measure(report),
        "signatures": lambda: signatures.measure(report, max(requests // 5, 200)),
        "planning": lambda: planning.measure(report, 2 if requests < 5_000 else planning.ROUNDS),
    }


def clients(report: Report, requests: int) -> dict[str, Callable[[], None]]:
    """The client beside others, by part."""
    return {
        "hundred requests": lambda: hundred_requests.measure(report, max(requests // 100, 20)),
        "thousand requests": lambda: thousand_requests.measure(report, max(requests // 10, 100)),
        "submission": lambda: submission.measure(report, max(requests // 10, 100)),
        "batch": lambda: batch.measure(report, max(requests, 1_000)),
        "hundred images": lambda: experiments.hundred_images(report, max(requests // 100, 20)),
        "four requests": lambda: experiments.four_requests(report),
        "container": lambda: container.measure(report),
    }


def http_api(report: Report, requests: int) -> dict[str, Callable[[], None]]:
    """The HTTP API in front of an endpoint, by part."""
    return {
        "http api": lambda: submissions.measure(report, max(requests // 10, 100)),
        "http api memory": lambda: submissions.memory(report, 2 * requests),
        "http api four requests": lambda: four_requests.measure(report),
    }


def simulator(report: Report, requests: int) -> dict[str, Callable[[], None]]:
    """The simulator, by part."""
    return {"simulation": lambda: capacity.measure(report, requests * 1_000)}


def _measure(
    page: Page,
    measures: Callable[[Report, int], dict[str, Callable[[], None]]],
    requests: int,
    wanted: list[str],
    folder: Path,
) -> list[str]:
    """The bars of a page that were missed; nothing is written where nothing was wanted."""
    if not wanted:
        return []
    console, report, begun = Console(stderr=True), Report(page), time.monotonic()
    parts = measures(report, requests)
    for part in wanted:
        console.print(f"measuring: {part}")
        parts[part]()
    report.show(console)
    command = " ".join(["python -m bench", *(item for item in sys.argv[1:] if not item.startswith("/"))])
    report.write(folder, command, time.monotonic() - begun)
    return report.missed


if __name__ == "__main__":
    sys.exit(main())
