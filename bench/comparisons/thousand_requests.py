"""A thousand small requests by this client, before and after the filter policies of its reply queue take effect; and one."""

from __future__ import annotations

from bench.comparisons.compare import Outcome, run
from bench.harness import TIME_SCALE, Harness
from bench.program import until
from bench.report import Report

SECTION = "thousand requests"
FILTER_DELAY_MINUTES = 5.0  # AWS minutes: half a minute here, longer than the first run
MADE = ("sqs:CreateQueue", "sns:Subscribe")


def measure(report: Report, requests: int) -> None:
    """The model answers at once; two instances compute."""
    with Harness(filter_delay=FILTER_DELAY_MINUTES) as harness:
        endpoint = harness.endpoint("thousand", instances=2, model="timed", include=True)
        one = run(endpoint, "this_client", 1, 0)
        report.bar(SECTION, "one request: calls", f"{one.calls_each:.0f}", one.calls_each <= 3, "≤ 3")
        begun = harness.now()
        first = run(endpoint, "this_client", requests, 0)
        _report(report, "first run, filters inactive", first, 2.1)
        inactive = harness.now() - begun < 60 * FILTER_DELAY_MINUTES
        report.bar(SECTION, "first run ended before the filters worked", str(inactive), inactive, "True")
        until(lambda: harness.now() - begun > 60 * FILTER_DELAY_MINUTES + TIME_SCALE * first.wall, "the filters work")
        second = run(endpoint, "this_client", requests, 0)
        _report(report, "second run, the same queue", second, 1.3)
        made = sum(second.calls[action] for action in MADE)
        report.bar(SECTION, "second run: queues and subscriptions made", str(made), made == 0, "0")
        _report(report, "listing", run(endpoint, "this_client", requests, 0, collect="listing"), 2.1)


def _report(report: Report, name: str, outcome: Outcome, calls: float) -> None:
    text = f"{outcome.calls_each:.2f}"
    report.bar(SECTION, f"{name}: calls a request", text, outcome.calls_each <= calls, f"≤ {calls}")
    lags = f"{outcome.median:.3f} s median, {outcome.p99:.3f} s at the 99th percentile"
    report.add(SECTION, f"{name}: answer → caller", lags)
    actions = ", ".join(f"{action.partition(':')[2]} {count:,}" for action, count in outcome.calls.most_common(4))
    report.add(SECTION, f"{name}: most called", actions)
    report.add(SECTION, f"{name}: requests a second", f"{outcome.requests / outcome.wall:.0f}")
