"""moto searches every datapoint ever put for each question; alarms are evaluated on an index kept beside it."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.local.clock import ScaledClock
from async_endpoint.local.scaling.samples import Samples

_put = CloudWatchBackend.put_metric_data


def mend(samples: Samples, clock: ScaledClock) -> None:
    def put_metric_data(self: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        _put(self, namespace, metric_data)
        for datum in metric_data:
            samples.record(self.region_name, namespace, datum, clock.now())

    CloudWatchBackend.put_metric_data = put_metric_data
