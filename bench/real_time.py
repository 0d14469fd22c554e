"""InvokeEndpoint beside a call of the container that answers it."""

from __future__ import annotations

import statistics
import time

from bench.harness import Harness
from bench.load import BODY
from bench.overhead import CONCURRENCY, direct, percentiles, timed
from bench.report import Report


def measure(report: Report, requests: int) -> None:
    """Latency and rate of the same number of calls, four at a time."""
    with Harness() as harness, direct() as direct_call:
        endpoint = harness.endpoint("real-time", concurrency=CONCURRENCY, real_time=True)

        def invoke() -> None:
            answer = harness.runtime.invoke_endpoint(EndpointName=endpoint.name, Body=BODY, ContentType="application/json")
            assert answer["Body"].read() == BODY

        medians = {}
        for name, call in (("direct POST /invocations", direct_call), ("InvokeEndpoint, with boto3", invoke)):
            timed(call, requests // 4)
            begun, cpu = time.monotonic(), harness.cpu
            taken = timed(call, requests)
            medians[name] = statistics.median(taken)
            report.add("real time", f"{name}, {CONCURRENCY} at a time", percentiles(taken))
            report.add("real time", f"{name}, rate", f"{requests / (time.monotonic() - begun):.0f} a second")
        report.add("real time", "CPU of the local AWS an InvokeEndpoint", f"{(harness.cpu - cpu) / requests * 1e3:.2f} ms")
        direct_ms, invoked_ms = medians.values()
        report.add(
            "real time",
            "InvokeEndpoint, over the direct call",
            f"{invoked_ms - direct_ms:.1f} ms median, boto3's own work included",
        )
