"""A published experiment: four requests of five seconds at once, two instances that take one at a time.

Through the API they run in two rounds; an API that calls InvokeEndpoint inside an asynchronous route runs them one by one.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

from bench.harness import Endpoint, Harness
from bench.http_api.processes import NAME, ApiProcess, served
from bench.load import together
from bench.report import Report

REQUESTS, INSTANCES, SECONDS = 4, 2, 5.0
LONGEST_SECONDS = 11.0
BODY = b'{"seconds": 5}'


def measure(report: Report) -> None:
    """Both in turn, by the timestamps of the model's handler."""
    with Harness() as harness:
        waiting = harness.endpoint("rounds", instances=INSTANCES, concurrency=1, model="timed")
        with served(waiting) as process:
            documents, wall = _together(process, "POST", f"/v1/endpoints/{NAME}/predictions")
        ran = [one["output"] for one in documents]
        live = harness.endpoint("live", instances=INSTANCES, concurrency=1, model="timed", real_time=True)
        ran_live, wall_live = _synchronous(live)
    met = _rounds(ran) == REQUESTS // INSTANCES and _handler_seconds(ran) <= LONGEST_SECONDS
    report.bar("http api four requests", "this API", _text(ran, wall), met, f"2 rounds, ≤ {LONGEST_SECONDS:.0f} s on instances")
    report.add("http api four requests", "a synchronous API of FastAPI and boto3", _text(ran_live, wall_live))


def _text(ran: list[Any], wall: float) -> str:
    on_instances = f"{_rounds(ran)} rounds, {_handler_seconds(ran):.1f} s on instances"
    return f"{on_instances}; the last caller has its result after {wall:.1f} s"


def _synchronous(endpoint: Endpoint) -> tuple[list[Any], float]:
    with ApiProcess("synchronous_api", endpoint, {"endpoint": endpoint.name}) as process:
        return _together(process, "POST", "/")


def _together(process: ApiProcess, method: str, path: str) -> tuple[list[Any], float]:
    """The documents of the four requests, sent at once, and the seconds until the last has its own."""
    documents: list[Any] = []

    def one(number: int) -> None:
        status, document = process.request(method, path, BODY, Prefer="wait=25")
        if status != 200:
            raise RuntimeError(f"{status}: {document}")
        documents.append(document)

    begun = time.monotonic()
    together(one, range(REQUESTS), REQUESTS)
    return documents, time.monotonic() - begun


def _handler_seconds(ran: list[Any]) -> float:
    """From the first begin to the last end, by the handlers' timestamps."""
    ends = sorted(one["answered"] for one in ran)
    return float(ends[-1] - ends[0] + SECONDS)


def _rounds(ran: list[Any]) -> int:
    """How many groups of requests ended together: two ends within half an inference are of one round."""
    ends = sorted(one["answered"] for one in ran)
    return 1 + sum(bool(later - earlier > SECONDS / 2) for earlier, later in itertools.pairwise(ends))
