"""Deployment guardrails: traffic shifted in steps, bake times, alarms and time limits that roll an update back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.hosting.guardrails import Guardrails
from async_endpoint.emulator.hosting.rollout import Rollout
from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness
from support.sample_model import archive
from support.synchronous_endpoint import INSTANCES, Live, make_model

HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
PAIR = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


def blue_green(kind: str = "ALL_AT_ONCE", wait: int = 60, **more: Any) -> dict[str, Any]:
    sizes = {name: more.pop(name) for name in ("CanarySize", "LinearStepSize") if name in more}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}


def rolling(wait: int = 60, **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": wait, **more}}


class Pace:
    """Bake times that end when a test decides; `asked` holds those begun, in AWS seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.passed = 0

    def pass_on(self) -> None:
        self.passed += 1

    def until_waiting(self, number: int) -> None:
        until(lambda: len(self.asked) == number, f"bake time {number} has begun, after {self.asked}")


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pace]:
    made = Pace()

    def bake(self: Any, seconds: float) -> None:
        self._variant_set.stage = "Baking"
        made.asked.append(seconds)
        mine = len(made.asked)
        self._wait(lambda: made.passed >= mine)

    monkeypatch.setattr(Rollout, "_wait_bake_time", bake)
    yield made
    made.passed = 1_000


@pytest.fixture
def alarm(local_aws: AwsHarness) -> Iterator[str]:
    """An alarm that stays in the state it is set to."""
    name = unique("rollback")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=unique("Nothing"),
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    yield name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


def ring(local_aws: AwsHarness, name: str) -> None:
    local_aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test says so")


def watching(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def may_watch(local_aws: AwsHarness, deployed: Deployed) -> None:
    alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
    deployed.role.allow(deployed.bucket, more=[{"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": alarms}])


class GuardedEndpoint(Live):
    """A real-time endpoint whose model answers with its version."""

    def new_config(self, version: str, **variant: Any) -> str:
        where = self.local_aws.put(self.bucket, f"model/{unique('a')}.tar.gz", archive())
        container = {"Image": IMAGE, "ModelDataUrl": where, "Environment": {"VERSION": version}}
        model = make_model(self.local_aws, self.role, PrimaryContainer=container)
        name = unique("config")
        first = {"VariantName": "primary", "ModelName": model} | PAIR | variant
        self.local_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[first])
        return name

    def update(self, config: str, deployment: dict[str, Any]) -> None:
        self.local_aws.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, DeploymentConfig=deployment)

    def versions(self, calls: int = 60) -> Counter[str]:
        return Counter(self.call({}).document["environment"]["VERSION"] for _ in range(calls))


@pytest.fixture
def shared_endpoint(local_aws: AwsHarness) -> Iterator[GuardedEndpoint]:
    """Two instances of version old."""
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    live = GuardedEndpoint(local_aws, unique("endpoint"), bucket, role)
    live.config = live.new_config("old")
    local_aws.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=live.config)
    live.until_status("InService")
    yield live
    local_aws.forget(live.name)


