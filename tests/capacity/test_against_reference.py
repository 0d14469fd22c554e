"""The simulator against a simulation without shortcuts, and against itself without skipping minutes: the same outcome."""

from __future__ import annotations

from itertools import repeat

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.capacity.distributions import LogNormal, draws
from async_endpoint.capacity.settings import SIMULATED, ScheduledBounds, Settings, Stepped, Tracked
from async_endpoint.capacity.simulation import Outcome, Publication, Slowdown, engine, simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.core import metrics as m
from support.reference_endpoint import ReferenceEndpoint

START = 1_700_006_400.0
STARTS = LogNormal(100, 250)
SLOWDOWN = Slowdown.of({2: 1.3, 3: 2.0})
COOLDOWNS = st.sampled_from([0, 60, 300, 900])
SCHEDULES = (
    ScheduledBounds("up", "cron(5 * * * ? *)", minimum=2, maximum=3),
    ScheduledBounds("down", "cron(25 * * * ? *)", minimum=0, maximum=1),
    ScheduledBounds("wider", "rate(17 minutes)", maximum=6),
)
# Due at one time each half hour, and again with the hourly one: the last in this order decides, however often each has run.
COINCIDING = (
    ScheduledBounds("hourly", "cron(0 * * * ? *)", minimum=0, maximum=1),
    ScheduledBounds("often", "rate(10 minutes)", minimum=1, maximum=2),
    ScheduledBounds("halves", "cron(0/30 * * * ? *)", minimum=2, maximum=4),
)

tracked = st.builds(
    lambda target, metric, inward, outward, disabled: Tracked(
        TargetTracking("track", target, MetricId(m.NAMESPACE, metric), inward, outward, disable_scale_in=disabled)
    ),
    st.sampled_from([0.7, 1.0, 2.0, 5.0]),
    st.sampled_from([SIMULATED[1], SIMULATED[1], SIMULATED[0]]),
    COOLDOWNS,
    COOLDOWNS,
    st.sampled_from([False, False, True]),
)
rules = st.builds(
    lambda comparison, threshold, period, evaluated, needed, statistic, missing: AlarmRule(
        comparison, threshold, period, evaluated, min(needed, evaluated), statistic, missing
    ),
    st.sampled_from(["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"]),
    st.sampled_from([0.5, 1.0, 4.0, 120.0]),
    st.sampled_from([60, 60, 60, 180, 30]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(["Average", "Maximum", "SampleCount", "p90"]),
    st.sampled_from(["missing", "breaching", "notBreaching", "ignore"]),
)
stepped = st.builds(
    lambda adjustment, small, cooldown, rule, metric: Stepped(
        StepScaling("step", "ChangeInCapacity", (Step(None, 0, small), Step(0, 2, small), Step(2, None, adjustment)), cooldown),
        rule,
        metric,
    ),
    st.sampled_from([1, 1, 2, -1]),
    st.sampled_from([0, 1]),
    COOLDOWNS,
    rules,
    st.sampled_from(SIMULATED),
)
wake = st.builds(
    lambda cooldown: Stepped(
        StepScaling("wake", "ChangeInCapacity", (Step(0, None, 1),), cooldown),
        AlarmRule("GreaterThanOrEqualToThreshold", 1, 60, 2, 2),
        SIMULATED[3],
    ),
    COOLDOWNS,
)
publications = st.builds(Publication, st.integers(0, 2), st.sampled_from([True, True, True, False]))


@st.composite
def endpoints(draw: st.DrawFn) -> Settings:
    low = draw(st.sampled_from([0, 0, 0, 1]))
    policies = draw(st.lists(st.one_of(tracked, tracked, stepped, wake), min_size=1, max_size=3))
    return Settings(
        instance_type="ml.m5.xlarge",
        concurrency=draw(st.integers(1, 3)),
        bounds=Bounds(low, draw(st.integers(max(low, 1), 4))),
        initial=draw(st.integers(0, 3)),
        policies=tuple(policies),
        schedules=draw(st.sampled_from([(), (), SCHEDULES, COINCIDING, COINCIDING[::-1]])),
        request_ttl_seconds=draw(st.sampled_from([60, 600, 21_600])),
    )


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """A few bursts in up to two hours, with quiet stretches between them; times in whole and in odd seconds."""
    bursts = draw(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 12), st.sampled_from([0, 1, 7.3, 61])), max_size=4))
    arrivals = sorted(START + start + count * pause for start, size, pause in bursts for count in range(size))
    service = draw(st.lists(st.sampled_from([0.5, 10, 59, 240.1, 1_500]), min_size=len(arrivals), max_size=len(arrivals)))
    return Workload.of(arrivals, service, START + draw(st.sampled_from([-61, -30, 0])), START + 7_200)


def compared(outcome: Outcome) -> tuple[object, ...]:
    changes = [
        (activity.time, activity.before, activity.after) for activity in outcome.activities if "action" not in activity.cause
    ]
    return (
        list(outcome.waits),
        (outcome.expired, outcome.failed),
        changes,
        pytest.approx(outcome.instance_seconds, abs=1e-3),
        outcome.end,
    )


@given(endpoints(), workloads(), st.integers(0, 3), st.sets(st.integers(0, 7_000), max_size=4), publications)
@settings(max_examples=50, derandomize=True, phases=[Phase.generate])  # shrinking would take minutes
def test_the_outcome_is_that_of_the_reference(
    endpoint: Settings, workload: Workload, seed: int, deaths: set[int], publication: Publication
) -> None:
    times = [START + time + 0.37 for time in sorted(deaths)]  # at no time of another event
    found = simulate(
        endpoint,
        workload,
        starts=STARTS,
        seed=seed,
        slowdown=SLOWDOWN,
        deaths=times,
        publication=publication,
    )
    wanted = ReferenceEndpoint(endpoint, workload, draws(STARTS, seed, "starts"), times, publication, SLOWDOWN.factor).run()
    expected = (
        pytest.approx(wanted.waits, abs=1e-3),
        (wanted.outcomes("expired"), wanted.outcomes("failed")),
        wanted.activities,
        wanted.billed,
        wanted.end,
    )
    assert compared(found) == expected


@given(endpoints(), workloads(), publications)
@settings(max_examples=60, derandomize=True, phases=[Phase.generate])
def test_skipping_minutes_changes_nothing(endpoint: Settings, workload: Workload, publication: Publication) -> None:
    arguments = {"starts": STARTS, "timeline": True, "publication": publication}
    skipping = simulate(endpoint, workload, **arguments)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine._Engine, "_next_minute", lambda self, minute, scaler: minute + 60)
        assert simulate(endpoint, workload, **arguments) == skipping  # type: ignore[arg-type]


def test_quiet_minutes_are_skipped() -> None:
    steps = []
    workload = Workload.of([START + 50_000], repeat(10.0, 1), START, START + 86_400)
    step = engine._Engine._step

    def counted(self: engine._Engine, minute: int, *arguments: object, **options: object) -> int:
        steps.append(minute)
        return step(self, minute, *arguments, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine._Engine, "_step", counted)
        simulate(
            Settings("ml.m5.xlarge", 1, Bounds(0, 1), 1, (Tracked(TargetTracking("t", 5, MetricId("", SIMULATED[1]))),)),
            workload,
            starts=STARTS,
        )
    assert 5 < len(steps) < 30
