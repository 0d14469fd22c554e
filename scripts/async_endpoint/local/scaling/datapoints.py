"""What an asynchronous endpoint publishes each minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from async_endpoint.contract import metrics as m
from async_endpoint.local import stores
from async_endpoint.local.hosting.endpoint import Endpoint
from async_endpoint.local.hosting.metrics import StatisticSet


def publish(endpoint: Endpoint, start: float) -> None:
    """Put the datapoints of the minute that began at `start` (AWS seconds), all with that timestamp, as CloudWatch does."""
    when = datetime.fromtimestamp(start, UTC).replace(tzinfo=None)  # moto compares it with times that have no zone
    variant = endpoint.deployment.variant_name
    data = [_datum(metric, endpoint.name, variant, when) | {"Value": value} for metric, value in _gauges(endpoint).items()]
    data += [
        _datum(metric, endpoint.name, variant, when) | _set(counted) for metric, counted in endpoint.metrics.flush().items()
    ]
    stores.put_metric_data(endpoint.region, m.NAMESPACE, data)


def _gauges(endpoint: Endpoint) -> dict[m.Metric, float]:
    """The backlog now. Per instance, none counts as one: see autoscaling.policies.tracking_capacity."""
    backlog, age = endpoint.backlog()
    instances = endpoint.serving
    return {
        m.APPROXIMATE_BACKLOG_SIZE: float(backlog),
        m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE: backlog / max(instances, 1),
        m.APPROXIMATE_AGE_OF_OLDEST_REQUEST: age,
        m.HAS_BACKLOG_WITHOUT_CAPACITY: float(backlog > 0 and instances == 0),
    }


def _datum(metric: m.Metric, endpoint: str, variant: str, when: datetime) -> dict[str, Any]:
    return {
        "MetricName": metric.name,
        "Dimensions": metric.dimensions(endpoint, variant),
        "Timestamp": when,
        "Unit": metric.unit,
    }


def _set(counted: StatisticSet) -> dict[str, Any]:
    statistics = {
        "SampleCount": counted.count,
        "Sum": counted.total,
        "Minimum": counted.minimum,
        "Maximum": counted.maximum,
    }
    return {"StatisticValues": statistics}
