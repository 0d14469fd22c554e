"""Two experiments that people have published, done again."""

from __future__ import annotations

from bench.clients.contest import run
from bench.report import Report
from bench.stand import Stand

IMAGE_SECONDS, IMAGE_INSTANCES, IMAGE_CONCURRENCY = 0.28, 2, 2
SLOW_SECONDS, SLOW_REQUESTS = 5.0, 4


def hundred_images(report: Report, images: int) -> None:
    """Seed 001: a hundred images of 0.28 s, pushed one after another, took 28 s on one instance."""
    ideal = images * IMAGE_SECONDS / (IMAGE_INSTANCES * IMAGE_CONCURRENCY)
    with Stand() as stand:
        endpoint = stand.endpoint(
            "images", instances=IMAGE_INSTANCES, concurrency=IMAGE_CONCURRENCY, model="timed", include=True
        )
        run(endpoint, "ours", IMAGE_INSTANCES * IMAGE_CONCURRENCY, 0)
        ours = run(endpoint, "ours", images, IMAGE_SECONDS)
        pushed = {best: run(endpoint, "pushed", images, IMAGE_SECONDS, best=best) for best in (False, True)}
    shape = f"{images} × {IMAGE_SECONDS} s ÷ ({IMAGE_INSTANCES} instances × {IMAGE_CONCURRENCY})"
    report.add("seed 001", shape, f"{ideal:.1f} s")
    for best, outcome in pushed.items():
        name = f"boto3 pushes all, then waits for each, {'best' if best else 'defaults'}"
        report.add("seed 001", name, f"{outcome.wall:.1f} s, {outcome.calls_each:.2f} calls a request")
    told = f"{ours.wall:.1f} s ({ours.wall / ideal:.2f}), {ours.calls_each:.2f} calls a request"
    report.bar("seed 001", "this client", told, ours.wall <= 1.1 * ideal, f"≤ {1.1 * ideal:.1f} s (1.1)")


def four_requests(report: Report) -> None:
    """Seed 002: four requests of 5 s on two instances took 20 s one after another, 10 s gathered in real time."""
    with Stand() as stand:
        endpoint = stand.endpoint("four", instances=2, concurrency=1, model="timed", include=True)
        run(endpoint, "ours", 2, 0)
        outcomes = {
            "boto3 one by one, best": run(endpoint, "sequential", SLOW_REQUESTS, SLOW_SECONDS, best=True),
            "aiobotocore gather, best": run(endpoint, "gathered", SLOW_REQUESTS, SLOW_SECONDS, best=True),
            "this client": run(endpoint, "ours", SLOW_REQUESTS, SLOW_SECONDS),
        }
    for name, outcome in outcomes.items():
        told = f"{outcome.wall:.1f} s, {outcome.calls_each:.2f} calls a request"
        if name == "this client":
            report.bar("seed 002", name, told, outcome.wall <= 11, "≤ 11 s")
        else:
            report.add("seed 002", name, told)
