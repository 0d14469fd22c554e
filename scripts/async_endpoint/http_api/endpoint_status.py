"""The status of an endpoint: instances from SageMaker, backlog and oldest request from CloudWatch; both cached."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.client.endpoint_metrics import recent_metrics
from async_endpoint.core import metrics
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.core.outputs import AsyncEndpointOutputs

FAILED_SECONDS: Final = 5.0
DESCRIBED_SECONDS: Final = 2.0  # for which a description is cached
MISSING: Final = "Missing"  # the status of an endpoint that SageMaker does not know
_MEASURES: Final = {
    "backlog": (metrics.APPROXIMATE_BACKLOG_SIZE, "Maximum"),
    "oldest": (metrics.APPROXIMATE_AGE_OF_OLDEST_REQUEST, "Maximum"),
    "processing": (metrics.TOTAL_PROCESSING_TIME, "Average"),
}

Value = TypeVar("Value")


@dataclass(frozen=True)
class Instances:
    """SageMaker's status of an endpoint, and its instances."""

    status: str
    current: int
    desired: int


@dataclass(frozen=True)
class Backlog:
    """Requests that wait or run, and the age of the oldest in seconds, at `measured_at`; None where there is no datapoint.

    `processing_seconds` is the mean time of a request on an instance, of the newest minutes in which any has ended.
    """

    size: int | None
    oldest_seconds: float | None
    measured_at: datetime | None
    processing_seconds: float | None = None


class EndpointStatus:
    """The status of one endpoint. Threads that ask at the same time cause one call. Raises what `translate_errors` raises."""

    def __init__(
        self, session: AwsSession, outputs: AsyncEndpointOutputs, now: Callable[[], float], metrics_seconds: float
    ) -> None:
        self._session, self._outputs, self._now = session, outputs, now
        self._instances = _Cached(self._describe, now, DESCRIBED_SECONDS)
        self._backlog = _Cached(self._measure, now, metrics_seconds)
        self._processing_seconds: float | None = None

    def instances(self) -> Instances:
        return self._instances.get()

    def backlog(self) -> Backlog:
        return self._backlog.get()

    def _describe(self) -> Instances:
        name = self._outputs.endpoint.name
        with translate_errors(self._session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
            try:
                found = self._session.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if error_code(error) not in ("ValidationException", "ValidationError"):
                    raise
                return Instances(MISSING, 0, 0)
        variant: dict[str, Any] = (found.get("ProductionVariants") or [{}])[0]
        return Instances(
            found["EndpointStatus"], variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)
        )

    def _measure(self) -> Backlog:
        series = recent_metrics(self._session, self._outputs.endpoint, _MEASURES, self._now())
        if series["processing"]:
            self._processing_seconds = sum(series["processing"].values()) / len(series["processing"]) / 1000
        if not series["backlog"]:
            return Backlog(None, None, None, self._processing_seconds)
        minute = max(series["backlog"])
        return Backlog(int(series["backlog"][minute]), series["oldest"].get(minute), minute, self._processing_seconds)


class _Cached(Generic[Value]):
    """A value that is read again once it is `seconds` old.

    One thread reads; others use the old value meanwhile, or wait for the first. A failure is raised for FAILED_SECONDS without
    another call, so a service that is down does not hold every request.
    """

    def __init__(self, read: Callable[[], Value], now: Callable[[], float], seconds: float) -> None:
        self._read, self._now, self._seconds = read, now, seconds
        self._lock = threading.Lock()
        self._value: tuple[float, Value] | None = None
        self._failure: tuple[float, AsyncEndpointError] | None = None

    def get(self) -> Value:
        old = self._value
        if old is not None and self._is_fresh(old[0], self._seconds):
            return old[1]
        if not self._lock.acquire(blocking=old is None):
            assert old is not None
            return old[1]
        try:
            return self._renewed()
        finally:
            self._lock.release()

    def _renewed(self) -> Value:
        if self._value is not None and self._is_fresh(self._value[0], self._seconds):
            return self._value[1]
        if self._failure is not None and self._is_fresh(self._failure[0], FAILED_SECONDS):
            raise self._failure[1].with_traceback(None)
        try:
            value = self._read()
        except AsyncEndpointError as error:
            self._failure = self._now(), error
            raise
        self._value = self._now(), value
        return value

    def _is_fresh(self, since: float, seconds: float) -> bool:
        return 0 <= self._now() - since < seconds
