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
from async_endpoint.core.outputs import AsyncEndpointOutputs

DESCRIBED_SECONDS: Final = 2.0  # for which a description is cached
MISSING: Final = "Missing"  # the status of an endpoint that SageMaker does not know
_MEASURES: Final = {
    "backlog": (metrics.APPROXIMATE_BACKLOG_SIZE, "Maximum"),
    "oldest": (metrics.APPROXIMATE_AGE_OF_OLDEST_REQUEST, "Maximum"),
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
    """Requests that wait or run, and the age of the oldest in seconds, at `measured_at`; None where there is no datapoint."""

    size: int | None
    oldest_seconds: float | None
    measured_at: datetime | None


class EndpointStatus:
    """The status of one endpoint. Threads that ask at the same time cause one call. Raises what `translate_errors` raises."""

    def __init__(
        self, session: AwsSession, outputs: AsyncEndpointOutputs, now: Callable[[], float], metrics_seconds: float
    ) -> None:
        self._session, self._outputs, self._now = session, outputs, now
        self._instances = _Cached(self._describe, now, DESCRIBED_SECONDS)
        self._backlog = _Cached(self._measure, now, metrics_seconds)

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
        if not series["backlog"]:
            return Backlog(None, None, None)
        minute = max(series["backlog"])
        return Backlog(int(series["backlog"][minute]), series["oldest"].get(minute), minute)


class _Cached(Generic[Value]):
    """A value that is read again once it is `seconds` old; one thread reads, others wait for it. A failed read is not kept."""

    def __init__(self, read: Callable[[], Value], now: Callable[[], float], seconds: float) -> None:
        self._read, self._now, self._seconds = read, now, seconds
        self._lock = threading.Lock()
        self._value: tuple[float, Value] | None = None

    def get(self) -> Value:
        if (fresh := self._fresh()) is not None:
            return fresh[1]
        with self._lock:
            if (fresh := self._fresh()) is None:
                fresh = self._value = (self._now(), self._read())
            return fresh[1]

    def _fresh(self) -> tuple[float, Value] | None:
        value = self._value
        return value if value is not None and 0 <= self._now() - value[0] < self._seconds else None
