"""The CloudWatch metrics of endpoints, and the kinds of endpoint that publish each.

Sources: SageMaker developer guide, "Monitor asynchronous endpoint" (2023 snapshot; its list is exhaustive for asynchronous
endpoints) and "SageMaker metrics in CloudWatch", for units and meanings. A policy or an alarm on a metric that an endpoint's
kind does not publish never fires; `NEVER_PUBLISHED` has those that asynchronous endpoints lack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE: Final = "AWS/SageMaker"
INSTANCE_NAMESPACE: Final = "/aws/sagemaker/Endpoints"

Unit = Literal["Count", "Seconds", "Milliseconds", "Microseconds", "None", "Percent"]
Scope = Literal["endpoint", "variant"]
Kind = Literal["asynchronous", "real-time", "serverless"]

ASYNCHRONOUS: Final[frozenset[Kind]] = frozenset({"asynchronous"})
INSTANCES: Final[frozenset[Kind]] = frozenset({"real-time"})
SERVERLESS: Final[frozenset[Kind]] = frozenset({"serverless"})
SYNCHRONOUS: Final = INSTANCES | SERVERLESS
EVERY: Final = ASYNCHRONOUS | SYNCHRONOUS


@dataclass(frozen=True)
class Metric:
    """A metric: its unit, its scope (dimension EndpointName, or VariantName too), and the kinds of endpoint that publish it."""

    name: str
    unit: Unit
    scope: Scope
    kinds: frozenset[Kind] = ASYNCHRONOUS

    def dimensions(self, endpoint: str, variant: str, config: str = "") -> list[dict[str, str]]:
        """The dimensions exactly as CloudWatch stores them; with `config` those of the instances of one configuration (A82)."""
        pairs = [{"Name": "EndpointName", "Value": endpoint}]
        if self.scope == "variant":
            pairs.append({"Name": "VariantName", "Value": variant})
            pairs += [{"Name": "EndpointConfigName", "Value": config}] if config else []
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
REQUEST_DOWNLOAD_LATENCY: Final = Metric("RequestDownloadLatency", "Microseconds", "variant")
RESPONSE_UPLOAD_LATENCY: Final = Metric("ResponseUploadLatency", "Microseconds", "variant")
TIME_IN_BACKLOG: Final = Metric("TimeInBacklog", "Milliseconds", "variant")
TOTAL_PROCESSING_TIME: Final = Metric("TotalProcessingTime", "Milliseconds", "variant")

# Documented: 1 is sent for each such response, 0 for any other.
INVOCATION_4XX_ERRORS: Final = Metric("Invocation4XXErrors", "None", "variant", EVERY)
INVOCATION_5XX_ERRORS: Final = Metric("Invocation5XXErrors", "None", "variant", EVERY)
MODEL_LATENCY: Final = Metric("ModelLatency", "Microseconds", "variant", EVERY)

# InvocationsPerInstance: 1 / active instances is sent on each request. InvocationModelErrors: every response of the model that
# is not 2XX, time-outs and broken responses included. ModelSetupTime: launching the compute of a serverless endpoint.
INVOCATIONS: Final = Metric("Invocations", "None", "variant", SYNCHRONOUS)
INVOCATIONS_PER_INSTANCE: Final = Metric("InvocationsPerInstance", "None", "variant", INSTANCES)
INVOCATION_MODEL_ERRORS: Final = Metric("InvocationModelErrors", "None", "variant", SYNCHRONOUS)
OVERHEAD_LATENCY: Final = Metric("OverheadLatency", "Microseconds", "variant", SYNCHRONOUS)
MODEL_SETUP_TIME: Final = Metric("ModelSetupTime", "Microseconds", "variant", SERVERLESS)
PROVISIONED_CONCURRENCY_UTILIZATION: Final = Metric(
    "ServerlessProvisionedConcurrencyUtilization", "None", "variant", SERVERLESS
)  # concurrent requests / provisioned concurrency

# In INSTANCE_NAMESPACE, of each instance of a variant. CPU is the sum over cores: four reach 400 %.
UTILISATION: Final[Mapping[str, Metric]] = {
    name: Metric(name, "Percent", "variant", ASYNCHRONOUS | INSTANCES)
    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
}

ALL: Final[tuple[Metric, ...]] = tuple(metric for metric in list(globals().values()) if isinstance(metric, Metric))


def published_by(kind: Kind) -> Mapping[str, Metric]:
    """The metrics that an endpoint of this kind publishes, by name."""
    return {metric.name: metric for metric in ALL if kind in metric.kinds}


PUBLISHED: Final = published_by("asynchronous")
NEVER_PUBLISHED: Final = frozenset(metric.name for metric in ALL) - PUBLISHED.keys()
