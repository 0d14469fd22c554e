"""Predictions are refused when they are expected to wait too long, and accepted where nothing is known."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.http_api.access.backlog import expected_wait
from async_endpoint.http_api.endpoint_status import Backlog, Instances
from support.api_client import Api, create_api
from support.in_memory_aws import FakeAws, client_error

NOW = datetime.fromtimestamp(0, UTC)


@pytest.mark.parametrize(
    ("size", "oldest", "processing", "current", "desired", "seconds"),
    [
        (40, 9.0, 2.0, 2, 2, 10.0),  # 40 requests of 2 s, 8 at a time
        (40, 9.0, 2.0, 1, 2, 10.0),  # an instance that is starting counts
        (40, 9.0, 2.0, 0, 0, 20.0),  # one that will wake counts
        (0, None, 2.0, 0, 0, 0.0),
        (None, None, None, 0, 0, 0.0),
        (40, 300.0, None, 0, 1, 0.0),  # asleep, and no processing time is known: it must be woken
        (40, 300.0, None, 1, 1, 300.0),
    ],
)
def test_the_expected_wait(
    size: int | None, oldest: float | None, processing: float | None, current: int, desired: int, seconds: float
) -> None:
    backlog = Backlog(size, oldest, NOW, processing)
    assert expected_wait(backlog, Instances("InService", current, desired), concurrency=4) == seconds


class FakeCloudWatch:
    """Answers with `values` by the name of a metric, one a minute up to now."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws
        self.values: dict[str, list[float]] = {}
        self.calls = 0
        self.error: Exception | None = None
        self.proceed, self.asked = threading.Event(), threading.Semaphore(0)
        self.proceed.set()

    def get_metric_data(self, **request: Any) -> Mapping[str, Any]:
        self.calls += 1
        self.asked.release()
        self.proceed.wait(5)
        if self.error:
            raise self.error
        results = []
        for query in request["MetricDataQueries"]:
            values = self.values.get(query["MetricStat"]["Metric"]["MetricName"], [])
            times = [datetime.fromtimestamp(self._aws.time.now() - 60 * number, UTC) for number in range(len(values))]
            results.append({"Id": query["Id"], "Timestamps": times, "Values": values, "StatusCode": "Complete"})
        return {"MetricDataResults": results}


@pytest.fixture
def metrics(aws: FakeAws) -> FakeCloudWatch:
    return FakeCloudWatch(aws)


@pytest.fixture
def limited(aws: FakeAws, metrics: FakeCloudWatch) -> Api:
    """An API that accepts predictions with an expected wait of a minute."""
    memory = aws.session
    session = AwsSession(lambda name: metrics if name == "cloudwatch" else memory.client(name), "eu-west-1")
    return create_api(aws, session, max_wait=60.0)


def test_a_backlog_that_takes_longer_is_503(limited: Api, metrics: FakeCloudWatch) -> None:
    metrics.values = {"ApproximateBacklogSize": [200, 5], "TotalProcessingTime": [2_000, 4_000]}
    refused = limited.submit()
    assert refused.status_code == 503, refused.text
    assert refused.json()["type"].endswith(":backlog-too-large") and refused.json()["expected_wait_seconds"] == 150
    assert refused.headers["retry-after"] == "90"
    assert not limited.requests and not limited.state("records/")
    assert limited.submit().status_code == 503 and metrics.calls == 1
    limited.aws.time.sleep(60)
    metrics.values = {"ApproximateBacklogSize": [40]}  # the processing time last known is 3 s
    assert limited.submit().status_code == 202
    limited.aws.time.sleep(60)
    metrics.values["ApproximateBacklogSize"] = [100]
    assert limited.submit().status_code == 503


def test_a_repetition_is_not_refused(limited: Api, metrics: FakeCloudWatch) -> None:
    made = limited.submit(b"[1]", "order-7")
    limited.aws.time.sleep(60)
    metrics.values = {"ApproximateBacklogSize": [200], "TotalProcessingTime": [3_000]}
    assert limited.submit(b"[2]", "order-8").status_code == 503
    again = limited.submit(b"[1]", "order-7")
    assert (again.status_code, again.json()) == (202, made.json())
    assert limited.submit(b"[2]", "order-7").status_code == 409


def test_without_metrics_predictions_are_accepted(limited: Api, metrics: FakeCloudWatch) -> None:
    metrics.error = client_error("Throttling", "Rate exceeded")
    assert [limited.submit().status_code for _ in range(5)] == [202] * 5
    assert metrics.calls == 1  # a service that fails is not asked for each prediction
    metrics.error = None
    metrics.values = {"ApproximateBacklogSize": [200], "TotalProcessingTime": [3_000]}
    limited.aws.time.sleep(5)
    assert limited.submit().status_code == 503


def test_while_metrics_are_read_again_others_do_not_wait(limited: Api, metrics: FakeCloudWatch) -> None:
    assert limited.submit().status_code == 202
    limited.aws.time.sleep(61)
    metrics.asked.acquire()
    metrics.proceed.clear()
    slow = threading.Thread(target=limited.endpoint.status.backlog)
    slow.start()
    assert metrics.asked.acquire(timeout=5)
    assert limited.submit().status_code == 202
    metrics.proceed.set()
    slow.join(5)
    assert metrics.calls == 2


def test_without_a_limit_no_metric_is_read(api: Api) -> None:
    assert api.submit().status_code == 202  # FakeAws has no CloudWatch
