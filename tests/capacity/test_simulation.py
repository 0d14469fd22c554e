"""What a simulated endpoint does with a few requests, by hand."""

from __future__ import annotations

import math
from array import array

import pytest

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.capacity.distributions import Fixed, Recorded
from async_endpoint.capacity.recommendation.evaluation import in_steady_state
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds, Settings, Stepped, Tracked
from async_endpoint.capacity.simulation import Outcome, Publication, Slowdown, simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput

START = 1_700_006_400.0  # midnight, UTC
HOUR = 3600.0


def workload(*requests: tuple[float, float], hours: float = 1.0) -> Workload:
    """Requests as (seconds after the start, service seconds)."""
    arrivals = [START + time for time, _ in requests]
    return Workload.of(arrivals, [seconds for _, seconds in requests], START, START + hours * HOUR)


def fixed(instances: int, concurrency: int = 1, **changes: object) -> Settings:
    """A fixed number of instances: no policies."""
    return Settings("ml.m5.xlarge", concurrency, Bounds(instances, instances), instances, **changes)  # type: ignore[arg-type]


def causes(outcome: Outcome) -> list[tuple[float, int, int]]:
    return [(activity.time - START, activity.before, activity.after) for activity in outcome.activities]


def test_a_single_instance_serves_in_order() -> None:
    outcome = simulate(fixed(1), workload((0, 10), (1, 5), (2, 1), (100, 1)), starts=Fixed(60))
    assert outcome.waits == array("d", [0, 9, 13, 0])
    assert outcome.latencies == array("d", [10, 14, 14, 1])
    assert outcome.instance_seconds == HOUR
    assert (outcome.launches, outcome.expired, outcome.failed, outcome.late, outcome.activities) == (0, 0, 0, 0, ())


def test_requests_go_to_the_least_busy_instance_up_to_the_concurrency() -> None:
    outcome = simulate(fixed(2, concurrency=2), workload(*[(0, 10)] * 5), starts=Fixed(60))
    assert list(outcome.waits) == [0, 0, 0, 0, 10]


def test_a_request_wakes_the_endpoint_and_it_goes_back_to_zero() -> None:
    """Two datapoints without capacity, a start of 100 s; then 300 s of cooldown do not delay the scale-in (A182)."""
    settings = ModuleSettings(initial_instances=0).settings()
    outcome = simulate(settings, workload((20 * 60 + 10, 30)), starts=Fixed(100))
    assert causes(outcome) == [(22 * 60, 0, 1), (25 * 60, 1, 0)]
    assert list(outcome.waits) == [22 * 60 + 100 - (20 * 60 + 10)]
    assert outcome.instance_seconds == 3 * 60
    assert "wake-from-zero" in outcome.activities[0].cause
    assert "AlarmLow" in outcome.activities[1].cause


def test_an_idle_endpoint_scales_in_after_fifteen_minutes() -> None:
    outcome = simulate(ModuleSettings().settings(), workload(), starts=Fixed(100))
    assert causes(outcome) == [(15 * 60, 1, 0)]
    assert outcome.instance_seconds == 15 * 60
    assert outcome.wait(95) == 0


def test_a_backlog_scales_out_after_three_minutes_to_the_ratio() -> None:
    settings = ModuleSettings(max_instances=4, max_concurrent_invocations=1).settings()
    outcome = simulate(settings, workload(*[(1, 600)] * 15), starts=Fixed(90))
    assert causes(outcome)[0] == (180, 1, 3)
    assert sorted(outcome.waits)[:3] == [0, 180 + 90 - 1, 180 + 90 - 1]


def test_scale_in_drains_and_the_drained_time_is_billed() -> None:
    """At 15 minutes the bounds and the low alarm agree on one instance; the busy ones finish first."""
    policy = TargetTracking("t", 5, MetricId(m.NAMESPACE, m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name))
    settings = Settings("ml.m5.xlarge", 1, Bounds(0, 2), 2, (Tracked(policy),))
    outcome = simulate(settings, workload((0, 1000), (1, 1200)), starts=Fixed(60))
    assert causes(outcome)[0] == (900, 2, 1)
    assert list(outcome.latencies) == [1000, 1200]
    assert causes(outcome)[1] == (1320, 1, 0)  # 300 s after the first was gone, at 1020 s
    assert outcome.instance_seconds == 1000 + 1320


def test_scale_in_stops_what_does_not_serve_yet_first() -> None:
    """A replacement of a dead instance is still starting when the bounds fall to one: the busy instance stays."""
    schedules = (ScheduledBounds("less", "cron(10 0 * * ? *)", minimum=1, maximum=1),)
    settings = fixed(2, schedules=schedules)
    outcome = simulate(settings, workload((0, 1), (0.5, 2000)), starts=Fixed(900), deaths=[START + 10])
    assert causes(outcome)[1:] == [(600, 2, 1)]
    assert list(outcome.latencies) == [1, 2000]
    assert outcome.instance_seconds == 60 + HOUR + (600 - 40)


