"""An asynchronous endpoint simulated without any shortcut, to compare capacity/simulation with: an object for each request and
instance, every minute evaluated on stored datapoints. Written from emulator/hosting and emulator/scaling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.decisions import Bounds as CapacityBounds
from async_endpoint.autoscaling.decisions import (
    EvaluatedAlarm,
    ScalerState,
    StepReading,
    TrackingReading,
    completed,
    decide,
    propose,
)
from async_endpoint.autoscaling.policies import tracking_alarms
from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.autoscaling.statistics import Sample, aggregate
from async_endpoint.capacity.settings import Settings, Tracked
from async_endpoint.capacity.simulation.publication import DEFAULT, Publication
from async_endpoint.capacity.workload import Workload


@dataclass(eq=False)
class Request:
    number: int
    arrival: float
    service: float
    deaths: int = 0
    started: float | None = None
    ends: float = math.inf
    outcome: str = ""


@dataclass(eq=False)
class Machine:
    launched: float
    ready: float
    draining: bool = False
    stopped: float | None = None
    requests: list[Request] = field(default_factory=list)


@dataclass(eq=False)
class Alarm:
    rule: AlarmRule
    metric: str
    state: AlarmState = AlarmState.INSUFFICIENT_DATA
    values: list[float | None] = field(default_factory=list)


class ReferenceEndpoint:
    """Public attributes are the outcome; `run` simulates to the end of the window and of the last request."""

    def __init__(
        self,
        settings: Settings,
        workload: Workload,
        start_seconds: Iterator[float],
        deaths: Sequence[float] = (),
        publication: Publication = DEFAULT,
        factor: Callable[[int], float] = lambda concurrency: 1.0,
    ) -> None:
        self.settings, self.workload = settings, workload
        self.requests = [
            Request(number, *pair) for number, pair in enumerate(zip(workload.arrivals, workload.service, strict=True))
        ]
        self.activities: list[tuple[float, int, int]] = []
        self.machines: list[Machine] = []
        self.every_machine: list[Machine] = []
        self._start_seconds, self._deaths, self._factor = start_seconds, sorted(deaths), factor
        self._delay, self._at_zero = publication.delay_minutes, publication.per_instance_at_zero
        self._now = workload.start
        self._coming = list(self.requests)
        self._queue: list[Request] = []
        self._desired = settings.initial
        self._updating = self._in_progress = False
        self._failures, self._replace_at = 0, -math.inf
        self._bounds, self._state = settings.bounds, ScalerState()
        self._gauges: list[tuple[float, dict[str, float]]] = []  # by the start of their minute
        self._alarms = [
            [Alarm(rule, policy.metric) for rule in tracking_alarms(policy.policy)]
            if isinstance(policy, Tracked)
            else [Alarm(policy.alarm, policy.metric)]
            for policy in settings.policies
        ]
        for _ in range(settings.initial):
            self._launch(0.0)

    def run(self) -> ReferenceEndpoint:
        minute = math.floor(self.workload.start / 60) * 60 + 60
        while minute <= self.workload.end or any(not request.outcome for request in self.requests):
            if minute > self.workload.end:
                self._run_events(self.workload.end)
                if all(request.outcome for request in self.requests):
                    break
            self._run_events(minute)
            self._run_minute(minute)
            minute += 60
        self.end = max(self._now, self.workload.end)
        self._run_events(self.end)
        return self

    @property
    def waits(self) -> list[float]:
        return [request.started - request.arrival for request in self.requests if request.outcome == "done" and request.started]

    @property
    def billed(self) -> float:
        return sum(max((machine.stopped or self.end) - machine.launched, 60) for machine in self.every_machine)

    def outcomes(self, kind: str) -> int:
        return sum(request.outcome == kind for request in self.requests)

    # --- events ----------------------------------------------------------------------------------------------------------

    def _run_events(self, until: float) -> None:
        while (at := self._next_event()) <= until:
            self._now = at
            self._run_event()
            self._settle()
        self._now = until
        self._settle()

    def _next_event(self) -> float:
        times = [request.ends for machine in self.machines for request in machine.requests]
        times += [machine.ready for machine in self.machines if machine.ready > self._now]
        times += [self._coming[0].arrival] if self._coming else []
        times += [self._replace_at] if self._missing and self._replace_at > self._now else []
        times += [min(request.arrival for request in self._queue) + self.settings.request_ttl_seconds] if self._queue else []
        times += self._deaths[:1]
        return min(times, default=math.inf)

    def _run_event(self) -> None:
        """One event at this moment: an end of service first, then an arrival, then a death; the rest needs no action here."""
        ended = [
            (request.ends, request.number, machine, request)
            for machine in self.machines
            for request in machine.requests
            if request.ends <= self._now
        ]
        if ended:
            _, _, machine, request = min(ended, key=lambda entry: entry[:2])
            machine.requests.remove(request)
            request.outcome = "done"
        elif self._coming and self._coming[0].arrival <= self._now:
            self._queue.append(self._coming.pop(0))
        elif self._deaths and self._deaths[0] <= self._now:
            self._deaths.pop(0)
            self._die()

    def _die(self) -> None:
        alive = [machine for machine in self.machines if not machine.draining]
        victim = next((machine for machine in alive if machine.ready <= self._now), alive[0] if alive else None)
        if victim is None:
            return
        self._stop(victim)
        lost = sorted(victim.requests, key=lambda request: request.number)
        victim.requests = []
        for request in lost:
            request.deaths += 1
            request.outcome = "failed" if request.deaths == 3 else ""
        self._queue = [request for request in lost if not request.outcome] + self._queue
        self._replace_at = self._now + min(30 * 2**self._failures, 600)
        self._failures += 1

    # --- instances -------------------------------------------------------------------------------------------------------

    @property
    def _serving(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.ready <= self._now and not machine.draining]

    @property
    def _missing(self) -> int:
        return self._desired - sum(not machine.draining for machine in self.machines)

    def _launch(self, seconds: float) -> None:
        self.machines.append(Machine(self._now, self._now + seconds))
        self.every_machine.append(self.machines[-1])

    def _stop(self, machine: Machine) -> None:
        machine.stopped = self._now
        self.machines.remove(machine)

    def _settle(self) -> None:
        """What the control loop of an endpoint does after every event."""
        self._failures = 0 if self._serving else self._failures
        if self._missing > 0 and self._now >= self._replace_at:
            for _ in range(self._missing):
                self._launch(next(self._start_seconds))
        staying = [machine for machine in self.machines if not machine.draining]
        order = sorted(staying, key=lambda machine: (machine.ready <= self._now, len(machine.requests)))
        for machine in order[: max(-self._missing, 0)]:
            machine.draining = True
        for machine in [machine for machine in self.machines if machine.draining and not machine.requests]:
            self._stop(machine)
        if len(self._serving) == len(self.machines) == self._desired:
            self._updating = False
        for request in [request for request in self._queue if request.arrival + self.settings.request_ttl_seconds <= self._now]:
            self._queue.remove(request)
            request.outcome = "expired"
        while self._queue:
            least = min(self._serving, key=lambda machine: len(machine.requests), default=None)
            if least is None or len(least.requests) >= self.settings.concurrency:
                break
            request = self._queue.pop(0)
            least.requests.append(request)
            request.started, request.ends = self._now, self._now + request.service * self._factor(len(least.requests))

    # --- minutes ---------------------------------------------------------------------------------------------------------

    def _run_minute(self, end: float) -> None:
        backlog = len(self._queue) + sum(len(machine.requests) for machine in self.machines)
        serving = len(self._serving)
        gauges = {
            "ApproximateBacklogSize": float(backlog),
            "ApproximateBacklogSizePerInstance": backlog / max(serving, 1),
            "ApproximateAgeOfOldestRequest": end - self._queue[0].arrival if self._queue else 0.0,
            "HasBacklogWithoutCapacity": float(backlog > 0 and serving == 0),
        }
        if not serving and not self._at_zero:
            del gauges["ApproximateBacklogSizePerInstance"]
        self._gauges.append((end - 60, gauges))
        for alarm in (alarm for alarms in self._alarms for alarm in alarms):
            self._evaluate(alarm, end - 60 * self._delay)
        self._run_scheduled_actions(end)
        if self._updating:
            return
        if self._in_progress:
            self._state, self._in_progress = completed(self._state, end), False
        proposals = propose(self._state, end, self._desired, *self._readings())
        decision, self._state = decide(self._state, end, self._desired, proposals, self._bounds)
        if decision is not None:
            self.activities.append((end, self._desired, decision.desired))
            self._desired, self._updating, self._in_progress = decision.desired, True, True
            self._settle()

    def _evaluate(self, alarm: Alarm, end: float) -> None:
        step = min(alarm.rule.period, 60)
        for before in range(60 - step, -1, -step):
            known = [(time, gauges) for time, gauges in self._gauges[-40:] if time < end and alarm.metric in gauges]
            samples = [Sample.of(time, gauges[alarm.metric]) for time, gauges in known]
            rule = alarm.rule
            alarm.values = aggregate(samples, rule.statistic, rule.period, end - before, rule.evaluation_range)
            alarm.state = evaluate(rule, alarm.values, alarm.state)

    def _readings(self) -> tuple[list[TrackingReading], list[StepReading]]:
        tracking, steps = [], []
        for policy, alarms in zip(self.settings.policies, self._alarms, strict=True):
            read = [EvaluatedAlarm("", alarm.rule, alarm.state, alarm.values) for alarm in alarms]
            if isinstance(policy, Tracked):
                tracking.append(TrackingReading(policy.policy, *read))
            else:
                steps.append(StepReading(policy.policy, *read))
        return tracking, steps

    def _run_scheduled_actions(self, end: float) -> None:
        due = []
        for action in self.settings.schedules:
            schedule = parse_schedule(action.schedule, action.timezone, self.workload.start, action.start, action.end)
            time = schedule.after(max(end - 60, self.workload.start))
            due += [(time, action)] if time is not None and time <= end else []
        for _, action in sorted(due, key=lambda pair: pair[0]):
            low = self._bounds.minimum if action.minimum is None else action.minimum
            high = self._bounds.maximum if action.maximum is None else action.maximum
            self._bounds = CapacityBounds(low, high) if low <= high else self._bounds
