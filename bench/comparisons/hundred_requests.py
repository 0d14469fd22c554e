"""The same hundred requests by each client: calls a request, and the time from a result to its caller."""

from __future__ import annotations

from dataclasses import dataclass

from bench.comparisons.compare import Outcome, run
from bench.harness import Harness
from bench.program import until
from bench.report import Report

FILTER_DELAY_MINUTES = 3.0  # AWS minutes: 18 s here
SECONDS, CONCURRENCY = 0.2, 4  # of compute, and how many at a time: a hundred take five seconds


@dataclass(frozen=True)
class Client:
    """A client program with settings. `share` is its part of the requests: a sequential client gets few."""

    name: str
    script: str
    settings: dict[str, object]
    share: float = 1.0
    drawn: bool = True


INACTIVE = Client("this client, filters inactive", "this_client", {})
CLIENTS = (
    Client("this client, notifications", "this_client", {}),
    Client("this client, listing", "this_client", {"collect": "listing"}),
    Client("SageMaker SDK, defaults", "sagemaker_sdk", {"best": False}),
    Client("SageMaker SDK, best", "sagemaker_sdk", {"best": True}),
    Client("aiobotocore gather, defaults", "aiobotocore_gather", {"best": False}),
    Client("aiobotocore gather, best", "aiobotocore_gather", {"best": True}),
    Client("boto3 one by one, defaults", "boto3_sequential", {"best": False}, 0.05, drawn=False),
    Client("boto3 one by one, best", "boto3_sequential", {"best": True}, 0.1, drawn=False),
)


def measure(report: Report, requests: int) -> None:
    """Each client on the same endpoint, one after another; this one first while the filters of its new queue do not work."""
    with Harness(filter_delay=FILTER_DELAY_MINUTES) as harness:
        endpoint = harness.endpoint("hundred", concurrency=CONCURRENCY, model="timed", include=True)
        run(endpoint, "this_client", CONCURRENCY, 0)  # the first requests load what the later ones use
        _report_client(report, INACTIVE, run(endpoint, "this_client", requests, SECONDS))
        working = harness.now() + 60 * FILTER_DELAY_MINUTES
        until(lambda: harness.now() > working, "the filters of the queue work")
        for client in CLIENTS:
            asked = max(round(requests * client.share), 2)
            outcome = run(endpoint, client.script, asked, SECONDS, **client.settings)
            _report_client(report, client, outcome)
            if client.drawn:
                report.plot(client.name, _shares(outcome.lags))


def _report_client(report: Report, client: Client, outcome: Outcome) -> None:
    name = f"{client.name}, {outcome.requests} requests"
    lag = f"{outcome.median:.3f} s median, {outcome.p99:.3f} s at the 99th percentile"
    text = f"{outcome.calls_each:.2f} calls a request; {lag}"
    if client is CLIENTS[0]:
        report.bar("hundred requests", name, text, outcome.median <= 0.15 and outcome.p99 <= 1.0, "≤ 0.150 s, ≤ 1 s")
    elif client is INACTIVE:
        report.bar("hundred requests", name, text, outcome.median <= 1.0, "median ≤ 1 s")
    else:
        report.add("hundred requests", name, text)


def _shares(lags: list[float]) -> list[tuple[float, float]]:
    """Percent of the results that were with their caller after so many seconds."""
    return [(0.0, 0.0), *((lag, 100 * (place + 1) / len(lags)) for place, lag in enumerate(lags))]