def test_a_canary_receives_its_share_before_the_rest(shared_endpoint: GuardedEndpoint, pace: Pace) -> None:
    new = shared_endpoint.new_config("new")
    shared_endpoint.update(new, blue_green("CANARY", 300, CanarySize=HALF, TerminationWaitInSeconds=120))
    pace.until_waiting(1)
    seen = shared_endpoint.versions()
    assert seen.keys() == {"old", "new"}, seen
    described = shared_endpoint.describe()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", shared_endpoint.config)
    pending = described["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == new
    (variant,) = pending["ProductionVariants"]
    assert (variant["VariantStatus"][0]["Status"], variant["CurrentInstanceCount"]) == ("Baking", 1)
    pace.pass_on()
    pace.until_waiting(2)
    assert shared_endpoint.versions(20).keys() == {"new"}
    assert len(shared_endpoint.status()["instances"]) == 4, "the old ones are there until the end"
    pace.pass_on()
    pace.pass_on()
    described = shared_endpoint.until_status("InService")
    assert (described["EndpointConfigName"], pace.asked) == (new, [300, 300, 120])
    shared_endpoint.serving(2)


def test_an_alarm_during_the_traffic_shift_rolls_back(
    local_aws: AwsHarness, shared_endpoint: GuardedEndpoint, pace: Pace, alarm: str
) -> None:
    may_watch(local_aws, shared_endpoint)
    shared_endpoint.update(shared_endpoint.new_config("new"), blue_green("LINEAR", LinearStepSize=ONE) | watching(alarm))
    pace.until_waiting(1)
    assert "new" in shared_endpoint.versions()
    ring(local_aws, alarm)
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert alarm in described["FailureReason"]
    assert shared_endpoint.versions(20).keys() == {"old"}
    shared_endpoint.serving(2)


def test_an_alarm_during_the_termination_wait_rolls_back(
    local_aws: AwsHarness, shared_endpoint: GuardedEndpoint, pace: Pace, alarm: str
) -> None:
    may_watch(local_aws, shared_endpoint)
    shared_endpoint.update(shared_endpoint.new_config("new"), blue_green(TerminationWaitInSeconds=600) | watching(alarm))
    pace.until_waiting(1)
    pace.pass_on()
    pace.until_waiting(2)
    assert shared_endpoint.versions(10).keys() == {"new"}
    ring(local_aws, alarm)
    assert alarm in shared_endpoint.until_status("InService")["FailureReason"]
    assert shared_endpoint.versions(10).keys() == {"old"}


@pytest.fixture
def of_errors(local_aws: AwsHarness) -> Iterator[tuple[str, str]]:
    """The namespace of a metric `Errors`, and the name of an alarm on an expression of it that is OK without data."""
    name = unique("math")
    stat = {"Metric": {"Namespace": name, "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    metrics = [
        {"Id": "share", "Expression": "100 * errors / 4", "ReturnData": True},
        {"Id": "errors", "MetricStat": stat, "ReturnData": False},
    ]
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Metrics=metrics,
        EvaluationPeriods=1,
        Threshold=50,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    yield name, name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


@pytest.fixture
def composite(local_aws: AwsHarness, alarm: str, of_errors: tuple[str, str]) -> Iterator[str]:
    """An alarm that needs both `alarm` and the one of `of_errors`."""
    name = unique("both")
    local_aws.cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=f"ALARM({alarm}) AND ALARM({of_errors[1]})")
    yield name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


def test_metric_math_and_composite_alarms_roll_back(
    local_aws: AwsHarness, shared_endpoint: GuardedEndpoint, pace: Pace, alarm: str, of_errors: tuple[str, str], composite: str
) -> None:
    may_watch(local_aws, shared_endpoint)
    namespace, math = of_errors
    new = shared_endpoint.new_config("new")
    ring(local_aws, alarm)  # one of two: the composite alarm stays OK
    shared_endpoint.update(new, blue_green() | watching(math, composite))
    pace.until_waiting(1)
    assert shared_endpoint.versions(5).keys() == {"new"}
    local_aws.put_minutely(namespace, {"MetricName": "Errors", "Value": 3})
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert math in described["FailureReason"]
    assert shared_endpoint.versions(5).keys() == {"old"}

    local_aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test says so")
    shared_endpoint.update(new, blue_green() | watching(composite))
    pace.until_waiting(2)
    ring(local_aws, alarm)
    local_aws.put_minutely(namespace, {"MetricName": "Errors", "Value": 3})
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert composite in described["FailureReason"]
    assert shared_endpoint.versions(5).keys() == {"old"}


def test_a_rolling_update_replaces_batches_and_rolls_back_on_failure(
    local_aws: AwsHarness, shared_endpoint: GuardedEndpoint, pace: Pace, alarm: str
) -> None:
    may_watch(local_aws, shared_endpoint)
    new = shared_endpoint.new_config("new")
    shared_endpoint.update(new, rolling() | watching(alarm))
    pace.until_waiting(1)
    assert len(shared_endpoint.status()["instances"]) == 3, "one more than there were, not twice as many"
    assert shared_endpoint.versions().keys() == {"old", "new"}
    pace.pass_on()
    pace.until_waiting(2)
    assert shared_endpoint.versions(20).keys() == {"new"}
    ring(local_aws, alarm)
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2
    assert shared_endpoint.versions(20).keys() == {"old"}
    shared_endpoint.serving(2)
    local_aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test says so")
    pace.passed = 1_000
    shared_endpoint.update(new, rolling() | watching(alarm))
    assert "FailureReason" not in shared_endpoint.until_status("InService")
    assert shared_endpoint.versions(10).keys() == {"new"}
    shared_endpoint.serving(2)


def test_requests_during_the_traffic_shift_are_all_answered(shared_endpoint: GuardedEndpoint) -> None:
    ended, seen, errors = threading.Event(), Counter[str](), []

    def customer() -> None:
        while not ended.is_set():
            try:
                seen.update(shared_endpoint.versions(1))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=customer) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for version, config in (("two", rolling()), ("three", blue_green("CANARY", CanarySize=ONE))):
            shared_endpoint.update(shared_endpoint.new_config(version), config)
            shared_endpoint.until_status("InService")
            until(lambda version=version: seen[version] > 5, f"{version} answers")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_an_update_past_its_maximum_execution_time_rolls_back(shared_endpoint: GuardedEndpoint, pace: Pace) -> None:
    new = shared_endpoint.new_config("new")
    shared_endpoint.update(new, blue_green("CANARY", 200, CanarySize=ONE, MaximumExecutionTimeoutInSeconds=600))
    pace.until_waiting(1)  # and the test does not end it
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert "MaximumExecutionTimeoutInSeconds of 600" in described["FailureReason"]


