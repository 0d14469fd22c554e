"""The datapoints that an endpoint publishes each minute."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from async_endpoint.core import metrics as m
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.metrics import StatisticSet, merged


def publish(endpoint: HostedEndpoint, start: float, end: float) -> None:
    """Put the datapoints of the minute from `start` to `end` (AWS seconds), all with the timestamp `start`, as CloudWatch does.

    An endpoint that was not yet InService at `end` publishes none.
    """
    serving = endpoint.serving_at(end)
    if serving is None:
        return
    when = datetime.fromtimestamp(start, UTC)
    gauges = _gauges(endpoint, serving, end)
    data = [_datum(metric, endpoint.name, "", when) | {"Value": value} for metric, value in gauges.items()]
    # By name: during an update, old and new instances count together, and each by its configuration too (A82).
    for variant in {item.name: item for item in (*endpoint.receiving_traffic, *endpoint.variants)}.values():
        by_config = endpoint.flush_metrics(variant.name)
        counts = merged(by_config.values())
        for config, found in ({"": counts} | by_config).items():
            data += [_datum(metric, endpoint.name, variant.name, when, config) | _set(item) for metric, item in found.items()]
        # Without traffic a variant on instances sends zeros, so that it scales in ("Automatic scaling prerequisites").
        idle = [] if m.INVOCATIONS in counts or variant.kind != "real-time" else [m.INVOCATIONS, m.INVOCATIONS_PER_INSTANCE]
        if (
            variant.spec.serverless
            and variant.spec.serverless.provisioned
            and m.PROVISIONED_CONCURRENCY_UTILIZATION not in counts
        ):
            idle = [m.PROVISIONED_CONCURRENCY_UTILIZATION]
        data += [_datum(metric, endpoint.name, variant.name, when) | {"Value": 0.0} for metric in idle]
    moto_backends.put_metric_data(endpoint.region, m.NAMESPACE, data)
    _publish_utilization(endpoint, when)


def _publish_utilization(endpoint: HostedEndpoint, when: datetime) -> None:
    """Publish the utilization of instances if the execution role allows it (A172)."""
    data = []
    for variant in endpoint.receiving_traffic:
        if variant.spec.serverless is not None or not _may_publish(variant.spec.model.role_arn, endpoint.region):
            continue
        found: defaultdict[str, StatisticSet] = defaultdict(StatisticSet)
        for instance in variant.fleet.ready:
            for name, percent in instance.utilization().items():
                found[name].add(percent)
        data += [
            _datum(m.UTILISATION[name], endpoint.name, variant.name, when) | _set(counted) for name, counted in found.items()
        ]
    if data:
        moto_backends.put_metric_data(endpoint.region, m.INSTANCE_NAMESPACE, data)


def _may_publish(role_arn: str, region: str) -> bool:
    context = {"cloudwatch:namespace": m.INSTANCE_NAMESPACE}
    return AssumedRole(role_arn, region).may("cloudwatch:PutMetricData", "*", context)


def _gauges(endpoint: HostedEndpoint, instances: int, end: float) -> dict[m.Metric, float]:
    """An asynchronous endpoint's backlog at `end`, also of zero (A170). Zero instances count as one (A171)."""
    if endpoint.async_inference is None:
        return {}
    backlog, age = endpoint.async_inference.backlog_at(end)
    return {
        m.APPROXIMATE_BACKLOG_SIZE: float(backlog),
        m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE: backlog / max(instances, 1),
        m.APPROXIMATE_AGE_OF_OLDEST_REQUEST: age,
        m.HAS_BACKLOG_WITHOUT_CAPACITY: float(backlog > 0 and instances == 0),
    }


def _datum(metric: m.Metric, endpoint: str, variant: str, when: datetime, config: str = "") -> dict[str, Any]:
    return {
        "MetricName": metric.name,
        "Dimensions": metric.dimensions(endpoint, variant, config),
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
    values = [min(max(value, counted.minimum), counted.maximum) for value in counted.rounded]
    return {"StatisticValues": statistics, "Values": values, "Counts": list(counted.rounded.values())}
