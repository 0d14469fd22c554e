"""The guide's two policies on a virtual clock: from zero, to the maximum, and back to zero."""

from __future__ import annotations

from dataclasses import dataclass, field

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.decisions import (
    Bounds,
    Decision,
    EvaluatedAlarm,
    ScalerState,
    StepReading,
    TrackingReading,
    completed,
    decide,
    propose,
)
from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking, tracking_alarms
from async_endpoint.autoscaling.statistics import MetricId, Sample, aggregate
from async_endpoint.core import metrics

START = 1_700_000_040.0  # a whole minute
TRACK = TargetTracking("backlog", 5.0, MetricId(metrics.NAMESPACE, metrics.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name))
WAKE = StepScaling("wake", "ChangeInCapacity", (Step(0, None, 1),))
WAKE_RULE = AlarmRule("GreaterThanOrEqualToThreshold", 1.0, 60, 2, 2)


@dataclass
class Endpoint:
    """A queue and instances; every virtual minute publishes, evaluates and acts, as the local AWS does."""

    bounds: Bounds
    cold_start_minutes: int = 0
    wakes: bool = True
    desired: int = 0
    running: int = 0
    backlog: int = 0
    per_instance_minute: int = 0
    minute: int = 0
    state: ScalerState = field(default_factory=ScalerState)
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {"per": [], "none": []})
    alarms: dict[str, AlarmState] = field(default_factory=dict)
    log: list[tuple[int, Decision]] = field(default_factory=list)
    _ready_at: int | None = None

    def run(self, minutes: int) -> Endpoint:
        for _ in range(minutes):
            self._tick()
        return self

    def _tick(self) -> None:
        self.backlog = max(0, self.backlog - self.running * self.per_instance_minute)
        for second in (0, 20, 40):
            time = START + self.minute * 60 + second
            self.samples["per"].append(Sample.of(time, self.backlog / max(1, self.running)))
            self.samples["none"].append(Sample.of(time, float(self.backlog > 0 and self.running == 0)))
        self.minute += 1
        now = START + self.minute * 60
        if self._ready_at is not None and self.minute >= self._ready_at:
            self._ready_at, self.running = None, self.desired
            self.state = completed(self.state, now)
        high, low = tracking_alarms(TRACK)
        tracking = TrackingReading(TRACK, self._alarm("high", high, "per", now), self._alarm("low", low, "per", now))
        steps = [StepReading(WAKE, self._alarm("asleep", WAKE_RULE, "none", now))] if self.wakes else []
        proposals = propose(self.state, now, self.desired, [tracking], steps)
        if self._ready_at is not None:  # SageMaker refuses to change an endpoint that is updating
            return
        decision, self.state = decide(self.state, now, self.desired, proposals, self.bounds)
        if decision is not None:
            self.log.append((self.minute, decision))
            self.desired = decision.desired
            if self.cold_start_minutes and self.desired > self.running:
                self._ready_at = self.minute + self.cold_start_minutes
            else:
                self.running = self.desired

    def _alarm(self, name: str, rule: AlarmRule, series: str, now: float) -> EvaluatedAlarm:
        values = aggregate(self.samples[series], rule.statistic, rule.period, now, rule.evaluation_range)
        self.alarms[name] = evaluate(rule, values, self.alarms.get(name, AlarmState.INSUFFICIENT_DATA))
        return EvaluatedAlarm(name, rule, self.alarms[name], values)


def test_one_request_at_zero_instances_wakes_one_after_two_datapoints():
    endpoint = Endpoint(Bounds(0, 4)).run(20)
    assert endpoint.log == []
    endpoint.backlog = 1
    endpoint.run(1)
    assert endpoint.log == []
    endpoint.run(1)
    [(minute, decision)] = endpoint.log
    assert (minute, decision.from_capacity, decision.desired) == (22, 0, 1)
    assert decision.cause == "monitor alarm asleep in state ALARM triggered policy wake"


def test_an_idle_endpoint_scales_to_zero_after_fifteen_datapoints():
    endpoint = Endpoint(Bounds(0, 4), desired=1, running=1).run(14)
    assert endpoint.log == []
    endpoint.run(1)
    [(minute, decision)] = endpoint.log
    assert (minute, decision.desired) == (15, 0)
    assert decision.cause == "monitor alarm low in state ALARM triggered policy backlog"
    assert endpoint.run(60).log == [(minute, decision)]


def test_without_the_wake_policy_zero_is_left_only_once_the_backlog_exceeds_the_target():
    endpoint = Endpoint(Bounds(0, 4), wakes=False, backlog=5).run(60)
    assert endpoint.log == []
    endpoint.backlog = 6
    endpoint.run(3)
    [(minute, decision)] = endpoint.log
    assert (minute, decision.policy_name, decision.desired) == (63, "backlog", 2)


def test_a_cold_start_longer_than_the_cooldown_wakes_one_instance_not_two():
    endpoint = Endpoint(Bounds(0, 4), cold_start_minutes=8, backlog=1).run(12)
    assert [decision.desired for _, decision in endpoint.log] == [1]
    assert endpoint.running == 1


def test_a_hundred_requests_scale_out_to_the_maximum_and_back_to_zero():
    endpoint = Endpoint(Bounds(0, 4), cold_start_minutes=2, per_instance_minute=3, backlog=100).run(80)
    capacities = [decision.desired for _, decision in endpoint.log]
    assert capacities[:2] == [1, 4]
    assert [decision.policy_name for _, decision in endpoint.log[:2]] == ["wake", "backlog"]
    assert capacities[-1] == 0
    assert capacities[1:] == sorted(capacities[1:], reverse=True)
    assert endpoint.backlog == endpoint.running == 0


def test_it_wakes_again_from_zero_and_scales_in_as_soon_as_the_work_is_done():
    """A backlog of one never lifts the low alarm, so its fifteen datapoints are there already when the queue is empty."""
    endpoint = Endpoint(Bounds(0, 2), per_instance_minute=10, desired=1, running=1).run(20)
    assert endpoint.running == 0
    endpoint.backlog = 1
    endpoint.run(3)
    assert [(minute, decision.desired) for minute, decision in endpoint.log] == [(15, 0), (22, 1), (23, 0)]
    assert endpoint.backlog == 0


def test_a_long_request_keeps_its_instance_although_the_low_alarm_fires():
    endpoint = Endpoint(Bounds(0, 2), backlog=1).run(60)
    assert endpoint.alarms["low"] is AlarmState.ALARM
    assert [decision.desired for _, decision in endpoint.log] == [1]


def test_a_steady_backlog_on_target_changes_nothing():
    endpoint = Endpoint(Bounds(0, 4), desired=2, running=2, backlog=10).run(120)
    assert endpoint.log == []
