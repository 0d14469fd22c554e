"""When the guide's policies act, held against what CloudWatch's documents prescribe and calculated here from those alone.

The expectation uses nothing of autoscaling/: an alarm needs N datapoints in a row, a datapoint is of one whole minute, and is
there when that minute is over. Everything is measured from outside, in AWS time, at two time scales; the work itself blocks on
a file, so that no computing time decides what is in the backlog.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.local_aws import require_credentials
from async_endpoint.workspace import Workspace
from support.common import unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness

MINUTE = 60
TOLERANCE = MINUTE  # the bar: within one AWS minute
TARGET = 5.0
WAKE_DATAPOINTS, OUT_DATAPOINTS, IN_DATAPOINTS = 2, 3, 15


@dataclass
class Measured:
    """One endpoint of one local AWS, with its clock `now`; its policies were put between the two times `put`."""

    deployed: Deployed
    now: Callable[[], float]
    in_service: float
    put: tuple[float, float] = (0.0, 0.0)

    def activities(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found: list[dict[str, Any]] = self.deployed.local_aws.scaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.deployed.resource_id
        )["ScalingActivities"]
        return found[::-1]

    def activity(self, number: int, done: bool = False) -> dict[str, Any]:
        """The activity of that number, from 0, as soon as it is there; with `done`, as soon as it is over."""

        def look() -> dict[str, Any] | None:
            found = self.activities()
            return found[number] if len(found) > number and (not done or "EndTime" in found[number]) else None

        return until(look, f"scaling activity {number}", 120)


def whole_minutes(count: int, since: float) -> float:
    """The end of the `count`-th minute that ends after `since`: its datapoint is there then, and so are those before it."""
    return (math.floor(since / MINUTE) + count) * MINUTE


def seconds(when: datetime) -> float:
    return when.timestamp()


@pytest.fixture(scope="module")
def fast(local_aws: AwsHarness) -> tuple[AwsHarness, Callable[[], float]]:
    """Time scale 600: the local AWS that other tests use too."""
    return local_aws, local_aws.aws.clock.now


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AwsHarness, Callable[[], float]]]:
    """Time scale 60, in a process of its own."""
    home = tmp_path_factory.mktemp("home")
    (home / "modules" / "async-inference").mkdir(parents=True)
    (home / "envs").mkdir()
    environment = os.environ | {"ASYNC_ENDPOINT_HOME": str(home), "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    options = ["--port", "0", "--time-scale", "60", "--instance-launch-seconds", "6"]

    def local(*arguments: str) -> str:
        command = [sys.executable, "-m", "async_endpoint.cli", "local", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout

    record = SimpleNamespace(**json.loads(local("up", "--detach", "--json", *options)))

    def status() -> Any:
        request = urllib.request.Request(f"{record.endpoint_url}/_local/status", headers=credentials.admin_headers())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    credentials = require_credentials(Workspace(home))
    aws: Any = SimpleNamespace(record=record, instance_id=record.instance_id, status=status, credentials=credentials)
    yield AwsHarness(aws, home / ".local" / "aws"), lambda: float(status()["now"])
    local("down")


@pytest.fixture(params=["fast", "slow"])
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    """An endpoint of one instance with the guide's policies."""
    local_aws, now = request.getfixturevalue(request.param)
    deployed: Deployed = local_aws.endpoint(concurrency=1)
    found = Measured(deployed, now, seconds(deployed.describe()["LastModifiedTime"]))
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    begun = now()
    named = [{"Name": "EndpointName", "Value": deployed.name}]
    metric = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker", "Dimensions": named}
    local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": TARGET,
            "CustomizedMetricSpecification": metric | {"Statistic": "Average"},
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 300,
        },
    )
    wake = local_aws.scaling.put_scaling_policy(
        **target,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=unique("wake"),
        AlarmActions=[wake["PolicyARN"]],
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=named,
        Statistic="Average",
        Period=MINUTE,
        EvaluationPeriods=WAKE_DATAPOINTS,
        DatapointsToAlarm=WAKE_DATAPOINTS,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
    )
    found.put = (begun, now())
    yield found
    if request.param == "fast":
        local_aws.forget(deployed.name)
        local_aws.forget_scaling(deployed)


@pytest.mark.slow
def test_every_decision_is_within_a_minute_of_the_documented_time(measured: Measured, tmp_path: Path) -> None:
    deployed, gate = measured.deployed, tmp_path / "open"

    # Never a request: zero, once fifteen whole minutes in service lie below 90 % of the target, and there is a policy.
    asleep = measured.activity(0, done=True)
    assert (asleep["Description"], "AlarmLow" in asleep["Cause"]) == ("Setting desired instance count to 0.", True)
    fifteen = whole_minutes(IN_DATAPOINTS, measured.in_service)
    earliest, latest = (max(fifteen, whole_minutes(1, moment)) for moment in measured.put)
    assert earliest - TOLERANCE <= seconds(asleep["StartTime"]) <= latest + TOLERANCE

    # Twelve requests at zero: the first instance, once two whole minutes had a backlog and no capacity.
    before = measured.now()
    waiting = [deployed.invoke({"until": str(gate)}) for _ in range(12)]
    after = measured.now()
    woken = measured.activity(1, done=True)
    assert (woken["Description"], "policy wake" in woken["Cause"]) == ("Setting desired instance count to 1.", True)
    earliest, latest = whole_minutes(WAKE_DATAPOINTS, before), whole_minutes(WAKE_DATAPOINTS, after)
    assert earliest - TOLERANCE <= seconds(woken["StartTime"]) <= latest + TOLERANCE

    # Twelve an instance are above the target of five: the second instance, once three minutes were, and no sooner than the
    # endpoint can be changed again, which is when the first one is there.
    second = measured.activity(2)
    assert (second["Description"], "AlarmHigh" in second["Cause"]) == ("Setting desired instance count to 2.", True)
    earliest = max(whole_minutes(OUT_DATAPOINTS, before), seconds(woken["EndTime"]))
    latest = max(whole_minutes(OUT_DATAPOINTS, after), seconds(woken["EndTime"]))
    assert earliest - TOLERANCE <= seconds(second["StartTime"]) <= latest + TOLERANCE
    deployed.serving(2)

    # The work done, zero: fifteen whole minutes below the target after the last one with a backlog above it.
    opened = measured.now()
    gate.touch()
    assert {deployed.outcome(invoked).kind for invoked in waiting} == {"output"}
    done = measured.now()
    idle = measured.activity(3)
    assert (idle["Description"], "AlarmLow" in idle["Cause"]) == ("Setting desired instance count to 0.", True)
    earliest, latest = whole_minutes(IN_DATAPOINTS, opened), whole_minutes(IN_DATAPOINTS, done)
    assert earliest - TOLERANCE <= seconds(idle["StartTime"]) <= latest + TOLERANCE
