"""Settings from descriptions of live parts, and with some values replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.described_settings import DescribedEndpoint, described_settings
from async_endpoint.capacity.distributions import Fixed
from async_endpoint.capacity.overrides import Overrides, overridden, overridden_in_steady_state
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds, Settings, Stepped, Tracked
from async_endpoint.capacity.simulation import simulate
from async_endpoint.capacity.workload import Workload
from async_endpoint.core.errors import InvalidInput
from support.described_endpoints import NAME, VARIANT, target, tracking, wake, wake_alarm

EVENING = {
    "ScheduledActionName": "evening",
    "Schedule": "cron(0 18 * * ? *)",
    "Timezone": "Europe/Berlin",
    "StartTime": datetime(2026, 1, 1, tzinfo=UTC),
    "ScalableTargetAction": {"MaxCapacity": 0},
}


def described(**changes: Any) -> DescribedEndpoint:
    parts: dict[str, Any] = {
        "target": target(),
        "policies": [tracking(), wake()],
        "alarms": [wake_alarm(), wake_alarm(AlarmName="other", AlarmActions=["arn:topic"])],
    }
    return DescribedEndpoint(NAME, VARIANT, "ml.m5.xlarge", 4, 1, 3_600, **(parts | changes))


def without_names(settings: Settings) -> list[Any]:
    """What acts in the policies of settings: names and dimensions differ between the module's variables and a live endpoint."""
    found: list[Any] = []
    for one in settings.policies:
        if isinstance(one, Tracked):
            found.append((one.metric, one.policy.target, one.policy.scale_in_cooldown, one.policy.scale_out_cooldown))
        else:
            found.append((one.metric, one.alarm, one.policy.steps, one.policy.cooldown, one.policy.adjustment_type))
    return found


def test_what_the_modules_deploy_has_the_settings_of_their_variables() -> None:
    found = described_settings(described())
    wanted = ModuleSettings(
        instance_type="ml.m5.xlarge",
        max_instances=2,
        scale_out_cooldown_seconds=120,
        wake_cooldown_seconds=240,
        request_ttl_seconds=3_600,
    ).settings()
    assert without_names(found.settings) == without_names(wanted)
    assert (found.settings.instance_type, found.settings.concurrency, found.settings.bounds, found.settings.initial) == (
        wanted.instance_type,
        wanted.concurrency,
        wanted.bounds,
        wanted.initial,
    )
    assert found.settings.request_ttl_seconds == 3_600
    assert found.notes == ()


def test_scheduled_actions_keep_what_they_leave_open() -> None:
    [schedule] = described_settings(described(actions=[EVENING])).settings.schedules
    assert schedule == ScheduledBounds("evening", "cron(0 18 * * ? *)", "Europe/Berlin", None, 0, 1_767_225_600.0, None)


def test_without_a_target_the_instances_are_fixed() -> None:
    found = described_settings(described(target={}, policies=[], alarms=[]))
    assert (found.settings.bounds, found.settings.initial) == (Bounds(1, 1), 1)
    assert "no scalable target" in found.notes[0]


def test_a_step_policy_without_an_alarm_never_acts_and_is_named() -> None:
    for alarms, why in (([], "no alarm names it"), ([wake_alarm(ActionsEnabled=False)], "of wake-alarm are disabled")):
        found = described_settings(described(alarms=alarms))
        assert [type(one) for one in found.settings.policies] == [Tracked]
        assert found.notes[0].startswith("Policy wake never acts")
        assert why in found.notes[0]


def test_an_unset_concurrency_is_an_assumption_that_is_said() -> None:
    unset = DescribedEndpoint(NAME, VARIANT, "ml.m5.xlarge", None, 1, 3_600, target())
    found = described_settings(unset)
    assert found.settings.concurrency == 4
    assert "(A120)" in found.notes[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policies": [tracking(MetricName="Invocations")]}, "policy tracking reads AWS/SageMaker Invocations, which no asyn"),
        ({"policies": [tracking(Namespace="Shop")]}, "policy tracking reads Shop ApproximateBacklogSizePerInstance"),
        (
            {"policies": [tracking(Dimensions=[{"Name": "EndpointName", "Value": "other"}])]},
            "with the dimensions EndpointName=other, and it is published with EndpointName=shop",
        ),
        ({"alarms": [wake_alarm(MetricName="", Metrics=[{}])]}, "Alarm wake-alarm of scaling policy wake reads metric math"),
        ({"alarms": [wake_alarm(MetricName="OverheadLatency")]}, "Alarm wake-alarm of scaling policy wake reads AWS/SageMaker"),
        ({"alarms": [wake_alarm(Dimensions=[])]}, "with the dimensions none"),
    ],
)
def test_scaling_that_cannot_act_or_be_simulated_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        described_settings(described(**changes))
    assert message in str(error.value)


