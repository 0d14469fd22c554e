"""Where the time of one request went, as far as the caller can know it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.results import Submitted
from async_endpoint.core import metrics
from async_endpoint.core.metrics import Metric
from async_endpoint.core.notifications import Notification
from async_endpoint.core.outputs import Endpoint

LOOK_SECONDS: Final = 1.0  # between two looks at the instances while waiting
AROUND: Final = timedelta(minutes=2)  # a datapoint carries the beginning of its minute


@dataclass(frozen=True)
class Latency:
    """Seconds of each phase; None for what could not be known.

    `upload`, `accept`, `wake` and `collect` by the caller's clock: putting the input (0 when it went inline), the call, until
    the first instance served (0 when one did), and from the result's being written (to the second) to its being seen. `queue`
    and `compute` by the endpoint's own metrics, TimeInBacklog and ModelLatency, averages of their minute: the wait for an
    instance, waking included, and the model. A local AWS's queue runs in its own time.
    """

    upload: float | None = None
    accept: float | None = None
    wake: float | None = None
    queue: float | None = None
    compute: float | None = None
    collect: float | None = None

    @property
    def known(self) -> dict[str, float]:
        """The phases that are known, in the order of a request's life."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


class WakeWatch:
    """Waits for an invocation, looking at the endpoint's instances meanwhile."""

    def __init__(self, session: AwsSession, endpoint_name: str, now: Callable[[], float]) -> None:
        self._session, self._name, self._now = session, endpoint_name, now
        self._begun = now()
        self.seconds: float | None = None  # until an instance served; None until then, or where one may not look
        self._look()
        if self.seconds is not None:
            self.seconds = 0.0

    def wait(self, invocation: Invocation) -> None:
        """Until the invocation has its outcome."""
        while not invocation.done():
            try:
                invocation.exception(timeout=LOOK_SECONDS)
            except TimeoutError:
                self._look()

    def _look(self) -> None:
        if self.seconds is not None:
            return
        try:
            variants = self._session.sagemaker.describe_endpoint(EndpointName=self._name).get("ProductionVariants", [])
        except (BotoCoreError, ClientError):
            return
        if any(variant.get("CurrentInstanceCount", 0) > 0 for variant in variants):
            self.seconds = self._now() - self._begun


def split(
    session: AwsSession,
    endpoint: Endpoint,
    submitted: Submitted,
    invocation: Invocation,
    wake: float | None,
    told: Notification | None,
) -> Latency:
    """The latency of a request that has completed; `told` is its success notification, which says when to look for metrics."""
    queue, compute = (_average(session, endpoint, metric, told) for metric in (metrics.TIME_IN_BACKLOG, metrics.MODEL_LATENCY))
    collect = None
    if invocation.written_at is not None and invocation.seen_at is not None:
        collect = max(0.0, invocation.seen_at - invocation.written_at)
    return Latency(
        upload=submitted.upload_seconds,
        accept=submitted.accept_seconds,
        wake=wake,
        queue=None if queue is None else queue / 1e3,  # published in milliseconds
        compute=None if compute is None else compute / 1e6,  # in microseconds
        collect=collect,
    )


def _average(session: AwsSession, endpoint: Endpoint, metric: Metric, told: Notification | None) -> float | None:
    """Of the minutes around the request; None where nothing is published yet, or may be read."""
    if told is None or told.received_time is None or told.event_time is None:
        return None
    try:
        points: list[dict[str, Any]] = session.cloudwatch.get_metric_statistics(
            Namespace=metrics.NAMESPACE,
            MetricName=metric.name,
            Dimensions=metric.dimensions(endpoint.name, endpoint.variant_name),
            StartTime=datetime.fromisoformat(told.event_time) - AROUND,
            EndTime=datetime.fromisoformat(told.event_time) + AROUND,
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
    except (BotoCoreError, ClientError, ValueError, KeyError):
        return None
    return float(max(points, key=lambda point: point["Timestamp"])["Average"]) if points else None
