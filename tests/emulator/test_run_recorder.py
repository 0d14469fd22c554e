"""What the recorder of tests/trials/simulator_against_local_aws.py sees of an endpoint's requests, instances and minutes."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from support.capacity_scenarios import Planned, Scenario, module_settings
from support.common import until
from support.in_process_aws import AwsHarness
from support.live_scenarios import LiveScenario
from support.recorded_run import Conditions, Recording
from support.run_recorder import Recorder

SCENARIO = Scenario("recorded", "", {"max_concurrent_invocations": 1, "max_instances": 1}, (Planned(0, 60), Planned(0, 30)))


@pytest.fixture
def live(local_aws: AwsHarness) -> Any:
    recorder = Recorder(local_aws.aws.clock.now)
    with recorder.recording():
        one = LiveScenario.deploy(local_aws, SCENARIO)
        one.scale_automatically()
        yield one, recorder
    local_aws.forget(one.deployed.name)
    local_aws.forget_scaling(one.deployed)


def test_a_run_is_recorded(live: tuple[LiveScenario, Recorder], tmp_path: Any) -> None:
    """Two requests of which the first is interrupted by a death, then back to zero; times are in this order."""
    one, recorder = live
    clock, name = one.deployed.local_aws.aws.clock, one.deployed.name
    origin = clock.now()
    for number in (0, 1):
        one.send(number, SCENARIO.requests[number], clock.scale)
    until(lambda: recorder.requests[one.inference_id(0)].started, "the first request has started")
    one.kill_oldest()
    until(lambda: all(recorder.requests[one.inference_id(number)].ended for number in (0, 1)), "both requests have ended")
    until(lambda: not one.deployed.status()["instances"], "the endpoint is at zero")
    until(lambda: all(times.stopped for times in recorder.instances[name].values()), "the last stop is seen")
    recording = one.recording(recorder, Conditions(clock.scale, 6, 0, 0), origin)
    recording.write(tmp_path)
    assert Recording.read(tmp_path / "recorded.json") == recording
    died, other = recording.instances
    assert died.died and not other.died and died.stopped is not None and other.ready is not None and other.stopped is not None
    assert died.launched < 0 < died.stopped < other.launched < other.ready < other.stopped
    first, second = sorted(recording.requests, key=lambda request: request.arrival + (request.wait or 0.0))
    assert first.wait is not None and first.arrival + first.wait > other.ready - 1  # it started again, on the replacement
    assert second.wait is not None
    assert second.arrival + second.wait > first.arrival + first.wait + first.service - 1  # one at a time
    assert (first.service, second.service) >= (60, 30)
    last = recording.activities[-1]
    assert (last.before, last.after, last.kind) == (1, 0, "in") and last.start <= other.stopped
    assert {alarm.state for alarm in recording.alarms if alarm.alarm == "low"} >= {"ALARM"}
    assert len(recorder.minutes) > 10 and all(late >= 0 for late in recorder.minutes.values())


def test_the_policies_are_those_of_the_settings(live: tuple[LiveScenario, Recorder]) -> None:
    one, _ = live
    aws, settings = one.deployed.local_aws, module_settings(SCENARIO.settings).settings()
    (target,) = aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[one.deployed.resource_id])[
        "ScalableTargets"
    ]
    assert Bounds(target["MinCapacity"], target["MaxCapacity"]) == settings.bounds
    policies = aws.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=one.deployed.resource_id)
    assert {item["PolicyName"].removeprefix(f"{one.deployed.name}-") for item in policies["ScalingPolicies"]} == {
        policy.policy.name for policy in settings.policies
    }
