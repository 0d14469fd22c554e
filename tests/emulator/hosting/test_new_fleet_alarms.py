"""Rollback alarms on the new instances alone, by the dimension EndpointConfigName (A82)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.common import unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.sample_model import archive

# Fails each request in version bad.
FAILING = """
import os
def model_fn(d): return None
def input_fn(data, content_type): return data
def predict_fn(data, model):
    if os.environ["VERSION"] == "bad": raise RuntimeError("bad")
    return data
def output_fn(prediction, accept): return prediction, accept
"""
PAIR = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


@contextmanager
def requests(deployed: Deployed) -> Iterator[None]:
    """Send requests all the time."""
    ended = threading.Event()

    def customer() -> None:
        while not ended.wait(0.02):
            deployed.invoke({})

    thread = threading.Thread(target=customer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def new_config(local_aws: AwsHarness, deployed: Deployed, version: str) -> str:
    model = local_aws.model(deployed.bucket, deployed.role, archive(FAILING), VERSION=version)
    return local_aws.config(model, deployed.bucket, **PAIR)


def alarm(local_aws: AwsHarness, deployed: Deployed, config: str = "") -> str:
    """An alarm on the server errors of the endpoint, or of the instances of one configuration."""
    name = unique("errors")
    dimensions = {"EndpointName": deployed.name, "VariantName": "primary"} | ({"EndpointConfigName": config} if config else {})
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.05,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    return name


def state(local_aws: AwsHarness, name: str) -> str:
    (found,) = local_aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def update(local_aws: AwsHarness, deployed: Deployed, config: str, watched: str) -> None:
    routing = {"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 300}
    local_aws.sagemaker.update_endpoint(
        EndpointName=deployed.name,
        EndpointConfigName=config,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": watched}]},
        },
    )


@pytest.fixture
def failing(local_aws: AwsHarness, deploy: Any) -> Deployed:
    """An endpoint of two instances that fail each request; its role may read alarms."""
    deployed: Deployed = deploy(archive(FAILING), variant=PAIR, VERSION="bad")
    alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"
    deployed.role.allow(deployed.bucket, more=[{"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": alarms}])
    return deployed


def test_an_old_fleet_in_trouble_does_not_block_its_fix_and_a_new_one_is_rolled_back(
    local_aws: AwsHarness, failing: Deployed
) -> None:
    of_both = alarm(local_aws, failing)
    with requests(failing):
        until(lambda: state(local_aws, of_both) == "ALARM", "the old instances are in trouble")

        fixed = new_config(local_aws, failing, "good")
        of_fixed = alarm(local_aws, failing, fixed)
        update(local_aws, failing, fixed, of_fixed)
        described = failing.until_status("InService")
        assert (described["EndpointConfigName"], described.get("FailureReason")) == (fixed, None)
        changes = local_aws.cloudwatch.describe_alarm_history(AlarmName=of_fixed, HistoryItemType="StateUpdate")
        assert [item["HistorySummary"] for item in changes["AlarmHistoryItems"]] == [
            "Alarm updated from INSUFFICIENT_DATA to OK"
        ]
        now = local_aws.aws.clock.now()
        served = local_aws.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Dimensions=[
                {"Name": "EndpointName", "Value": failing.name},
                {"Name": "VariantName", "Value": "primary"},
                {"Name": "EndpointConfigName", "Value": fixed},
            ],
            StartTime=now - 3_600,
            EndTime=now + 60,
            Period=60,
            Statistics=["SampleCount", "Sum"],
        )["Datapoints"]
        assert sum(point["SampleCount"] for point in served) > 0, "the alarm had data of the new instances"
        assert sum(point["Sum"] for point in served) == 0

        broken = new_config(local_aws, failing, "bad")
        of_broken = alarm(local_aws, failing, broken)
        update(local_aws, failing, broken, of_broken)
        described = failing.until_status("InService")
        assert described["EndpointConfigName"] == fixed
        assert of_broken in described["FailureReason"]
        assert state(local_aws, of_fixed) == "OK"


def test_an_alarm_on_both_fleets_rolls_the_fix_of_a_failing_fleet_back(local_aws: AwsHarness, failing: Deployed) -> None:
    of_both = alarm(local_aws, failing)
    with requests(failing):
        until(lambda: state(local_aws, of_both) == "ALARM", "the old instances are in trouble")

        update(local_aws, failing, new_config(local_aws, failing, "good"), of_both)

        assert of_both in failing.until_status("InService")["FailureReason"]
