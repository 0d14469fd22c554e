"""What an apply asks of AWS while calls are throttled, fail or get no answer: it is delayed, and ends as it would otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from async_endpoint.aws import AwsSession
from async_endpoint.deploy.alarm_muting import Mute, muted, restore_muted
from async_endpoint.deploy.deletions import remove_deleted_endpoints
from async_endpoint.deploy.endpoints import PlannedEndpoint, endpoint_status
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.replacement import update_deployment_config
from async_endpoint.deploy.resource_kinds import KINDS
from async_endpoint.deploy.retries import retry_until_deadline, retrying_session
from async_endpoint.deploy.rollback import deregister_restored_targets, rollbacks_reported
from async_endpoint.deploy.rollback_alarms import guarded_updates
from async_endpoint.deploy.scaling_snapshot import restore_scaling, scaling_snapshot
from async_endpoint.terraform.plan_document import ResourceChange
from support.common import unique
from support.deployed_endpoint import Deployed
from support.fault_injection import fault
from support.in_process_aws import DIMENSION, IMAGE, REGION, AwsHarness

SOON = Poller(deadline=60, pause=0.02)
FAULTS = [
    ("throttle", {}),
    ("error", {"status": 500}),
    ("error", {"status": 503}),
    ("disconnect", {"when": "before"}),
    ("disconnect", {"when": "after"}),
]
ROUTING = [{"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0, "canary_size": [], "linear_step_size": []}]


@pytest.fixture
def aws(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSession]:
    """The session of a deployment, whose pauses are short."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", local_aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", local_aws.credentials.secret_access_key)
    monkeypatch.setattr("async_endpoint.deploy.retries.LONGEST_PAUSE_SECONDS", 0.1)
    yield retrying_session(REGION, local_aws.url)


@pytest.fixture
def alarm(local_aws: AwsHarness) -> Iterator[str]:
    name = unique("alarm")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="tests",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    yield name
    local_aws.cloudwatch.delete_alarms(AlarmNames=[name])


def planned(deployed: Deployed, *actions: str, alarm: str = "", **after: Any) -> ResourceChange:
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/{deployed.name}"
    before = {"name": deployed.name, "arn": arn, "endpoint_config_name": deployed.config}
    rollback = [{"alarms": [{"alarm_name": alarm}]}] if alarm else []
    policy = [{"termination_wait_in_seconds": 0, "traffic_routing_configuration": ROUTING}]
    config = [{"auto_rollback_configuration": rollback, "blue_green_update_policy": policy}]
    address = "module.endpoint.aws_sagemaker_endpoint.this"
    return ResourceChange(address, "aws_sagemaker_endpoint", actions, before, {"deployment_config": config} | after)


@pytest.mark.parametrize(("kind", "options"), FAULTS)
def test_the_life_of_an_endpoint_under_faults(
    local_aws: AwsHarness, aws: AwsSession, deploy: Any, alarm: str, kind: str, options: dict[str, Any]
) -> None:
    deployed: Deployed = deploy()
    deployed.role.allow(deployed.bucket, more=[{"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}])
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    local_aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="as if by the old fleet")

    def connect(region: str) -> AwsSession:
        return aws

    update, created = planned(deployed, "update", alarm=alarm), {"resource_id": deployed.resource_id}
    restored = ResourceChange("aws_appautoscaling_target.this", "aws_appautoscaling_target", ("create",), {}, created)
    for seed in (1, 2):
        with fault(local_aws, kind, rate=0.4, seed=seed, **options):
            guarded = guarded_updates(connect, [update])
            assert [len(one.firing) for one in guarded] == [1]
            with muted(connect, guarded, [update], "again", print, SOON), rollbacks_reported(connect, [update], print, SOON):
                snapshot = scaling_snapshot(aws, aws.sagemaker.describe_endpoint(EndpointName=deployed.name))
                deregister_restored_targets(connect, [update, restored])
                update_deployment_config(connect, PlannedEndpoint(update), SOON)
                assert restore_scaling(aws, snapshot) == [deployed.resource_id]
            restore_muted(aws, deployed.name, [alarm], require_unlocked=lambda: None, on_output=print)
        described = local_aws.sagemaker.describe_endpoint(EndpointName=deployed.name)
        assert (described["EndpointStatus"], described.get("FailureReason")) == ("InService", None)
        [after] = local_aws.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        assert (after["Threshold"], Mute.of(after)) == (1, None)
        local_aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="as if by the old fleet")
    with fault(local_aws, kind, rate=0.4, seed=3, **options):
        remove_deleted_endpoints(connect, [planned(deployed, "delete")], SOON, SOON)
        assert endpoint_status(aws, deployed.name) == ""


@pytest.mark.parametrize("kind", ["aws_iam_policy", "aws_sagemaker_model", "aws_cloudwatch_log_group", "aws_sqs_queue"])
def test_a_deletion_whose_answer_is_lost_is_done(local_aws: AwsHarness, aws: AwsSession, kind: str) -> None:
    name, how = unique("gone"), KINDS[kind]
    if kind == "aws_iam_policy":
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        local_aws.iam.create_policy(PolicyName=name, PolicyDocument=document)
    elif kind == "aws_sagemaker_model":
        role = local_aws.role()
        local_aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role.arn, PrimaryContainer={"Image": IMAGE})
    elif kind == "aws_sqs_queue":
        local_aws.sqs.create_queue(QueueName=name)
    else:
        local_aws.client("logs").create_log_group(logGroupName=name)
    found = how.find(aws, name)
    assert found is not None
    with fault(local_aws, "disconnect", when="after", count=1):
        how.delete(aws, found)
    assert how.find(aws, name) is None


def test_what_was_not_there_before_is_still_an_error(local_aws: AwsHarness, aws: AwsSession) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws.logs.delete_log_group(logGroupName=unique("never"))
    with fault(local_aws, "throttle", count=1), pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws.logs.delete_log_group(logGroupName=unique("never"))


def test_an_apply_survives_a_network_that_is_lost_for_a_minute() -> None:
    now, asked = [0.0], list[float]()

    def clock() -> float:
        now[0] += 10
        asked.append(now[0])
        return now[0]

    client = boto3.client(
        "sagemaker", "eu-west-1", endpoint_url="http://127.0.0.1:9", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    retry_until_deadline(client, clock=clock)
    with pytest.raises(EndpointConnectionError):
        client.list_endpoints()
    assert len(asked) >= 6
