"""The metric alarms of a simulated endpoint, evaluated minute by minute at little cost."""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.decisions import EvaluatedAlarm
from async_endpoint.autoscaling.statistics import Sample, aggregate
from async_endpoint.capacity.settings import SIMULATED
from async_endpoint.core import metrics as m

MINUTE: Final = 60
OLDEST_AGE: Final = SIMULATED.index(m.APPROXIMATE_AGE_OF_OLDEST_REQUEST.name)
PER_INSTANCE: Final = SIMULATED.index(m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name)
MISSING: Final = math.nan  # a gauge that is not published; compared by identity
MAX_PATTERNS: Final = 10_000
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

Gauges = tuple[float, float, float, float]  # the metrics SIMULATED, of one minute


class Alarm:
    """An alarm on gauge number `gauge`. `state` is not kept by AlarmWindows' counting, which needs a sample of every minute."""

    def __init__(self, name: str, rule: AlarmRule, metric: str, *, per_instance_at_zero: bool = True) -> None:
        self.name = name
        self.rule = rule
        self.gauge = SIMULATED.index(metric)
        self.state = AlarmState.INSUFFICIENT_DATA
        self._plain = rule.period == MINUTE and rule.statistic != "SampleCount"  # one sample is its own average and sum
        self.counted = self._plain and (per_instance_at_zero or self.gauge != PER_INSTANCE)
        longer = 0 if self.counted else (rule.evaluation_range + 1) * math.ceil(rule.period / MINUTE)
        self.minutes = rule.evaluation_range + longer  # it looks back no further

    def breaches(self, gauges: Gauges) -> bool:
        return _COMPARE[self.rule.comparison](gauges[self.gauge], self.rule.threshold)

    def evaluate(self, history: Sequence[Gauges], end: float) -> bool:
        """Evaluate at each end of a period in the minute before `end`, which `history` ends with; whether it is in ALARM."""
        step = min(self.rule.period, MINUTE)
        for before in range(MINUTE - step, -1, -step):
            self.state = evaluate(self.rule, self.values(history, end, before), self.state)
        return self.state is AlarmState.ALARM

    def values(self, history: Sequence[Gauges], end: float, before: float = 0.0) -> list[float | None]:
        """The values that it is evaluated on `before` seconds before `end`, oldest first; None without a datapoint."""
        if self._plain:
            known = min(len(history), self.rule.evaluation_range)
            recent = [history[index][self.gauge] for index in range(-known, 0)]
            return [None if value is MISSING else value for value in recent]
        ages = range(min(len(history), self.minutes), 0, -1)
        published = [(age, value) for age in ages if (value := history[-age][self.gauge]) is not MISSING]
        samples = [Sample.of(end - age * MINUTE, value) for age, value in published]
        return aggregate(samples, self.rule.statistic, self.rule.period, end - before, self.rule.evaluation_range)

    def evaluated(self, values: Sequence[float | None], *, in_alarm: bool) -> EvaluatedAlarm:
        """As a scaling decision reads it: whether it is in ALARM, and of target tracking the latest of `values`."""
        return EvaluatedAlarm(self.name, self.rule, AlarmState.ALARM if in_alarm else AlarmState.OK, values)


