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
from async_endpoint.capacity.settings import ScheduledBounds, Settings, Stepped
from async_endpoint.capacity.simulation.alarm_windows import MINUTE, Alarm, AlarmWindows, Gauges
from async_endpoint.capacity.simulation.outcome import Activity
from async_endpoint.capacity.simulation.publication import Publication

MAX_REMEMBERED: Final = 10_000


class Scaler:
    """The scalable target: bounds, cooldown and policies. Minutes must be given in ascending order."""

    def __init__(self, settings: Settings, start: float, publication: Publication) -> None:
        self.bounds = settings.bounds
        self.activities: list[Activity] = []
        self._tracking: list[tuple[TargetTracking, int]] = []  # with the index of its high alarm, which the low one follows
        self._steps: list[tuple[StepScaling, int]] = []
        self.windows = AlarmWindows(self._alarms(settings, at_zero=publication.per_instance_at_zero))
        self._scale_in = sum(2 << index for _, index in self._tracking)  # bits of the low alarms
        self._decisions: dict[tuple[object, ...], tuple[Decision | None, ScalerState | None]] = {}  # with the state after it
        self._state = ScalerState()
        self._in_progress = False
        self._delayed: deque[Gauges] = deque()
        self._delay = publication.delay_minutes
        self._same = 0  # minutes in a row with the same gauges
        self._settled_after = self.windows.look_back + self._delay
        self._last: tuple[float, ...] = ()
        self._schedules: list[tuple[float, int, ScheduledBounds, ActionSchedule]] = []  # when due, and place in the settings
        for place, action in enumerate(settings.schedules):
            schedule = parse_schedule(action.schedule, action.timezone, start, action.start, action.end)
            self._enqueue(place, action, schedule, start)

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
        if self._nothing_to_do(desired):
            return None
        decision = self._decide(end, desired)
        if decision is None:
            return None
        self.activities.append(Activity(end, desired, decision.desired, decision.cause))
        self._in_progress = True
        return decision.desired

    def skip(self, end: float, most: int, *, stable: bool) -> int:
        """Pass over minutes after that which ended at `end`, if each repeats it and changes nothing; returns how many.

        At most `most`, in which no scheduled action is due and nothing happens to requests or instances. To be called after
        `minute` returned None.
        """
        windows = self.windows
        ends = self._state.since + self._state.cooldown
        if ends > end:
            most = min(most, math.ceil((ends - end) / MINUTE) - 1)
        if self._same < self._settled_after:  # otherwise no window changes any more
            deciding = stable and any(windows.in_alarm >> index & 1 for _, index in self._steps)  # by all values of its window
            if self._same <= self._delay or not windows.counting or deciding:
                return 0
            most = windows.unchanged_minutes(most)
        windows.repeat(most)
        self._same += most
        return most

    def _nothing_to_do(self, desired: int) -> bool:
        """Whether `decide` would return no decision, at little cost: no alarm, or at the minimum only those that scale in."""
        low, high = self.bounds.minimum, self.bounds.maximum
        if not self.windows.in_alarm:
            return low <= desired <= high
        return desired == low and not self.windows.in_alarm & ~self._scale_in

    def _observe(self, gauges: Gauges, end: float) -> None:
        seen = self.windows.seen(gauges)
        self._same = self._same + 1 if seen == self._last else 1
        self._last = seen
        if self._delay:
            self._delayed.append(gauges)
            if len(self._delayed) <= self._delay:
                self.windows.evaluate(end)
                return
            gauges = self._delayed.popleft()
            end -= self._delay * MINUTE
        self.windows.add(gauges, end)

    def _decide(self, end: float, desired: int) -> Decision | None:
        """The decision. It depends on time only through the cooldowns, so equal conditions are decided once."""
        windows, state = self.windows, self._state
        if not windows.counting:
            return self._compute(end, desired)
        out = state.cooling("out", end)
        known = (
            out,
            state.cooling("in", end),
            state.baseline if out else 0,
            desired,
            self.bounds.minimum,
            self.bounds.maximum,
            windows.in_alarm,
            windows.seen(windows.history[-1]),
            tuple([tuple(self._values(index, end)) for _, index in self._steps if windows.in_alarm >> index & 1]),
        )
        remembered = self._decisions.get(known)
        if remembered is not None:
            decision, after = remembered
            if after is not None:
                self._state = ScalerState(after.direction, end, after.cooldown, after.baseline)
            return decision
        decision = self._compute(end, desired)
        if len(self._decisions) < MAX_REMEMBERED:
            self._decisions[known] = decision, None if self._state is state else self._state
        return decision

    def _compute(self, end: float, desired: int) -> Decision | None:
        windows, in_alarm = self.windows, self.windows.in_alarm
        tracking = []
        for policy, index in self._tracking:
            high, low = windows.alarms[index], windows.alarms[index + 1]
            values = (windows.history[-1][high.gauge],) if windows.counting else self._values(index + 1, end)
            above, below = bool(in_alarm >> index & 1), bool(in_alarm >> index & 2)
            reading = TrackingReading(policy, high.evaluated(values, in_alarm=above), low.evaluated(values, in_alarm=below))
            tracking.append(reading)
        steps = [
            StepReading(policy, windows.alarms[index].evaluated(self._values(index, end), in_alarm=True))
            for policy, index in self._steps
            if in_alarm >> index & 1
        ]
        proposals = propose(self._state, end, desired, tracking, steps)
        decision, self._state = decide(self._state, end, desired, proposals, self.bounds)
        return decision

    def _values(self, index: int, end: float) -> list[float | None]:
        return self.windows.alarms[index].values(self.windows.history, end - self._delay * MINUTE)

    def _alarms(self, settings: Settings, *, at_zero: bool) -> list[Alarm]:
        """The alarms of all policies; of target tracking the high and the low one."""
        alarms: list[Alarm] = []
        for policy in settings.policies:
            name = policy.policy.name
            if isinstance(policy, Stepped):
                self._steps.append((policy.policy, len(alarms)))
                alarms.append(Alarm(f"{name}-Alarm", policy.alarm, policy.metric, per_instance_at_zero=at_zero))
            else:
                self._tracking.append((policy.policy, len(alarms)))
                for suffix, rule in zip(("High", "Low"), tracking_alarms(policy.policy), strict=True):
                    alarms.append(Alarm(f"{name}-Alarm{suffix}", rule, policy.metric, per_instance_at_zero=at_zero))
        return alarms

    def _run_scheduled_action(self, now: float, desired: int) -> None:
        due, place, action, schedule = self._schedules.pop(0)
        low = self.bounds.minimum if action.minimum is None else action.minimum
        high = self.bounds.maximum if action.maximum is None else action.maximum
        if low <= high:  # otherwise the action fails and changes nothing (A185)
            self.bounds = Bounds(low, high)
            cause = f"scheduled action name {action.name} was triggered"
            self.activities.append(Activity(now, desired, desired, cause))
        self._enqueue(place, action, schedule, due)

    def _enqueue(self, place: int, action: ScheduledBounds, schedule: ActionSchedule, after: float) -> None:
        """Actions that are due at one time run in the order of the settings, that in which AWS lists them, every time."""
        due = schedule.after(after)
        if due is not None:
            self._schedules.append((due, place, action, schedule))
            self._schedules.sort(key=lambda entry: entry[:2])