def test_bake_times_are_in_aws_seconds(local_aws: AwsHarness, shared_endpoint: GuardedEndpoint) -> None:
    new = shared_endpoint.new_config("new")
    begun = local_aws.aws.clock.now()
    shared_endpoint.update(new, blue_green("LINEAR", 400, LinearStepSize=HALF, TerminationWaitInSeconds=300))
    assert shared_endpoint.until_status("InService")["EndpointConfigName"] == new
    assert local_aws.aws.clock.now() - begun >= 400 + 400 + 300


def test_a_role_without_describe_alarms_fails_the_update(shared_endpoint: GuardedEndpoint, alarm: str) -> None:
    shared_endpoint.update(shared_endpoint.new_config("new"), blue_green() | watching(alarm))
    described = shared_endpoint.until_status("InService")
    assert described["EndpointConfigName"] == shared_endpoint.config
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in described["FailureReason"]


def test_old_and_new_instances_serve_one_queue(local_aws: AwsHarness, deploy: Any, pace: Pace, tmp_path: Path) -> None:
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    deployed: Deployed = deploy(concurrency=1, variant=PAIR, VERSION="old")
    model = local_aws.model(deployed.bucket, deployed.role, VERSION="new")
    config = local_aws.config(model, deployed.bucket, concurrency=1, **PAIR)
    local_aws.sagemaker.update_endpoint(
        EndpointName=deployed.name, EndpointConfigName=config, DeploymentConfig=blue_green("CANARY", CanarySize=ONE)
    )
    pace.until_waiting(1)
    requests = [deployed.invoke({"touch": str(arrivals), "until": str(gate)}) for _ in range(4)]
    until(lambda: arrivals.exists() and len(arrivals.read_text().splitlines()) == 2, "two of four instances take traffic")
    assert deployed.status()["backlog"] == 4
    gate.touch()
    versions = Counter(deployed.outcome(one).document["environment"]["VERSION"] for one in requests)
    assert versions.keys() == {"old", "new"}
    for _ in range(3):
        pace.pass_on()
    deployed.until_status("InService")
    assert deployed.ask({}).document["environment"]["VERSION"] == "new"


