"""The CloudWatch metrics of an asynchronous endpoint.

Source: SageMaker developer guide, "Monitor asynchronous endpoint" (2023 snapshot). A policy or an alarm on a metric that is
not listed here never fires; `NEVER_PUBLISHED` names those people reach for from real-time endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE: Final = "AWS/SageMaker"

Unit = Literal["Count", "Seconds", "Milliseconds", "Microseconds", "None"]
Scope = Literal["endpoint", "variant"]


@dataclass(frozen=True)
class Metric:
    """A published metric: its unit, and whether it carries EndpointName alone or EndpointName and VariantName."""

    name: str
    unit: Unit
    scope: Scope

    def dimensions(self, endpoint: str, variant: str) -> list[dict[str, str]]:
        """The dimensions exactly as CloudWatch stores them."""
        pairs = [{"Name": "EndpointName", "Value": endpoint}]
        if self.scope == "variant":
            pairs.append({"Name": "VariantName", "Value": variant})
        return pairs


APPROXIMATE_BACKLOG_SIZE: Final = Metric("ApproximateBacklogSize", "Count", "endpoint")
APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE: Final = Metric("ApproximateBacklogSizePerInstance", "Count", "endpoint")
APPROXIMATE_AGE_OF_OLDEST_REQUEST: Final = Metric("ApproximateAgeOfOldestRequest", "Seconds", "endpoint")
HAS_BACKLOG_WITHOUT_CAPACITY: Final = Metric("HasBacklogWithoutCapacity", "Count", "endpoint")

REQUEST_DOWNLOAD_FAILURES: Final = Metric("RequestDownloadFailures", "Count", "variant")
RESPONSE_UPLOAD_FAILURES: Final = Metric("ResponseUploadFailures", "Count", "variant")
NOTIFICATION_FAILURES: Final = Metric("NotificationFailures", "Count", "variant")
EXPIRED_REQUESTS: Final = Metric("ExpiredRequests", "Count", "variant")
INVOCATION_FAILURES: Final = Metric("InvocationFailures", "Count", "variant")
INVOCATIONS_PROCESSED: Final = Metric("InvocationsProcessed", "Count", "variant")
INVOCATION_4XX_ERRORS: Final = Metric("Invocation4XXErrors", "Count", "variant")
INVOCATION_5XX_ERRORS: Final = Metric("Invocation5XXErrors", "Count", "variant")
REQUEST_DOWNLOAD_LATENCY: Final = Metric("RequestDownloadLatency", "Microseconds", "variant")
RESPONSE_UPLOAD_LATENCY: Final = Metric("ResponseUploadLatency", "Microseconds", "variant")
MODEL_LATENCY: Final = Metric("ModelLatency", "Microseconds", "variant")
TIME_IN_BACKLOG: Final = Metric("TimeInBacklog", "Milliseconds", "variant")
TOTAL_PROCESSING_TIME: Final = Metric("TotalProcessingTime", "Milliseconds", "variant")

PUBLISHED: Final[Mapping[str, Metric]] = {
    metric.name: metric for metric in list(globals().values()) if isinstance(metric, Metric)
}
NEVER_PUBLISHED: Final = frozenset({"Invocations", "InvocationsPerInstance", "OverheadLatency"})