def test_an_instance_that_starts_just_before_the_end_is_billed_a_minute() -> None:
    outcome = simulate(fixed(1), workload(), starts=Fixed(300), deaths=[START + HOUR - 40])
    assert (outcome.instance_seconds, outcome.launches) == (HOUR - 40 + 60, 1)


def stepped(metric: str, rule: AlarmRule, *steps: Step, most: int = 2) -> Settings:
    policy = Stepped(StepScaling("step", "ChangeInCapacity", steps), rule, metric)
    return Settings("ml.m5.xlarge", 1, Bounds(1, most), 1, (policy,))


def test_a_dead_instance_counts_for_the_backlog_of_each_until_it_is_replaced() -> None:
    """Eight requests on one of two instances are above the target of five, on both of them they are not."""
    policy = TargetTracking("t", 5, MetricId(m.NAMESPACE, m.APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name))
    settings = Settings("ml.m5.xlarge", 1, Bounds(2, 9), 2, (Tracked(policy),))
    requests = workload(*[(0, 3000)] * 8)
    assert causes(simulate(settings, requests, starts=Fixed(100))) == []
    slow = simulate(settings, requests, starts=Fixed(600), deaths=[START + 70])
    assert causes(slow)[0] == (240, 2, 4)


def test_a_step_follows_the_average_of_its_window_while_nothing_else_happens() -> None:
    """Two requests, four from 9:30 on: the average exceeds the threshold by less than two at 10 minutes, by more at 11."""
    rule = AlarmRule("GreaterThanOrEqualToThreshold", 1, 60, 3, 3)
    settings = stepped("ApproximateBacklogSize", rule, Step(0, 2, 0), Step(2, None, 1))
    outcome = simulate(settings, workload((0, 3000), (0, 3000), (570, 10), (571, 10)), starts=Fixed(60))
    assert causes(outcome)[0] == (660, 1, 2)


def test_a_policy_may_follow_the_age_of_waiting_requests() -> None:
    settings = stepped("ApproximateAgeOfOldestRequest", AlarmRule("GreaterThanThreshold", 900), Step(0, None, 1))
    outcome = simulate(settings, workload((0, 3000), (30, 10)), starts=Fixed(60))
    assert causes(outcome) == [(960, 1, 2)]
    assert outcome.waits[1] == 960 + 60 - 30


def test_requests_expire_in_the_queue_and_count_as_endless_waits() -> None:
    outcome = simulate(fixed(1, request_ttl_seconds=60), workload((0, 100), (1, 1), (50, 1)), starts=Fixed(60))
    assert (outcome.expired, list(outcome.waits)) == (1, [0, 50])
    assert outcome.wait(66) == 50
    assert outcome.wait(67) == math.inf


def test_late_requests_are_simulated_to_their_end() -> None:
    outcome = simulate(fixed(1), workload((3590, 10 * 60), (3600, 60)), starts=Fixed(60))
    assert outcome.late == 2
    assert outcome.latency(100) == 10 * 60 + 60 - 10
    assert outcome.end - START == math.ceil((3590 + 660) / 60) * 60
    assert outcome.instance_seconds == outcome.end - START


def test_a_dead_instance_is_replaced_and_its_request_goes_first() -> None:
    deaths = [START + 10]
    outcome = simulate(fixed(1), workload((0, 100), (1, 5)), starts=Fixed(50), deaths=deaths)
    assert list(outcome.waits) == [10 + 30 + 50, 190 - 1]
    assert outcome.instance_seconds == 60 + HOUR - 40  # ten seconds are billed as a minute
    assert outcome.launches == 1


def test_a_request_fails_with_its_third_death_and_replacements_back_off() -> None:
    outcome = simulate(fixed(1), workload((0, 1000)), starts=Fixed(50), deaths=[START + at for at in (100, 200, 300)])
    assert (outcome.failed, len(outcome.waits)) == (1, 0)
    starting = simulate(fixed(1), workload((0, 1000)), starts=Fixed(50), deaths=[START + at for at in (10, 60, 130)])
    # Replaced at 40, dead while starting at 60: replaced at 60 + 60; dead at 130: replaced at 130 + 120, in service at 300.
    assert list(starting.waits) == [300]


