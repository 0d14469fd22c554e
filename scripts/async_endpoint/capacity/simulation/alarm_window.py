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
        self._seen = 0

    def add(self, history: Sequence[Sequence[float]], end: float) -> None:
        """Evaluate at `end`, after the gauges of the last minute were appended to `history`."""
        if not self._counted:
            self._evaluate(history, end)
            return
        self._seen += 1
        self._bits = (self._bits << 1 | self._breaches(history[-1][self.gauge], self._threshold)) & self._mask
        if self._seen >= self.rule.evaluation_periods:
            breaching = self._bits.bit_count() >= self.rule.datapoints_to_alarm
            self.state = AlarmState.ALARM if breaching else AlarmState.OK
        else:
            self.state = evaluate(self.rule, self.values(history, end), self.state)

    def values(self, history: Sequence[Sequence[float]], end: float) -> list[float | None]:
        """The values it was evaluated on, oldest first; periods before the first minute are missing."""
        if self._counted:
            known = min(len(history), self.rule.evaluation_range)
            return [history[index][self.gauge] for index in range(-known, 0)]
        samples = [
            Sample.of(end - age * MINUTE, history[-age][self.gauge]) for age in range(min(len(history), self.minutes), 0, -1)
        ]
        return aggregate(samples, self.rule.statistic, self.rule.period, end, self.rule.evaluation_range)

    def evaluated(self, history: Sequence[Sequence[float]], end: float) -> EvaluatedAlarm:
        """As the scaling decision reads it. Only an alarm in ALARM is read for its values."""
        values = self.values(history, end) if self.state is AlarmState.ALARM else ()
        return EvaluatedAlarm(self.name, self.rule, self.state, values)

    def _evaluate(self, history: Sequence[Sequence[float]], end: float) -> None:
        step = min(self.rule.period, MINUTE)
        for moment in range(MINUTE - step, -1, -step):
            self.state = evaluate(self.rule, self.values(history, end - moment), self.state)