def test_steps_count_from_the_new_instances() -> None:
    def stages(config: dict[str, Any], total: int) -> list[int]:
        return Guardrails.read(config).stages(total)

    assert stages({}, 4) == stages(blue_green(), 4) == [4]
    assert stages(blue_green("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 30}), 4) == [2, 4]
    assert stages(blue_green("CANARY", CanarySize=ONE), 1) == [1]
    assert stages(blue_green("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 33}), 9) == [3, 6, 9]
    assert stages(blue_green("LINEAR", LinearStepSize={"Type": "INSTANCE_COUNT", "Value": 2}), 5) == [2, 4, 5]
    assert stages(rolling(), 3) == [1, 2, 3]


def test_a_deployment_config_that_does_not_fit_is_refused(local_aws: AwsHarness, shared_endpoint: GuardedEndpoint) -> None:
    new = shared_endpoint.new_config("new")
    large, small = {"Type": "INSTANCE_COUNT", "Value": 2}, {"Type": "CAPACITY_PERCENT", "Value": 9}
    for config, said in (
        (blue_green("CANARY", CanarySize=large), "CanarySize of 2 is not between 0 and 50 percent of the 2 instances"),
        (blue_green("LINEAR", LinearStepSize=small), "is not between 10 and 50 percent"),
        (blue_green("CANARY", CanarySize=small), "or is less than one of them"),
        (
            blue_green("CANARY", 300, CanarySize=ONE, MaximumExecutionTimeoutInSeconds=600),
            "waiting time of the deployment, 600",
        ),
        (rolling() | blue_green(), "has both"),
        (blue_green("CANARY"), "requires CanarySize; found none"),
        (blue_green("ALL_AT_ONCE", CanarySize=ONE), "requires no size; found CanarySize"),
    ):
        code, message = refusal(
            local_aws.sagemaker.update_endpoint,
            EndpointName=shared_endpoint.name,
            EndpointConfigName=new,
            DeploymentConfig=config,
        )
        assert (code, said in message) == ("ValidationException", True), message
    other = shared_endpoint.new_config("new", VariantName="other")
    _, message = refusal(
        local_aws.sagemaker.update_endpoint,
        EndpointName=shared_endpoint.name,
        EndpointConfigName=other,
        DeploymentConfig=rolling(),
    )
    assert "cannot change the variant names" in message
    assert shared_endpoint.describe()["EndpointStatus"] == "InService"


def test_a_retained_deployment_config_is_applied_again(shared_endpoint: GuardedEndpoint, pace: Pace) -> None:
    shared_endpoint.update(shared_endpoint.new_config("two"), blue_green(wait=77))
    pace.until_waiting(1)
    pace.passed = 2
    shared_endpoint.until_status("InService")
    third = shared_endpoint.new_config("three")
    shared_endpoint.local_aws.sagemaker.update_endpoint(
        EndpointName=shared_endpoint.name, EndpointConfigName=third, RetainDeploymentConfig=True
    )
    pace.until_waiting(3)
    assert pace.asked == [77, 0, 77]
    pace.passed = 1_000
    shared_endpoint.until_status("InService")


def test_encrypted_volumes_require_create_grant(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    key = local_aws.kms.create_key()["KeyMetadata"]["Arn"]
    model = make_model(
        local_aws, role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": local_aws.put(bucket, "m.tar.gz", archive())}
    )
    config = unique("config")
    variant = {"VariantName": "primary", "ModelName": model} | INSTANCES
    local_aws.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant], KmsKeyId=key)
    grant = {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key}
    for allowed, ended in (
        ([], "Failed"),
        ([grant | {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}], "InService"),
    ):
        role.allow(bucket, more=allowed)
        live = Live(local_aws, unique("endpoint"), bucket, role)
        local_aws.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=config)
        described = until(
            lambda live=live: seen if (seen := live.describe())["EndpointStatus"] in ("InService", "Failed") else None, "made"
        )
        assert described["EndpointStatus"] == ended, described
        assert ("kms:CreateGrant" in described.get("FailureReason", "")) is (ended == "Failed")
        local_aws.forget(live.name)
