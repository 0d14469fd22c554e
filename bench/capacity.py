"""How fast the simulator is, whether its time is linear in the requests, and how much memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

from bench.report import Report

BASE = 100_000
MAX_SECONDS_A_MILLION = 10.0
MAX_BYTES_A_REQUEST = 60.0
ROUNDS = 3

# In a process of its own: its memory is that of this simulation. Utilization is the same for each number of requests.
PROGRAM = """
import json, re, sys, time
from pathlib import Path
from async_endpoint.capacity.arrivals.models import Poisson, generate
from async_endpoint.capacity.distributions import LogNormal
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.capacity.simulation import simulate
from async_endpoint.capacity.workload import Workload

def kilobytes(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

requests, rate, START = int(sys.argv[1]), float(sys.argv[2]), 1_700_006_400.0
end = START + requests / rate
arrivals = generate(Poisson(rate), START, end, seed=1)
workload = Workload.of(arrivals, LogNormal(8, 20), START, end, seed=2)
settings = ModuleSettings(max_instances=10, max_concurrent_invocations=1).settings()
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far (Linux)
before = kilobytes("VmRSS")
begun = time.process_time()
found = simulate(settings, workload, starts=LogNormal(120, 300), seed=3)
seconds = time.process_time() - begun
waits = [found.wait(50), found.wait(95), found.wait(99)]
print(json.dumps({"requests": len(workload), "seconds": seconds, "kilobytes": kilobytes("VmHWM") - before, "waits": waits}))
"""


def measure(report: Report, largest: int) -> None:
    """A tenth of `largest`, and so on down to BASE or less, at one request a second; and a week with 9,000 requests."""
    sizes = sorted({max(largest // divisor, 1_000) for divisor in (100, 10, 1)})
    found = {size: _best(size, 1.0) for size in sizes}
    for size, one in found.items():
        each = one["seconds"] / one["requests"] * 1e6
        report.add("simulation", f"{size:,} requests", f"{one['seconds']:.2f} s, {each:.2f} µs a request")
    per_million = found[sizes[-1]]["seconds"] / found[sizes[-1]]["requests"] * 1e6
    report.bar("simulation", "a million requests", f"{per_million:.1f} s", per_million <= MAX_SECONDS_A_MILLION, "≤ 10 s")
    for less, more in pairwise(sizes):
        ratio = found[more]["seconds"] / found[less]["seconds"] / (found[more]["requests"] / found[less]["requests"])
        report.bar("simulation", f"time a request: {more:,} ÷ {less:,}", f"{ratio:.2f}", ratio <= 1.2, "≤ 1.2")
    grown = found[sizes[-1]]["kilobytes"] * 1024 / found[sizes[-1]]["requests"]
    report.bar(
        "simulation",
        f"memory of {sizes[-1]:,} requests, their percentiles included, beyond the workload",
        f"{grown:.0f} bytes a request",
        grown <= MAX_BYTES_A_REQUEST,
        f"≤ {MAX_BYTES_A_REQUEST:.0f}",
    )
    week = _best(9_000, 9_000 / (7 * 86_400))
    report.add("simulation", "a week with 9,000 requests, evenly spread", f"{week['seconds'] * 1e3:.0f} ms")


def _best(requests: int, rate: float) -> dict[str, Any]:
    """The fastest of some runs: what other processes add is not the simulator's."""
    command = [sys.executable, "-c", PROGRAM, str(requests), str(rate)]
    rounds = 1 if requests > BASE * 10 else ROUNDS
    runs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)]
    best: dict[str, Any] = min(runs, key=lambda run: run["seconds"])
    return best
