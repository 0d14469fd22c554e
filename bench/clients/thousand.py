"""A thousand small requests by this client: how many calls that takes, by notifications and by listing."""

from __future__ import annotations

from bench.clients.contest import run
from bench.report import Report
from bench.stand import Stand

CASES = (("notifications", {}, 1.3), ("listing", {"collect": "listing"}, 2.1))


def measure(report: Report, requests: int) -> None:
    """The model answers at once; two instances compute."""
    with Stand() as stand:
        endpoint = stand.endpoint("thousand", instances=2, model="timed", include=True)
        for name, settings, bar in CASES:
            outcome = run(endpoint, "ours", requests, 0, **settings)
            told = f"{outcome.calls_each:.2f}"
            report.bar("thousand", f"{name}: calls a request", told, outcome.calls_each <= bar, f"≤ {bar}")
            actions = ", ".join(f"{action.partition(':')[2]} {count:,}" for action, count in outcome.calls.most_common(4))
            report.add("thousand", f"{name}: most called", actions)
            report.add("thousand", f"{name}: requests a second", f"{outcome.requests / outcome.wall:.0f}")
