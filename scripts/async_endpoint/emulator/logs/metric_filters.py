"""Metric filters: what PutMetricFilter refuses, and the datapoints that a filter makes of log events.

Source: CloudWatch Logs API reference, PutMetricFilter and MetricTransformation; user guide, "Creating metrics from log events".
The text about dimensions is quoted in terraform-provider-aws 28881.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.logs.filter_patterns import parse_pattern, selected

MAX_DIMENSIONS: Final = 3
MAX_FILTERS: Final = 100  # of a log group
_UNSUPPORTED: Final = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


def check_filter(request: Mapping[str, Any]) -> None:
    """Check a PutMetricFilter request; raises InvalidInput."""
    for name in _UNSUPPORTED:
        if request.get(name):
            raise InvalidInput(f"{name} is not supported by the local AWS.")
    pattern = parse_pattern(str(request.get("filterPattern") or ""))
    for transformation in request.get("metricTransformations") or ():
        value, dimensions = str(transformation.get("metricValue") or ""), transformation.get("dimensions") or {}
        if not value.startswith("$") and _number(value) is None:
            raise InvalidInput(f"Invalid metric transformation: metricValue {value!r} is neither a number nor a selector.")
        if value.startswith("$") and not pattern.of_json:
            raise InvalidInput(f"Invalid metric transformation: {value} needs a pattern of JSON events.")
        if dimensions and not pattern.of_json:
            raise InvalidInput("The specified filter pattern does not support dimensions")
        if dimensions and transformation.get("defaultValue") is not None:
            raise InvalidInput("Invalid metric transformation: dimensions and a default value exclude each other.")
        if len(dimensions) > MAX_DIMENSIONS:
            raise InvalidInput(f"Invalid metric transformation: at most {MAX_DIMENSIONS} dimensions are allowed.")


def datapoints(metric_filter: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The (namespace, datum) pairs that a filter, moto's, makes of log events with `timestamp` (milliseconds) and `message`."""
    pattern = parse_pattern(str(metric_filter["filterPattern"] or ""))
    found = []
    for event in events:
        matched = pattern.matches(event["message"])
        for transformation in metric_filter["metricTransformations"]:
            value = _value(transformation, event["message"]) if matched else _number(transformation.get("defaultValue"))
            if value is not None:
                found.append((transformation["metricNamespace"], _datum(transformation, event, value, matched=matched)))
    return found


def _value(transformation: Mapping[str, Any], message: str) -> float | None:
    value = str(transformation["metricValue"])
    return _number(selected(message, value) if value.startswith("$") else value)


def _datum(transformation: Mapping[str, Any], event: Mapping[str, Any], value: float, *, matched: bool) -> dict[str, Any]:
    dimensions = transformation.get("dimensions") or {} if matched else {}
    named = [(name, selected(event["message"], selector)) for name, selector in dimensions.items()]
    return {
        "MetricName": transformation["metricName"],
        "Timestamp": datetime.fromtimestamp(event["timestamp"] / 1_000, UTC),
        "Unit": transformation.get("unit") or "None",
        "Value": value,
        # "If the field doesn't exist in the log event, the metric is published without the dimension"
        "Dimensions": [{"Name": name, "Value": str(found)} for name, found in named if found not in (None, "")],
    }


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
