"""`python -m bench`: measure, show, and write results.md and cost.svg beside this file."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from bench import drain, overhead, rates, real_time, starting
from bench.report import LOCAL_AWS, Report

PARTS = ("queued", "together", "overhead", "real time", "starting")


def main() -> int:
    """Exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the local AWS from outside.")
    parser.add_argument("--requests", type=int, default=10_000, help="requests that queue (10000)")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for results.md and cost.svg")
    options = parser.parse_args()
    requests = options.requests // 10 if options.quick else options.requests
    console, report, begun = Console(stderr=True), Report(LOCAL_AWS), time.monotonic()
    measures = {
        "queued": lambda: drain.measure(report, requests),
        "together": lambda: rates.measure(report, max(requests // 4, 100)),
        "overhead": lambda: overhead.measure(report, max(requests // 25, 100)),
        "real time": lambda: real_time.measure(report, max(requests // 10, 100)),
        "starting": lambda: starting.measure(report),
    }
    for part in options.only or PARTS:
        console.print(f"measuring: {part}")
        measures[part]()
    report.show(console)
    command = " ".join(["python -m bench", *(item for item in sys.argv[1:] if not item.startswith("/"))])
    report.write(options.output, command, time.monotonic() - begun)
    for missed in report.missed:
        console.print(f"[red]missed[/] {missed}")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
