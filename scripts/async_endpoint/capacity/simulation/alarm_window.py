"""A metric alarm over a simulated metric, evaluated minute by minute at little cost."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.decisions import EvaluatedAlarm
from async_endpoint.autoscaling.statistics import Sample, aggregate

MINUTE: Final = 60
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class AlarmWindow:
    """The state of an alarm on gauge number `gauge`, of which every minute has one sample.

    Once there is a datapoint for each evaluation period, the state depends on the number of breaching ones alone: they are kept
    as bits. Otherwise, and for other periods than a minute, `autoscaling.alarms.evaluate` decides.
    """

    def __init__(self, name: str, rule: AlarmRule, gauge: int) -> None:
        self.name = name
        self.rule = rule
        self.gauge = gauge
        self.state = AlarmState.INSUFFICIENT_DATA
        self.minutes = max(rule.evaluation_range * rule.period // MINUTE + rule.period // MINUTE, rule.evaluation_range)
        self._counted = rule.period == MINUTE and rule.statistic != "SampleCount"
        self._breaches = _COMPARE[rule.comparison]
        self._threshold = rule.threshold
        self._mask = (1 << rule.evaluation_periods) - 1
        self._bits = 0
        self._needed = rule.datapoints_to_alarm
        self._missing = rule.evaluation_periods  # periods of the evaluation range without a datapoint yet

    def add(self, history: Sequence[Sequence[float]], end: float) -> bool:
        """Evaluate at `end`, after the gauges of the last minute were appended to `history`; whether it is in ALARM."""
        if not self._counted:
            return self.evaluate(history, end)
        self._bits = bits = (self._bits << 1 | self._breaches(history[-1][self.gauge], self._threshold)) & self._mask
        if self._missing:
            self._missing -= 1
            if self._missing:
                return self.evaluate(history, end)
        breaching = bits.bit_count() >= self._needed
        self.state = AlarmState.ALARM if breaching else AlarmState.OK
        return breaching

    def evaluate(self, history: Sequence[Sequence[float]], end: float) -> bool:
        """The same by `autoscaling.alarms.evaluate`, at each end of a period since the minute before."""
        step = min(self.rule.period, MINUTE)
        for before in range(MINUTE - step, -1, -step):
            self.state = evaluate(self.rule, self.values(history, end, before), self.state)
        return self.state is AlarmState.ALARM

    def values(self, history: Sequence[Sequence[float]], end: float, before: float = 0.0) -> list[float | None]:
        """The values that it is evaluated on `before` seconds before `end`, oldest first; None without a datapoint."""
        if self._counted:
            known = min(len(history), self.rule.evaluation_range)
            return [history[index][self.gauge] for index in range(-known, 0)]
        ages = range(min(len(history), self.minutes), 0, -1)
        samples = [Sample.of(end - age * MINUTE, history[-age][self.gauge]) for age in ages]
        return aggregate(samples, self.rule.statistic, self.rule.period, end - before, self.rule.evaluation_range)

    def evaluated(self, values: Sequence[float | None]) -> EvaluatedAlarm:
        """As a scaling decision reads it, which reads the latest of `values` for target tracking."""
        return EvaluatedAlarm(self.name, self.rule, self.state, values)
