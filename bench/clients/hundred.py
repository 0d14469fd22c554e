"""The same hundred requests by each client: calls a request, and how long a result lies there before its caller has it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.clients.contest import Outcome, run
from bench.report import Report
from bench.stand import Stand

SECONDS, CONCURRENCY = 0.2, 4  # of compute, and how many at a time: a hundred take five seconds


@dataclass(frozen=True)
class Contender:
    """A client with settings. `share` is how much of the requests it is given: one that sends one after another gets few."""

    name: str
    script: str
    settings: dict[str, object]
    share: float = 1.0
    drawn: bool = True


CONTENDERS = (
    Contender("this client, notifications", "ours", {}),
    Contender("this client, listing", "ours", {"collect": "listing"}),
    Contender("SageMaker SDK, defaults", "sagemaker_sdk", {"best": False}),
    Contender("SageMaker SDK, best", "sagemaker_sdk", {"best": True}),
    Contender("aiobotocore gather, defaults", "gathered", {"best": False}),
    Contender("aiobotocore gather, best", "gathered", {"best": True}),
    Contender("boto3 one by one, defaults", "sequential", {"best": False}, 0.05, drawn=False),
    Contender("boto3 one by one, best", "sequential", {"best": True}, 0.1, drawn=False),
)


def measure(report: Report, requests: int) -> None:
    """Each client on the same endpoint, one after another."""
    with Stand() as stand:
        endpoint = stand.endpoint("hundred", concurrency=CONCURRENCY, model="timed", include=True)
        run(endpoint, "ours", CONCURRENCY, 0)  # the first requests load what the later ones use
        for contender in CONTENDERS:
            asked = max(round(requests * contender.share), 2)
            outcome = run(endpoint, contender.script, asked, SECONDS, **contender.settings)
            _tell(report, contender, outcome)
            if contender.drawn:
                report.plot(contender.name, _shares(outcome.lags))


def _tell(report: Report, contender: Contender, outcome: Outcome) -> None:
    name = f"{contender.name}, {outcome.requests} requests"
    lag = f"{outcome.median:.3f} s median, {outcome.p99:.3f} s at the 99th percentile"
    told = f"{outcome.calls_each:.2f} calls a request; {lag}"
    if contender is CONTENDERS[0]:
        report.bar("hundred", name, told, outcome.median <= 0.15 and outcome.p99 <= 1.0, "≤ 0.150 s, ≤ 1 s")
    else:
        report.add("hundred", name, told)


def _shares(lags: list[float]) -> list[tuple[float, float]]:
    """Percent of the results that were with their caller after so many seconds."""
    return [(0.0, 0.0), *((lag, 100 * (place + 1) / len(lags)) for place, lag in enumerate(lags))]