def test_schedules_change_the_bounds_in_their_time_zone() -> None:
    schedules = (
        ScheduledBounds("open", "cron(0 7 * * ? *)", "Europe/Berlin", minimum=2, maximum=2),
        ScheduledBounds("close", "cron(0 8 * * ? *)", "Europe/Berlin", minimum=0, maximum=0),
    )
    outcome = simulate(fixed(0, schedules=schedules), workload(hours=24), starts=Fixed(60))
    assert causes(outcome) == [(6 * HOUR, 0, 0), (6 * HOUR, 0, 2), (7 * HOUR, 2, 2), (7 * HOUR, 2, 0)]
    assert outcome.instance_hours == 2.0


@pytest.mark.parametrize(("names", "minimum"), [(("hourly", "morning"), 2), (("morning", "hourly"), 0)])
def test_actions_of_one_time_run_in_the_order_of_the_settings(names: tuple[str, ...], minimum: int) -> None:
    """As the local AWS runs them: although the hourly one was due more often before."""
    actions = {
        "hourly": ScheduledBounds("hourly", "cron(0 * * * ? *)", minimum=0),
        "morning": ScheduledBounds("morning", "cron(0 8 * * ? *)", minimum=2),
    }
    settings = Settings("ml.m5.xlarge", 1, Bounds(0, 5), 0, schedules=tuple(actions[name] for name in names))
    outcome = simulate(settings, Workload.of([], Fixed(1), 0, 9 * 3_600), starts=Fixed(60), timeline=True)
    assert [one.desired for one in outcome.timeline if one.time == 8 * 3_600 + 1_800] == [minimum]
    assert in_steady_state(settings, 8 * 3_600 + 1_800).bounds.minimum == minimum


def test_an_action_that_crosses_the_bounds_changes_nothing() -> None:
    schedules = (ScheduledBounds("wrong", "cron(0 7 * * ? *)", minimum=5),)
    outcome = simulate(fixed(1, schedules=schedules), workload(hours=24), starts=Fixed(60))
    assert outcome.activities == ()


def test_a_slowdown_applies_at_the_number_of_requests_on_the_instance() -> None:
    slowdown = Slowdown.of({2: 1.5, 4: 3.0})
    outcome = simulate(fixed(1, concurrency=4), workload(*[(0, 10)] * 4), starts=Fixed(0), slowdown=slowdown)
    assert list(outcome.latencies) == [10, 15, 22.5, 30]


def test_start_times_are_those_of_the_launches_in_order() -> None:
    outcome = simulate(fixed(1), workload((0, 1000)), starts=Recorded((70.0, 5.0)), deaths=[START + 10, START + 200])
    assert list(outcome.waits) == [200 + 30 + 5]


def test_a_publication_delay_delays_decisions() -> None:
    settings = ModuleSettings(initial_instances=0).settings()
    late = simulate(settings, workload((610, 1)), starts=Fixed(60), publication=Publication(delay_minutes=1))
    assert causes(late)[0] == (13 * 60, 0, 1)


def test_without_a_backlog_per_instance_at_zero_a_woken_instance_stays_fifteen_minutes() -> None:
    """If A171 is wrong: the low alarm has no data while the endpoint sleeps."""
    settings = ModuleSettings(initial_instances=0).settings()
    requests = workload((20 * 60 + 10, 30))
    woken = simulate(settings, requests, starts=Fixed(100), publication=Publication(per_instance_at_zero=False))
    assert causes(woken) == [(22 * 60, 0, 1), (38 * 60, 1, 0)]  # in service at 23:40
    assert woken.instance_seconds == 16 * 60


def test_the_timeline_has_every_minute_skipped_ones_too() -> None:
    outcome = simulate(ModuleSettings(initial_instances=0).settings(), workload((610, 1)), starts=Fixed(90), timeline=True)
    assert [minute.time - START for minute in outcome.timeline] == [60.0 * count for count in range(1, 61)]
    first = outcome.timeline[10]
    assert (first.backlog, first.desired, first.in_service, first.oldest_age) == (1, 0, 0, 50)
    assert outcome.timeline[11].alarms["wake-from-zero-Alarm"] is AlarmState.ALARM
    assert outcome.timeline[-1].alarms["backlog-per-instance-AlarmLow"] is AlarmState.ALARM


def test_policies_on_other_metrics_are_refused_by_name() -> None:
    for metric, why in (("Invocations", "never acts"), ("TimeInBacklog", "not simulated")):
        alarm = AlarmRule("GreaterThanThreshold", 1)
        step = Stepped(StepScaling("wake", "ChangeInCapacity", (Step(0, None, 1),)), alarm, metric)
        with pytest.raises(InvalidInput, match=f"wake follows {metric}, which .*{why}"):
            Settings("ml.m5.xlarge", 1, Bounds(0, 1), policies=(step,))
