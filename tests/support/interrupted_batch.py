"""Run as a script: runs `async-endpoint batch` repeatedly and interrupts each run at a given call of a given function.

Each run is a fork of this process before it loads this package, so that loading and ending are interrupted too. The
child counts the calls of all its threads, C functions too, and sends itself SIGINT at the numbers given. A first run is not
interrupted, and counts. Prints a JSON list: calls at which it was interrupted, exit code, what it wrote to standard error.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

order: dict[str, Any] = json.loads(sys.argv[1])
COUNT, SAID = Path(order["scratch"], "count"), Path(order["scratch"], "said")


def outputs_of_the_test(environment: str, *, local: bool) -> Any:
    from async_endpoint.aws import AwsSession  # noqa: PLC0415 - loading is interrupted, too
    from async_endpoint.core.outputs import AsyncEndpointOutputs  # noqa: PLC0415

    url = order["url"]
    access = SimpleNamespace(endpoint_url=url, role_arn=None, session=lambda region: AwsSession.create(region, url))
    return AsyncEndpointOutputs.parse(order["outputs"]), access


def begin(interrupts: list[int]) -> None:
    """One run, in a process that ends with it."""
    deployed: Any = types.ModuleType("async_endpoint.terraform.outputs")
    deployed.read_endpoint = outputs_of_the_test
    sys.modules[deployed.__name__] = deployed
    said = os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 2)
    os.dup2(said, 1)
    sys.argv = ["async-endpoint", "batch", "local", order["source"], "--out", order["out"]]
    from async_endpoint.cli.entry import main  # noqa: PLC0415

    calls = itertools.count()
    left = sorted(interrupts)

    def count(frame: Any, *_: Any) -> None:
        # Not in a callback of importlib's weak references: Python itself prints what is raised there, and drops it.
        number, in_callback = (
            next(calls),
            frame.f_code.co_filename.startswith("<frozen importlib") and frame.f_code.co_name == "cb",
        )
        if left and number >= left[0] and not in_callback:
            left.pop(0)
            os.kill(os.getpid(), signal.SIGINT)

    try:
        threading.setprofile(count)
        sys.setprofile(count)
        main()
    finally:
        COUNT.write_text(str(next(calls)))


def run(interrupts: list[int]) -> tuple[int, str]:
    """Exit code and words of one run."""
    child = os.fork()
    if child == 0:
        begin(interrupts)
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), SAID.read_text(errors="replace")


signal.signal(signal.SIGINT, signal.default_int_handler)
first = run([])
total, points = int(COUNT.read_text()), order["points"]
Path(order["out"]).rename(f"{order['out']}-uninterrupted")
found: list[tuple[list[int], int, str]] = [([], *first)]
for number in range(points):
    at = int(total * (number + 0.5) / points)
    interrupts = [at] if number % 2 else [at, at + 500]
    found.append((interrupts, *run(interrupts)))
print(json.dumps(found))
