"""Latency: the phases of one request, as far as the caller can measure them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Submitted
from async_endpoint.core import metrics
from async_endpoint.core.metrics import Metric
from async_endpoint.core.notifications import Notification
from async_endpoint.core.outputs import EndpointDetails

POLL_INTERVAL_SECONDS: Final = 1.0  # between two descriptions of the endpoint while waiting
MARGIN: Final = timedelta(minutes=2)  # a datapoint has the timestamp of the start of its minute


@dataclass(frozen=True)
class Latency:
    """Seconds of each phase; None for what could not be measured.

    By the caller's clock: `upload` of the input (0 if it was inline), `accept` of the call, `wake` until the first instance
    served (0 if one did already), and `collect` from the result's LastModified (to the second) until the client saw it. By the
    endpoint's metrics TimeInBacklog and ModelLatency, averages of their minute: `queue`, the wait for an instance including its
    cold start, and `compute`, the model. A local AWS's queue time is in AWS time.
    """

    upload: float | None = None
    accept: float | None = None
    wake: float | None = None
    queue: float | None = None
    compute: float | None = None
    collect: float | None = None

    @property
    def known(self) -> dict[str, float]:
        """The measured phases, in order."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


class ColdStartTimer:
    """Waits for an invocation and measures until an instance serves; `seconds` is None until then, or if that is denied."""

    def __init__(self, session: AwsSession, endpoint_name: str, now: Callable[[], float]) -> None:
        self._session, self._name, self._now = session, endpoint_name, now
        self._started_at = now()
        self.seconds: float | None = None
        self._check()
        if self.seconds is not None:
            self.seconds = 0.0

    def wait(self, invocation: Invocation) -> None:
        """Wait until the invocation has an outcome."""
        while not invocation.done():
            try:
                invocation.exception(timeout=POLL_INTERVAL_SECONDS)
            except TimeoutError:
                self._check()

    def _check(self) -> None:
        if self.seconds is not None:
            return
        try:
            variants = self._session.sagemaker.describe_endpoint(EndpointName=self._name).get("ProductionVariants", [])
        except (BotoCoreError, ClientError):
            return
        if any(variant.get("CurrentInstanceCount", 0) > 0 for variant in variants):
            self.seconds = self._now() - self._started_at


def measure_latency(
    session: AwsSession,
    endpoint: EndpointDetails,
    submitted: Submitted,
    invocation: Invocation,
    wake: float | None,
    notification: Notification | None,
) -> Latency:
    """The latency of a completed request; the times in its success `notification` select the metrics."""
    queue, compute = (
        _average(session, endpoint, metric, notification) for metric in (metrics.TIME_IN_BACKLOG, metrics.MODEL_LATENCY)
    )
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


def _average(session: AwsSession, endpoint: EndpointDetails, metric: Metric, notification: Notification | None) -> float | None:
    """The newest average around the request; None if nothing is published yet, or reading it is denied."""
    if notification is None or notification.received_time is None or notification.event_time is None:
        return None
    try:
        points: list[dict[str, Any]] = session.cloudwatch.get_metric_statistics(
            Namespace=metrics.NAMESPACE,
            MetricName=metric.name,
            Dimensions=metric.dimensions(endpoint.name, endpoint.variant_name),
            StartTime=datetime.fromisoformat(notification.event_time) - MARGIN,
            EndTime=datetime.fromisoformat(notification.event_time) + MARGIN,
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
    except (BotoCoreError, ClientError, ValueError, KeyError):
        return None
    return float(max(points, key=lambda point: point["Timestamp"])["Average"]) if points else None
