"""Scaling of a simulated endpoint: alarms, scheduled actions and decisions of each minute, as emulator/scaling does it."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from async_endpoint.autoscaling.decisions import (
    Bounds,
    Decision,
    ScalerState,
    StepReading,
    TrackingReading,
    completed,
    decide,
    propose,
)
from async_endpoint.autoscaling.policies import StepScaling, TargetTracking, tracking_alarms
from async_endpoint.autoscaling.schedules import ActionSchedule, parse_schedule
from async_endpoint.capacity.settings import SIMULATED, ScheduledBounds, Settings, Stepped
from async_endpoint.capacity.simulation.alarm_window import AlarmWindow
from async_endpoint.capacity.simulation.outcome import Activity

MINUTE: Final = 60
OLDEST_AGE: Final = 2  # its place in SIMULATED

Gauges = tuple[float, float, float, float]  # the metrics SIMULATED, of one minute


class Scaler:
    """The scalable target: bounds, cooldown and policies. Minutes must be given in ascending order."""

    def __init__(self, settings: Settings, start: float, delay_minutes: int) -> None:
        self.bounds = settings.bounds
        self.activities: list[Activity] = []
        self.alarms: list[AlarmWindow] = []
        self._tracking: list[tuple[TargetTracking, AlarmWindow, AlarmWindow]] = []
        self._steps: list[tuple[StepScaling, AlarmWindow]] = []
        for policy in settings.policies:
            if isinstance(policy, Stepped):
                alarm = self._alarm(AlarmWindow(f"{policy.policy.name}-Alarm", policy.alarm, SIMULATED.index(policy.metric)))
                self._steps.append((policy.policy, alarm))
            else:
                name, gauge = policy.policy.name, SIMULATED.index(policy.metric)
                above, below = tracking_alarms(policy.policy)
                high = self._alarm(AlarmWindow(f"{name}-AlarmHigh", above, gauge))
                low = self._alarm(AlarmWindow(f"{name}-AlarmLow", below, gauge))
                self._tracking.append((policy.policy, high, low))
        self.follows_age = any(alarm.gauge == OLDEST_AGE for alarm in self.alarms)
        self._scale_in = {low for _, _, low in self._tracking}
        self._in_alarm: list[AlarmWindow] = []
        self._undecided: set[tuple[object, ...]] = set()  # what led to no decision since the last change
        self._state = ScalerState()
        self._in_progress = False
        longest = max((alarm.minutes for alarm in self.alarms), default=1)
        self._history: deque[Gauges] = deque(maxlen=longest)
        self._delayed: deque[Gauges] = deque()
        self._delay = delay_minutes
        self._same = 0  # minutes in a row with the same gauges
        self._settled_after = longest + delay_minutes
        self._last: tuple[float, ...] = ()
        self._schedules: list[tuple[float, ScheduledBounds, ActionSchedule]] = []
        for action in settings.schedules:
            schedule = parse_schedule(action.schedule, action.timezone, start, action.start, action.end)
            self._enqueue(action, schedule, start)

    @property
    def next_scheduled(self) -> float:
        """When the next scheduled action is due; inf if none is."""
        return self._schedules[0][0] if self._schedules else math.inf

    def minute(self, end: float, gauges: Gauges, desired: int, *, stable: bool) -> int | None:
        """Evaluate the minute that ends at `end`; returns the capacity to set, if it is to change.

        `stable` is whether no change of capacity is in progress.
        """
        self._observe(gauges, end)
        while self._schedules and self._schedules[0][0] <= end:
            self._run_scheduled_action(end, desired)
        if not stable:
            return None
        if self._in_progress:
            self._state = completed(self._state, end)  # the cooldown starts here
            self._in_progress = False
            self._undecided.clear()
        if self._nothing_to_do(desired):
            return None
        decision = self._decide(end, desired)
        if decision is None:
            return None
        self._undecided.clear()
        self.activities.append(Activity(end, desired, decision.desired, decision.cause))
        self._in_progress = True
        return decision.desired

    def quiet_until(self, now: float) -> float:
        """Until when minutes with the gauges of the last one change nothing, scheduled actions aside; `now` if they may.

        To be asked after `minute` returned None.
        """
        if self._same < self._settled_after:
            return now
        ends = self._state.since + self._state.cooldown
        return ends if ends > now else math.inf

    def _without_age(self, gauges: Gauges) -> tuple[float, ...]:
        """The gauges that an alarm may follow: the age of a waiting request changes every minute, and few follow it."""
        return gauges if self.follows_age else (gauges[0], gauges[1], gauges[3])

    def _nothing_to_do(self, desired: int) -> bool:
        """Whether `decide` would return no decision, at little cost: no alarm, or at the minimum only those that scale in."""
        low, high = self.bounds.minimum, self.bounds.maximum
        if not self._in_alarm:
            return low <= desired <= high
        return desired == low and self._scale_in.issuperset(self._in_alarm)

    def _observe(self, gauges: Gauges, end: float) -> None:
        seen = self._without_age(gauges)
        self._same = self._same + 1 if seen == self._last else 1
        self._last = seen
        if self._delay:
            self._delayed.append(gauges)
            if len(self._delayed) <= self._delay:
                for alarm in self.alarms:
                    alarm.evaluate(self._history, end)
                return
            gauges = self._delayed.popleft()
            end -= self._delay * MINUTE
        self._history.append(gauges)
        self._in_alarm = [alarm for alarm in self.alarms if alarm.add(self._history, end)]

    def _decide(self, end: float, desired: int) -> Decision | None:
        """The decision; a `None` is remembered until something changes that it depends on."""
        if not self._history:
            return decide(self._state, end, desired, (), self.bounds)[0]
        gauges, seen, history = self._history[-1], end - self._delay * MINUTE, self._history
        cooling = end < self._state.since + self._state.cooldown
        known = (*self._without_age(gauges), cooling, *self._in_alarm)
        if known in self._undecided:
            return None
        tracking = [
            TrackingReading(policy, high.evaluated((gauges[high.gauge],)), low.evaluated((gauges[low.gauge],)))
            for policy, high, low in self._tracking
        ]
        steps = [StepReading(policy, alarm.evaluated(alarm.values(history, seen))) for policy, alarm in self._steps]
        proposals = propose(self._state, end, desired, tracking, steps)
        decision, self._state = decide(self._state, end, desired, proposals, self.bounds)
        if decision is None and not any(alarm in self._in_alarm for _, alarm in self._steps):
            self._undecided.add(known)
        return decision

    def _run_scheduled_action(self, now: float, desired: int) -> None:
        due, action, schedule = self._schedules.pop(0)
        low = self.bounds.minimum if action.minimum is None else action.minimum
        high = self.bounds.maximum if action.maximum is None else action.maximum
        if low <= high:  # otherwise the action fails and changes nothing (A185)
            self.bounds = Bounds(low, high)
            self._undecided.clear()
            cause = f"scheduled action name {action.name} was triggered"
            self.activities.append(Activity(now, desired, desired, cause))
        self._enqueue(action, schedule, due)

    def _enqueue(self, action: ScheduledBounds, schedule: ActionSchedule, after: float) -> None:
        due = schedule.after(after)
        if due is not None:
            self._schedules.append((due, action, schedule))
            self._schedules.sort(key=lambda entry: entry[0])

    def _alarm(self, alarm: AlarmWindow) -> AlarmWindow:
        self.alarms.append(alarm)
        return alarm
