"""What PutMetricData refuses: values, times, dimensions and sizes beyond CloudWatch's limits.

Source: API reference, PutMetricData and MetricDatum. The texts about two members at once are in LocalStack's snapshots,
recorded on AWS; those about sizes, units and times are quoted by users for the limits of their day.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.sagemaker.protocol import service_model
from async_endpoint.emulator.scaling.metric_series import epoch

MAX_DATA: Final = 1_000
MAX_VALUES: Final = 150
MAX_DIMENSIONS: Final = 30
MAX_NAME_CHARS: Final = 255
MAX_DIMENSION_VALUE_CHARS: Final = 1_024
MAX_VALUE: Final = 2.0**360
MAX_PAST_SECONDS: Final = 14 * 86_400
MAX_FUTURE_SECONDS: Final = 2 * 3_600
_STATISTICS: Final = ("SampleCount", "Sum", "Minimum", "Maximum")


class RefusedCombination(InvalidInput):
    """Members that exclude each other."""


class MissingMember(InvalidInput):
    """A member that is required."""


def check_metric_data(request: Mapping[str, Any], now: float) -> None:
    """Check a PutMetricData request at `now` (AWS seconds); raises InvalidInput, RefusedCombination, MissingMember."""
    for name in ("EntityMetricData", "StrictEntityValidation"):
        if request.get(name) is not None:
            raise InvalidInput(f"{name} is not supported by the local AWS, which has no entities.")
    namespace = str(request.get("Namespace") or "")
    if not namespace or namespace.startswith(":") or len(namespace) > MAX_NAME_CHARS:
        raise InvalidInput(f"The value {namespace} for parameter Namespace is invalid.")
    if namespace.startswith("AWS/"):
        raise InvalidInput("The value AWS/ for parameter Namespace is invalid.")
    data: Sequence[Mapping[str, Any]] = request.get("MetricData") or ()
    if not data:
        raise MissingMember("The parameter MetricData is required.")
    _check_size(data, "MetricData", MAX_DATA)
    for number, datum in enumerate(data, 1):
        _check_datum(datum, f"MetricData.member.{number}", now)


def _check_datum(datum: Mapping[str, Any], where: str, now: float) -> None:
    if not datum.get("MetricName"):
        raise MissingMember(f"The parameter {where}.MetricName is required.")
    _check_length(datum["MetricName"], f"{where}.MetricName", MAX_NAME_CHARS)
    _check_dimensions(datum.get("Dimensions") or (), f"{where}.Dimensions")
    _check_values(datum, where)
    if datum.get("Unit") is not None and datum["Unit"] not in _units():
        raise InvalidInput(f"The parameter {where}.Unit must be a value in the set [ {', '.join(_units())} ].")
    resolution = datum.get("StorageResolution")
    if resolution not in (None, 1, 60):
        raise InvalidInput(f"The value {resolution} for parameter {where}.StorageResolution is invalid; use 1 or 60.")
    when = datum.get("Timestamp")
    if isinstance(when, datetime):
        _check_time(epoch(when), f"{where}.Timestamp", now)


def _check_dimensions(dimensions: Sequence[Mapping[str, Any]], where: str) -> None:
    _check_size(dimensions, where, MAX_DIMENSIONS)
    names = [item.get("Name") for item in dimensions]
    for number, item in enumerate(dimensions, 1):
        for name, most in (("Name", MAX_NAME_CHARS), ("Value", MAX_DIMENSION_VALUE_CHARS)):
            if not item.get(name):
                raise MissingMember(f"The parameter {where}.member.{number}.{name} is required.")
            _check_length(item[name], f"{where}.member.{number}.{name}", most)
    if len(set(names)) < len(names):
        raise InvalidInput("No metric may specify the same dimension name twice.")  # as quoted by users


def _check_values(datum: Mapping[str, Any], where: str) -> None:
    """One of Value, Values and StatisticValues, of numbers in range; as many Counts as Values."""
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) not in (None, [])]
    if len(given) > 1:
        raise RefusedCombination(
            f"The parameters {where}.{given[0]} and {where}.{given[1]} are mutually exclusive and you have specified both."
        )
    if not given:
        raise MissingMember(f"One of the parameters Value, Values and StatisticValues is required in {where}.")
    (kind,) = given
    values, counts = datum.get("Values") or (), datum.get("Counts") or ()
    _check_size(values, f"{where}.Values", MAX_VALUES)
    if counts and len(counts) != len(values):
        raise InvalidInput(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    statistics = datum.get("StatisticValues") or {}
    for name in _STATISTICS if statistics else ():
        if statistics.get(name) is None:
            raise MissingMember(f"The parameter {where}.StatisticValues.{name} is required.")
    _check_numbers([datum["Value"]] if kind == "Value" else statistics.values() if statistics else values, f"{where}.{kind}")
    _check_numbers(counts, f"{where}.Counts")
    if any(float(count) < 0 for count in counts) or (statistics and float(statistics["SampleCount"]) < 0):
        raise InvalidInput(f"A count of {where} is below zero.")
    if statistics and float(statistics["Minimum"]) > float(statistics["Maximum"]):
        raise InvalidInput(f"The value of {where}.StatisticValues.Minimum is above that of Maximum.")


def _check_numbers(values: Iterable[Any], where: str) -> None:
    for value in values:
        number = float(value)
        if not math.isfinite(number) or abs(number) > MAX_VALUE:
            raise InvalidInput(f"The value {'NaN' if math.isnan(number) else number} for parameter {where} is invalid.")


def _check_time(time: float, where: str, now: float) -> None:
    if time < now - MAX_PAST_SECONDS:
        raise InvalidInput(f"The parameter {where} must specify a time no more than two weeks in the past{_clock(now)}")
    if time > now + MAX_FUTURE_SECONDS:
        raise InvalidInput(f"The parameter {where} must specify a time no more than two hours in the future{_clock(now)}")


def _clock(now: float) -> str:
    return f"; by the local AWS's clock it is {datetime.fromtimestamp(now, UTC).isoformat(timespec='seconds')}."


def _check_size(items: Sequence[Any], where: str, most: int) -> None:
    if len(items) > most:
        raise InvalidInput(f"The collection {where} must not have a size greater than {most}.")


def _check_length(text: str, where: str, most: int) -> None:
    if len(text) > most:
        raise InvalidInput(f"The value of parameter {where} has {len(text)} characters; at most {most} are allowed.")


@cache
def _units() -> tuple[str, ...]:
    return tuple(service_model("cloudwatch").shape_for("StandardUnit").enum)
