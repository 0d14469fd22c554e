"""Deployment guardrails: traffic moved in steps, waiting times, alarms and time limits that roll an update back."""

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
from support.in_process_aws import ACCOUNT, IMAGE, REGION, Kit
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
    """Waiting times of an update pass when a test says so; `asked` are those that began, in AWS seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.passed = 0

    def pass_on(self) -> None:
        self.passed += 1

    def until_waiting(self, number: int) -> None:
        until(lambda: len(self.asked) == number, f"waiting time {number} has begun, after {self.asked}")


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pace]:
    made = Pace()

    def bake(self: Any, seconds: float) -> None:
        self._lineup.stage = "Baking"
        made.asked.append(seconds)
        mine = len(made.asked)
        self._wait(lambda: made.passed >= mine)

    monkeypatch.setattr(Rollout, "_bake", bake)
    yield made
    made.passed = 1_000


@pytest.fixture
def alarm(kit: Kit) -> Iterator[str]:
    """An alarm that stays in the state it is put in."""
    name = unique("rollback")
    kit.cloudwatch.put_metric_alarm(
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
    kit.cloudwatch.delete_alarms(AlarmNames=[name])


def ring(kit: Kit, name: str) -> None:
    kit.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test says so")


def watching(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def may_watch(kit: Kit, deployed: Deployed) -> None:
    alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
    deployed.role.allow(deployed.bucket, more=[{"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": alarms}])


class Shop(Live):
    """A real-time endpoint whose model answers with its version."""

    def new_config(self, version: str, **variant: Any) -> str:
        where = self.kit.put(self.bucket, f"model/{unique('a')}.tar.gz", archive())
        container = {"Image": IMAGE, "ModelDataUrl": where, "Environment": {"VERSION": version}}
        model = make_model(self.kit, self.role, PrimaryContainer=container)
        name = unique("config")
        first = {"VariantName": "primary", "ModelName": model} | PAIR | variant
        self.kit.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[first])
        return name

    def update(self, config: str, deployment: dict[str, Any]) -> None:
        self.kit.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, DeploymentConfig=deployment)

    def versions(self, calls: int = 60) -> Counter[str]:
        return Counter(self.call({}).document["environment"]["VERSION"] for _ in range(calls))


@pytest.fixture
def shop(kit: Kit) -> Iterator[Shop]:
    """Two instances of version old."""
    bucket, role = kit.bucket(), kit.role()
    role.allow(bucket)
    live = Shop(kit, unique("endpoint"), bucket, role)
    live.config = live.new_config("old")
    kit.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=live.config)
    live.until_status("InService")
    yield live
    kit.forget(live.name)


def test_a_canary_takes_its_share_before_the_rest_follows(shop: Shop, pace: Pace) -> None:
    new = shop.new_config("new")
    shop.update(new, blue_green("CANARY", 300, CanarySize=HALF, TerminationWaitInSeconds=120))
    pace.until_waiting(1)
    seen = shop.versions()
    assert seen.keys() == {"old", "new"}, seen
    described = shop.describe()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", shop.config)
    pending = described["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == new
    (variant,) = pending["ProductionVariants"]
    assert (variant["VariantStatus"][0]["Status"], variant["CurrentInstanceCount"]) == ("Baking", 1)
    pace.pass_on()
    pace.until_waiting(2)
    assert shop.versions(20).keys() == {"new"}
    assert len(shop.status()["instances"]) == 4, "the old ones are there until the end"
    pace.pass_on()
    pace.pass_on()
    described = shop.until_status("InService")
    assert (described["EndpointConfigName"], pace.asked) == (new, [300, 300, 120])
    shop.serving(2)


def test_an_alarm_that_goes_off_while_traffic_moves_rolls_the_update_back(kit: Kit, shop: Shop, pace: Pace, alarm: str) -> None:
    may_watch(kit, shop)
    shop.update(shop.new_config("new"), blue_green("LINEAR", LinearStepSize=ONE) | watching(alarm))
    pace.until_waiting(1)
    assert "new" in shop.versions()
    ring(kit, alarm)
    described = shop.until_status("InService")
    assert described["EndpointConfigName"] == shop.config
    assert alarm in described["FailureReason"]
    assert shop.versions(20).keys() == {"old"}
    shop.serving(2)


def test_an_alarm_after_all_traffic_has_moved_still_counts(kit: Kit, shop: Shop, pace: Pace, alarm: str) -> None:
    may_watch(kit, shop)
    shop.update(shop.new_config("new"), blue_green(TerminationWaitInSeconds=600) | watching(alarm))
    pace.until_waiting(1)
    pace.pass_on()
    pace.until_waiting(2)
    assert shop.versions(10).keys() == {"new"}
    ring(kit, alarm)
    assert alarm in shop.until_status("InService")["FailureReason"]
    assert shop.versions(10).keys() == {"old"}


def test_a_rolling_update_replaces_batches_and_comes_back_by_itself(kit: Kit, shop: Shop, pace: Pace, alarm: str) -> None:
    may_watch(kit, shop)
    new = shop.new_config("new")
    shop.update(new, rolling() | watching(alarm))
    pace.until_waiting(1)
    assert len(shop.status()["instances"]) == 3, "one more than there were, not twice as many"
    assert shop.versions().keys() == {"old", "new"}
    pace.pass_on()
    pace.until_waiting(2)
    assert shop.versions(20).keys() == {"new"}
    ring(kit, alarm)
    described = shop.until_status("InService")
    assert described["EndpointConfigName"] == shop.config
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2
    assert shop.versions(20).keys() == {"old"}
    shop.serving(2)
    kit.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test says so")
    pace.passed = 1_000
    shop.update(new, rolling() | watching(alarm))
    assert "FailureReason" not in shop.until_status("InService")
    assert shop.versions(10).keys() == {"new"}
    shop.serving(2)


def test_requests_that_come_while_traffic_moves_are_all_answered(shop: Shop) -> None:
    ended, seen, errors = threading.Event(), Counter[str](), []

    def customer() -> None:
        while not ended.is_set():
            try:
                seen.update(shop.versions(1))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=customer) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for version, config in (("two", rolling()), ("three", blue_green("CANARY", CanarySize=ONE))):
            shop.update(shop.new_config(version), config)
            shop.until_status("InService")
            until(lambda version=version: seen[version] > 5, f"{version} answers")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_an_update_that_takes_longer_than_it_may_rolls_back(shop: Shop) -> None:
    new = shop.new_config("new")
    shop.update(new, blue_green("CANARY", 3_600, CanarySize=ONE, MaximumExecutionTimeoutInSeconds=600))
    described = shop.until_status("InService")
    assert described["EndpointConfigName"] == shop.config
    assert "MaximumExecutionTimeoutInSeconds of 600" in described["FailureReason"]


def test_waiting_times_pass_in_aws_seconds(kit: Kit, shop: Shop) -> None:
    new = shop.new_config("new")
    begun = kit.aws.clock.now()
    shop.update(new, blue_green("LINEAR", 400, LinearStepSize=HALF, TerminationWaitInSeconds=300))
    assert shop.until_status("InService")["EndpointConfigName"] == new
    assert kit.aws.clock.now() - begun >= 400 + 400 + 300


def test_a_role_that_may_not_see_the_alarms_fails_the_update(shop: Shop, alarm: str) -> None:
    shop.update(shop.new_config("new"), blue_green() | watching(alarm))
    described = shop.until_status("InService")
    assert described["EndpointConfigName"] == shop.config
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in described["FailureReason"]


def test_old_and_new_instances_serve_one_queue(kit: Kit, deploy: Any, pace: Pace, tmp_path: Path) -> None:
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    deployed: Deployed = deploy(concurrency=1, variant=PAIR, VERSION="old")
    model = kit.model(deployed.bucket, deployed.role, VERSION="new")
    config = kit.config(model, deployed.bucket, concurrency=1, **PAIR)
    kit.sagemaker.update_endpoint(
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


def test_a_deployment_config_that_does_not_fit_is_refused(kit: Kit, shop: Shop) -> None:
    new = shop.new_config("new")
    large, small = {"Type": "INSTANCE_COUNT", "Value": 2}, {"Type": "CAPACITY_PERCENT", "Value": 9}
    for config, said in (
        (blue_green("CANARY", CanarySize=large), "CanarySize of 2 is not from 0 to 50 percent of the 2 instances"),
        (blue_green("LINEAR", LinearStepSize=small), "is not from 10 to 50 percent"),
        (rolling() | blue_green(), "has both"),
        (blue_green("CANARY"), "takes CanarySize; this one has none"),
        (blue_green("ALL_AT_ONCE", CanarySize=ONE), "takes no size; this one has CanarySize"),
    ):
        code, message = refusal(
            kit.sagemaker.update_endpoint, EndpointName=shop.name, EndpointConfigName=new, DeploymentConfig=config
        )
        assert (code, said in message) == ("ValidationException", True), message
    other = shop.new_config("new", VariantName="other")
    _, message = refusal(
        kit.sagemaker.update_endpoint, EndpointName=shop.name, EndpointConfigName=other, DeploymentConfig=rolling()
    )
    assert "keeps the names of the variants" in message
    assert shop.describe()["EndpointStatus"] == "InService"


def test_a_kept_deployment_config_is_heeded_again(shop: Shop, pace: Pace) -> None:
    shop.update(shop.new_config("two"), blue_green(wait=77))
    pace.until_waiting(1)
    pace.passed = 2
    shop.until_status("InService")
    third = shop.new_config("three")
    shop.kit.sagemaker.update_endpoint(EndpointName=shop.name, EndpointConfigName=third, RetainDeploymentConfig=True)
    pace.until_waiting(3)
    assert pace.asked == [77, 0, 77]
    pace.passed = 1_000
    shop.until_status("InService")


def test_volumes_under_a_key_ask_for_a_grant(kit: Kit) -> None:
    bucket, role = kit.bucket(), kit.role()
    role.allow(bucket)
    key = kit.kms.create_key()["KeyMetadata"]["Arn"]
    model = make_model(kit, role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": kit.put(bucket, "m.tar.gz", archive())})
    config = unique("config")
    variant = {"VariantName": "primary", "ModelName": model} | INSTANCES
    kit.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant], KmsKeyId=key)
    grant = {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key}
    for allowed, ended in (
        ([], "Failed"),
        ([grant | {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}], "InService"),
    ):
        role.allow(bucket, more=allowed)
        live = Live(kit, unique("endpoint"), bucket, role)
        kit.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=config)
        described = until(lambda live=live: seen if (seen := live.describe())["EndpointStatus"] != "Creating" else None, "made")
        assert described["EndpointStatus"] == ended, described
        assert ("kms:CreateGrant" in described.get("FailureReason", "")) is (ended == "Failed")
        kit.forget(live.name)