def test_overrides_replace_what_they_name_only() -> None:
    settings = described_settings(described()).settings
    assert overridden(settings, Overrides()) == settings
    changed = overridden(
        settings,
        Overrides(
            instance_type="ml.c5.large",
            max_concurrent_invocations=1,
            min_instances=1,
            max_instances=7,
            initial_instances=0,
            target_backlog_per_instance=2,
            wake_cooldown_seconds=60,
        ),
    )
    assert (changed.instance_type, changed.concurrency, changed.bounds, changed.initial) == ("ml.c5.large", 1, Bounds(1, 7), 1)
    [tracked, stepped] = changed.policies
    assert isinstance(tracked, Tracked)
    assert isinstance(stepped, Stepped)
    assert (tracked.policy.target, tracked.policy.scale_out_cooldown, stepped.policy.cooldown) == (2, 120, 60)


DAY: Final = (
    ScheduledBounds("open", "cron(0 8 * * ? *)", minimum=1, maximum=2),
    ScheduledBounds("close", "cron(0 18 * * ? *)", minimum=0),
)


def test_overrides_of_bounds_hold_in_scheduled_actions() -> None:
    """Otherwise the first one would restore what the report says was replaced."""
    settings = ModuleSettings(max_instances=2, schedules=DAY).settings()
    requests = Workload.of([9 * 3_600 + number / 10 for number in range(600)], Fixed(60), 0, 43_200)
    overrides = Overrides(max_instances=20, target_backlog_per_instance=1)
    outcome = simulate(overridden_in_steady_state(settings, overrides, 0), requests, starts=Fixed(60))
    assert max(activity.after for activity in outcome.activities) == 20
    assert overrides.scheduled(settings) == ["open"]
    warm = overridden(settings, Overrides(min_instances=3))
    assert [(one.minimum, one.maximum) for one in warm.schedules] == [(3, 3), (3, None)]
    assert Overrides(request_ttl_seconds=60).scheduled(settings) == []
    with pytest.raises(InvalidInput, match="scheduled action open would set a minimum of 1, and fail; give min_instances"):
        overridden(settings, Overrides(max_instances=0))


@pytest.mark.parametrize(
    ("overrides", "hour", "bounds", "initial"),
    [
        (Overrides(min_instances=0), 12, Bounds(0, 4), 0),
        (Overrides(), 12, Bounds(1, 2), 1),
        (Overrides(min_instances=3), 20, Bounds(3, 3), 3),
        (Overrides(initial_instances=3), 20, Bounds(0, 2), 2),
        (Overrides(initial_instances=3, max_instances=5), 20, Bounds(0, 5), 3),
    ],
)
def test_simulations_begin_with_the_instances_that_overrides_keep(
    overrides: Overrides, hour: int, bounds: Bounds, initial: int
) -> None:
    settings = ModuleSettings(min_instances=2, max_instances=4, schedules=DAY).settings()
    if overrides.min_instances == 0:
        settings = replace(settings, schedules=())
    found = overridden_in_steady_state(settings, overrides, hour * 3_600)
    assert (found.bounds, found.initial) == (bounds, initial)


def test_overrides_of_policies_that_there_are_not_are_refused() -> None:
    settings = described_settings(described(policies=[], alarms=[])).settings
    with pytest.raises(InvalidInput, match="leave target_backlog_per_instance out"):
        overridden(settings, Overrides(target_backlog_per_instance=2))
    with pytest.raises(InvalidInput, match="leave wake_cooldown_seconds out"):
        overridden(settings, Overrides(wake_cooldown_seconds=2))
    with pytest.raises(InvalidInput, match=r"'m5\.large' is no SageMaker instance type; use one such as ml\.m5\.xlarge"):
        overridden(settings, Overrides(instance_type="m5.large"))
    with pytest.raises(InvalidInput, match="bounds are 3 to 2"):
        overridden(settings, Overrides(min_instances=3, max_instances=2))