class AlarmWindows:
    """All alarms of one endpoint.

    Once there is a datapoint for each evaluation period, the state of most depends on the number of breaching ones alone. They
    are kept as bits of one number, `evaluation_periods` of them for each alarm, which every minute shifts. Before that, and for
    other periods than a minute, `autoscaling.alarms.evaluate` decides.
    """

    def __init__(self, alarms: Sequence[Alarm]) -> None:
        self.alarms = alarms
        self.in_alarm = 0  # bit i: alarm i is in ALARM
        self.look_back = max((alarm.minutes for alarm in alarms), default=1)
        self.history: deque[Gauges] = deque(maxlen=self.look_back)
        self._follows_age = any(alarm.gauge == OLDEST_AGE for alarm in alarms)
        self._incomplete = max((alarm.rule.evaluation_periods for alarm in alarms), default=0)
        self._bits = self._shifted = self._latest = 0
        self._lanes: list[tuple[int, int, int]] = []  # bit of in_alarm, bits of the window, breaches needed
        self._slow = [(index, alarm) for index, alarm in enumerate(alarms) if not alarm.counted]
        self._patterns: dict[tuple[float, ...], int] = {}
        offset = 0
        for index, alarm in enumerate(alarms):
            lane = (1 << alarm.rule.evaluation_periods) - 1 << offset
            self._shifted |= lane & ~(1 << offset)
            if alarm.counted:
                self._lanes.append((1 << index, lane, alarm.rule.datapoints_to_alarm))
            offset += alarm.rule.evaluation_periods

    @property
    def follows_age(self) -> bool:
        """Whether an alarm follows the age of waiting requests, which changes every minute."""
        return self._follows_age

    def seen(self, gauges: Gauges) -> tuple[float, ...]:
        """The gauges that an alarm may follow."""
        return gauges if self._follows_age else (gauges[0], gauges[1], gauges[3])

    def add(self, gauges: Gauges, end: float) -> None:
        """Evaluate all alarms on the minute that ended at `end`."""
        self.history.append(gauges)
        seen = gauges if self._follows_age else (gauges[0], gauges[1], gauges[3])
        pattern = self._patterns.get(seen)
        if pattern is None:
            pattern = self._pattern(seen, gauges)
        self._latest = pattern
        bits = self._bits = (self._bits << 1 & self._shifted) | pattern
        if self._incomplete:
            self._incomplete -= 1
            if self._incomplete:
                self.evaluate(end)
                return
        found = 0
        for bit, lane, needed in self._lanes:
            if (bits & lane).bit_count() >= needed:
                found |= bit
        for index, alarm in self._slow:
            found |= alarm.evaluate(self.history, end) << index
        self.in_alarm = found

    @property
    def counting(self) -> bool:
        """Whether the states of all alarms depend on their counted breaches alone."""
        return not self._incomplete and not self._slow

    def unchanged_minutes(self, most: int) -> int:
        """The number of minutes, up to `most`, that leave all states as they are if they repeat the last one; while counting.

        Only an alarm that the last minute would lead to the other state can change: its window is shifted until it does.
        """
        for bit, lane, needed in self._lanes:
            breaches, in_alarm, window = self._latest & lane, bool(self.in_alarm & bit), self._bits & lane
            if bool(breaches) == in_alarm:
                continue
            for minute in range(most):
                window = (window << 1 & lane & self._shifted) | breaches
                if (window.bit_count() >= needed) is not in_alarm:
                    most = minute
                    break
        return most

    def repeat(self, minutes: int) -> None:
        """Add minutes that repeat the last one and change no state."""
        for _ in range(min(minutes, self.look_back)):
            self._bits = (self._bits << 1 & self._shifted) | self._latest
            self.history.append(self.history[-1])

    def evaluate(self, end: float) -> None:
        """Evaluate all alarms without counting; also where no minute has been published yet."""
        self.in_alarm = sum(alarm.evaluate(self.history, end) << index for index, alarm in enumerate(self.alarms))

    def states(self) -> dict[str, AlarmState]:
        """The state of each alarm by its name."""
        if self._incomplete:
            return {alarm.name: alarm.state for alarm in self.alarms}
        counted = [AlarmState.ALARM if self.in_alarm >> index & 1 else AlarmState.OK for index in range(len(self.alarms))]
        return {alarm.name: state if alarm.counted else alarm.state for alarm, state in zip(self.alarms, counted, strict=True)}

    def _pattern(self, seen: tuple[float, ...], gauges: Gauges) -> int:
        """Which alarms a minute breaches, as the lowest bits of their windows; remembered."""
        pattern = offset = 0
        for alarm in self.alarms:
            pattern |= alarm.breaches(gauges) << offset
            offset += alarm.rule.evaluation_periods
        if len(self._patterns) >= MAX_PATTERNS:
            self._patterns.clear()
        self._patterns[seen] = pattern
        return pattern
