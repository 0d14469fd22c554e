"""Datapoints in a bounded index (emulator/scaling/metric_store.py), which answers all metric queries, percentiles included.

moto keeps every datapoint in one list and scans all of it for each query; ListMetrics is quadratic in it. Metrics that moto
derives from other services' stores, such as the size of a bucket, are not available.
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import (
    CloudWatchException,
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.scaling.metric_data import InvalidToken, metric_data
from async_endpoint.emulator.scaling.metric_data_limits import MissingMember, RefusedCombination, check_metric_data
from async_endpoint.emulator.scaling.metric_series import MetricReader
from async_endpoint.emulator.scaling.metric_statistics import TooManyDatapoints, list_metrics, metric_statistics
from async_endpoint.emulator.scaling.metric_store import MetricStore


class InvalidNextToken(CloudWatchException):  # type: ignore[misc]
    code = "InvalidNextToken"


class MissingParameter(CloudWatchException):  # type: ignore[misc]
    code = "MissingParameter"


_put_metric_data = CloudWatchResponse.put_metric_data


def apply(hosting: Hosting, metric_store: MetricStore) -> None:
    def put_metric_data(self: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        for datum in metric_data:
            metric_store.record(self.region_name, namespace, datum, hosting.clock.now())

    def get_filtered_metrics(
        self: CloudWatchBackend, metric_name: str, namespace: str, dimensions: list[dict[str, str]]
    ) -> list[MetricDatumBase]:
        found = list_metrics(metric_store, self.region_name, namespace, metric_name, dimensions)
        return [
            MetricDatumBase(metric.namespace, metric.name, [{"Name": k, "Value": v} for k, v in metric.dimensions], None)
            for metric in found
        ]

    def get_metric_statistics(self: CloudWatchResponse) -> ActionResult:
        request = self._get_params()
        given = [name for name in ("Statistics", "ExtendedStatistics") if request.get(name)]
        if len(given) != 1:  # "but not both" (API reference, GetMetricStatistics)
            but = ", but not both" if given else ""
            raise InvalidParameterCombination(f"Must specify either Statistics or ExtendedStatistics{but}")
        try:
            datapoints = metric_statistics(MetricReader(metric_store, self.region, hosting.clock.now()), request)
        except TooManyDatapoints as error:
            raise InvalidParameterCombination(str(error)) from error
        except InvalidInput as error:
            raise InvalidParameterValue(str(error)) from error
        return ActionResult({"Label": request["MetricName"], "Datapoints": datapoints})

    def get_metric_data(self: CloudWatchResponse) -> ActionResult:
        try:
            return ActionResult(metric_data(MetricReader(metric_store, self.region, hosting.clock.now()), self._get_params()))
        except InvalidToken as error:
            raise InvalidNextToken(str(error)) from error
        except InvalidInput as error:
            raise ValidationError(str(error)) from error

    def put_metric_data_call(self: CloudWatchResponse) -> ActionResult:
        try:
            check_metric_data(self._get_params(), hosting.clock.now())
        except RefusedCombination as error:
            raise InvalidParameterCombination(str(error)) from error
        except MissingMember as error:
            raise MissingParameter(str(error)) from error
        except InvalidInput as error:
            raise InvalidParameterValue(str(error)) from error
        return _put_metric_data(self)

    CloudWatchBackend.put_metric_data = put_metric_data
    CloudWatchResponse.put_metric_data = put_metric_data_call
    CloudWatchBackend.get_filtered_metrics = get_filtered_metrics
    CloudWatchResponse.get_metric_statistics = get_metric_statistics
    CloudWatchResponse.get_metric_data = get_metric_data
