"""A thousand small requests by this client: how many calls that takes, by notifications and by listing."""

from __future__ import annotations

from bench.comparisons.compare import run
from bench.harness import Harness
from bench.report import Report

CASES = (("notifications", {}, 1.3), ("listing", {"collect": "listing"}, 2.1))


def measure(report: Report, requests: int) -> None:
    """The model answers at once; two instances compute."""
    with Harness() as harness:
        endpoint = harness.endpoint("thousand", instances=2, model="timed", include=True)
        for name, settings, bar in CASES:
            outcome = run(endpoint, "this_client", requests, 0, **settings)
            text = f"{outcome.calls_each:.2f}"
            report.bar("thousand requests", f"{name}: calls a request", text, outcome.calls_each <= bar, f"≤ {bar}")
            actions = ", ".join(f"{action.partition(':')[2]} {count:,}" for action, count in outcome.calls.most_common(4))
            report.add("thousand requests", f"{name}: most called", actions)
            report.add("thousand requests", f"{name}: requests a second", f"{outcome.requests / outcome.wall:.0f}")
