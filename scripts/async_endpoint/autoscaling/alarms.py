"""Evaluation of a CloudWatch metric alarm: M of N datapoints, missing data, premature alarms.

Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data"; both of its tables are tests.
Simplified: the number of extra periods fetched is not published; two are fetched always, as in the guide's examples. An alarm
whose existing datapoints all breach but are too few and too recent keeps its state (the guide only says that it does not go to
ALARM). Not emulated: anomaly bands. Composite alarms: composite_rules.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, get_args

from async_endpoint.autoscaling.statistics import is_statistic
from async_endpoint.core.errors import InvalidInput

Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"]
MissingData = Literal["missing", "ignore", "breaching", "notBreaching"]

EXTRA_PERIODS: Final = 2
MAX_EVALUATED_SECONDS: Final = 604_800  # of periods of an hour or more
MAX_EVALUATED_SECONDS_OF_SHORT_PERIODS: Final = 86_400

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class AlarmState(StrEnum):
    """Alarm states by CloudWatch's names."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class AlarmRule:
    """The condition of an alarm: `datapoints_to_alarm` of the last `evaluation_periods` periods of `period` seconds breach.

    Raises InvalidInput for a rule that CloudWatch's PutMetricAlarm refuses.
    """

    comparison: Comparison
    threshold: float
    period: int = 60
    evaluation_periods: int = 1
    datapoints_to_alarm: int = 1
    statistic: str = "Average"  # a plain one, or a percentile such as p99
    missing: MissingData = "missing"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("ComparisonOperator", self.comparison, get_args(Comparison)),
            ("TreatMissingData", self.missing, get_args(MissingData)),
        ):
            if value not in allowed:
                raise InvalidInput(f"{name} of an alarm is {value!r}; use one of {', '.join(allowed)}.")
        if not is_statistic(self.statistic):
            raise InvalidInput(
                f"Statistic of an alarm is {self.statistic!r}; use Average, Sum, Minimum, Maximum, SampleCount or p0 to p100."
            )
        if self.period not in (10, 20, 30) and (self.period < 60 or self.period % 60):
            raise InvalidInput(f"Period of an alarm is {self.period}; use 10, 20, 30 or a multiple of 60 seconds.")
        if not 1 <= self.datapoints_to_alarm <= self.evaluation_periods:
            raise InvalidInput(
                f"DatapointsToAlarm is {self.datapoints_to_alarm} of {self.evaluation_periods} EvaluationPeriods; "
                "use 1 up to the number of evaluation periods."
            )
        self._check_range()

    def _check_range(self) -> None:
        """The limits are those of the API reference, PutMetricAlarm.Period; the first text is quoted by users."""
        seconds = self.period * self.evaluation_periods
        if self.period < 3_600 and seconds > MAX_EVALUATED_SECONDS_OF_SHORT_PERIODS:
            raise InvalidInput(
                "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= "
                f"{MAX_EVALUATED_SECONDS_OF_SHORT_PERIODS})."
            )
        if seconds > MAX_EVALUATED_SECONDS:
            raise InvalidInput(
                "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= "
                f"{MAX_EVALUATED_SECONDS})."
            )

    @property
    def evaluation_range(self) -> int:
        """Number of latest periods that `evaluate` uses, and so the number to fetch."""
        return self.evaluation_periods + EXTRA_PERIODS

    def breaches(self, value: float) -> bool:
        return _COMPARE[self.comparison](value, self.threshold)


def needed_samples(percent: float) -> float:
    """The number of samples from which a percentile is significant.

    Source: user guide, "Percentile-based CloudWatch alarms and low data samples".
    """
    if not 0 < percent < 100:
        return 0.0
    return 1_000 / (100 - percent) if percent >= 50 else 1_000 / percent


def evaluate(rule: AlarmRule, values: Sequence[float | None], previous: AlarmState) -> AlarmState:
    """The alarm's state after `values`, the latest periods oldest first, None where there is no datapoint.

    Only the latest `rule.evaluation_range` values count; where there are fewer, the older ones count as missing.
    """
    recent = list(values)[-rule.evaluation_range :]
    breaching = [rule.breaches(value) for value in recent if value is not None][-rule.evaluation_periods :]
    filled = rule.evaluation_periods - len(breaching)
    if sum(breaching) >= rule.datapoints_to_alarm:
        return AlarmState.ALARM
    if filled and rule.missing == "breaching":
        return AlarmState.ALARM if sum(breaching) + filled >= rule.datapoints_to_alarm else AlarmState.OK
    if not filled or rule.missing == "notBreaching" or not all(breaching):
        return AlarmState.OK
    if rule.missing == "ignore":
        return previous
    if not breaching:
        return AlarmState.INSUFFICIENT_DATA
    # All known datapoints breach: ALARM if the oldest of them is old enough for the missing ones not to matter.
    age = next(age for age, value in zip(range(len(recent), 0, -1), recent, strict=True) if value is not None)
    return AlarmState.ALARM if age >= rule.datapoints_to_alarm else previous
