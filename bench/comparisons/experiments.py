"""Two published experiments, repeated."""

from __future__ import annotations

from bench.comparisons.compare import run
from bench.harness import Harness
from bench.report import Report

IMAGE_SECONDS, IMAGE_INSTANCES, IMAGE_CONCURRENCY = 0.28, 2, 2
SLOW_SECONDS, SLOW_REQUESTS = 5.0, 4


def hundred_images(report: Report, images: int) -> None:
    """A hundred images of 0.28 s, pushed one after another, took 28 s on one instance."""
    ideal = images * IMAGE_SECONDS / (IMAGE_INSTANCES * IMAGE_CONCURRENCY)
    with Harness() as harness:
        endpoint = harness.endpoint(
            "images", instances=IMAGE_INSTANCES, concurrency=IMAGE_CONCURRENCY, model="timed", include=True
        )
        run(endpoint, "this_client", IMAGE_INSTANCES * IMAGE_CONCURRENCY, 0)
        this_client = run(endpoint, "this_client", images, IMAGE_SECONDS)
        pushed = {best: run(endpoint, "boto3_push_then_wait", images, IMAGE_SECONDS, best=best) for best in (False, True)}
    shape = f"{images} × {IMAGE_SECONDS} s ÷ ({IMAGE_INSTANCES} instances × {IMAGE_CONCURRENCY})"
    report.add("hundred images", shape, f"{ideal:.1f} s")
    for best, outcome in pushed.items():
        name = f"boto3 pushes all, then waits for each, {'best' if best else 'defaults'}"
        report.add("hundred images", name, f"{outcome.wall:.1f} s, {outcome.calls_each:.2f} calls a request")
    text = f"{this_client.wall:.1f} s ({this_client.wall / ideal:.2f}), {this_client.calls_each:.2f} calls a request"
    report.bar("hundred images", "this client", text, this_client.wall <= 1.1 * ideal, f"≤ {1.1 * ideal:.1f} s (1.1)")


def four_requests(report: Report) -> None:
    """Four requests of 5 s on two instances took 20 s one after another, 10 s gathered in real time."""
    with Harness() as harness:
        endpoint = harness.endpoint("four", instances=2, concurrency=1, model="timed", include=True)
        run(endpoint, "this_client", 2, 0)
        outcomes = {
            "boto3 one by one, best": run(endpoint, "boto3_sequential", SLOW_REQUESTS, SLOW_SECONDS, best=True),
            "aiobotocore gather, best": run(endpoint, "aiobotocore_gather", SLOW_REQUESTS, SLOW_SECONDS, best=True),
            "this client": run(endpoint, "this_client", SLOW_REQUESTS, SLOW_SECONDS),
        }
    for name, outcome in outcomes.items():
        text = f"{outcome.wall:.1f} s, {outcome.calls_each:.2f} calls a request"
        if name == "this client":
            report.bar("four requests", name, text, outcome.wall <= 11, "≤ 11 s")
        else:
            report.add("four requests", name, text)
