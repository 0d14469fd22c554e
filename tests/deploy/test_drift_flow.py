"""`drift` as a flow: what verification and a plan find together, what is only noted, and when nothing can be said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import NotReady, StateLocked, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.core.suspension import TAG_KEY, SuspensionRecord
from async_endpoint.deploy.alarm_muting import Mute
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.drift.environment import DriftReport, find_drift
from async_endpoint.workspace import Workspace
from support.plan_documents import change

QUEUE = "module.shirts.aws_sqs_queue.results"
STATE, LIVE = {"delay_seconds": 0}, {"delay_seconds": 900}
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/shirts/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def applied(terraform: Any, checkout: Workspace, recorded: AsyncEndpointOutputs) -> Deployment:
    """A deployment whose outputs are live, and whose plan is empty."""
    terraform.values = {OUTPUT_NAME: {"shirts": recorded.as_dict()}}
    return Deployment.prepare("dev", plans=True, on_output=lambda line: None)


def rows(report: DriftReport) -> list[tuple[str, str, str]]:
    return [(row.endpoint, row.resource, row.attribute) for row in report.rows]


def drifted_queue(terraform: Any) -> None:
    terraform.planned = [change(QUEUE, ["update"], LIVE, STATE)]
    terraform.document = {"resource_drift": [change(QUEUE, ["update"], STATE, LIVE)]}


def locked_by(deployment: Deployment, aws: AwsSession, who: str) -> None:
    """The state is in a bucket, with the lock that `who` holds."""
    bucket = {"Bucket": "states", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    lock = {"ID": "1-2-3", "Operation": "OperationTypeApply", "Who": who, "Created": "2026-11-30T09:00:00.1Z"}
    aws.client("s3").create_bucket(**bucket)
    aws.client("s3").put_object(Bucket="states", Key="dev/terraform.tfstate.tflock", Body=json.dumps(lock).encode())
    settings = {"bucket": "states", "key": "dev/terraform.tfstate", "region": "eu-west-1", "use_lockfile": True}
    folder = deployment.copy.folder / ".terraform"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "terraform.tfstate").write_text(json.dumps({"backend": {"type": "s3", "config": settings}}))


def test_what_is_as_it_was_applied_has_not_drifted(applied: Deployment, terraform: Any) -> None:
    assert find_drift(applied) == DriftReport("dev", "eu-west-1", ())
    assert terraform.did == ["init", "plan"], "nothing takes the lock of the state"


def test_both_sources_are_reported(applied: Deployment, terraform: Any, aws: AwsSession) -> None:
    drifted_queue(terraform)
    aws.client("application-autoscaling").register_scalable_target(**TARGET, MaxCapacity=1)
    found = find_drift(applied)
    assert rows(found) == [("shirts", f"scalable target {TARGET['ResourceId']}", "maximum"), ("", QUEUE, "delay_seconds")]
    assert [(row.live, row.expected) for row in found.rows] == [("1", "2"), ("900", "0")]
    assert {row.remedy for row in found.rows} == {"async-endpoint apply dev"}


def test_a_suspension_by_a_command_is_a_note_and_one_by_a_person_is_drift(applied: Deployment, aws: AwsSession) -> None:
    scaling = aws.client("application-autoscaling")
    scaling.register_scalable_target(**TARGET, SuspendedState={"DynamicScalingInSuspended": True})
    by_a_person = find_drift(applied)
    [target] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[TARGET["ResourceId"]])[
        "ScalableTargets"
    ]
    now = "2026-11-30T09:00:00Z"
    record = SuspensionRecord("id", frozenset(), now, now, "ann@host").encode()
    scaling.tag_resource(ResourceARN=target["ScalableTargetARN"], Tags={TAG_KEY: record})
    by_a_command = find_drift(applied)

    [row] = by_a_person.rows
    assert row.live == "is suspended: scale-in" and not row.repaired_by_apply
    assert "register-scalable-target" in row.remedy and "does not repair" not in row.remedy
    assert by_a_command.rows == ()
    assert ["is suspended: scale-in" in note and "async-endpoint apply dev" in note for note in by_a_command.notes] == [True]


def test_what_differs_while_another_command_holds_the_lock_is_not_called_drift(
    applied: Deployment, terraform: Any, aws: AwsSession
) -> None:
    locked_by(applied, aws, "bob@elsewhere")
    assert find_drift(applied).rows == (), "without a difference the lock does not matter"
    drifted_queue(terraform)
    with pytest.raises(StateLocked) as refused:
        find_drift(applied)
    assert "The state of dev is locked by bob@elsewhere since 2026-11-30T09:00:00" in str(refused.value)
    assert "1 property is not as applied, which may be the work" in str(refused.value)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_lock_that_is_not_there_or_may_not_be_read_is_no_lock(
    applied: Deployment, terraform: Any, aws: AwsSession, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    locked_by(applied, aws, "bob@elsewhere")
    drifted_queue(terraform)

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")

    monkeypatch.setattr(applied.session("eu-west-1").client("s3"), "get_object", refuse)
    assert len(find_drift(applied).rows) == 1


def test_where_terraform_cannot_plan_what_aws_says_is_reported(
    applied: Deployment, terraform: Any, aws: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise TerraformFailed("terraform plan of dev failed (exit code 1): Invalid value.")

    monkeypatch.setattr(terraform, "plan", fail)
    with pytest.raises(TerraformFailed):
        find_drift(applied)
    aws.client("application-autoscaling").register_scalable_target(**TARGET, MaxCapacity=1)
    found = find_drift(applied)
    assert len(found.rows) == 1
    assert "Terraform could not plan" in found.notes[0] and "Invalid value" in found.notes[0]


def test_what_was_never_applied_cannot_drift(terraform: Any, checkout: Workspace) -> None:
    with pytest.raises(NotReady):
        find_drift(Deployment.prepare("dev", plans=True, on_output=lambda line: None))


def test_what_both_sources_found_is_one_row(applied: Deployment, terraform: Any, aws: AwsSession) -> None:
    """A policy that was attached to the execution role: verification sees it, and the refreshed state lists it."""
    policy = aws.client("iam").create_policy(
        PolicyName="more",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}',
    )["Policy"]["Arn"]
    aws.client("iam").attach_role_policy(RoleName="shirts-execution", PolicyArn=policy)
    role = {"name": "shirts-execution", "managed_policy_arns": [policy]}
    item = {"address": "aws_iam_role.execution", "mode": "managed", "type": "aws_iam_role", "values": role}
    terraform.document = {"prior_state": {"values": {"root_module": {"resources": [item]}}}}
    [row] = find_drift(applied).rows
    assert row.resource == "execution role shirts-execution"


def test_a_muted_alarm_is_a_note_also_where_verification_does_not_read_it(applied: Deployment, terraform: Any) -> None:
    """The alarm that wakes, for one: only the plan has its description."""
    mute = Mute("2026-11-30T09:00:00Z", "ann@host", 1.0, None, True, "")
    state = {"alarm_name": "wake", "alarm_description": "", "threshold": 1}
    live = state | {"alarm_description": str(mute), "threshold": 1e100}
    address = "module.shirts.aws_cloudwatch_metric_alarm.wake"
    terraform.planned = [change(address, ["update"], live, state)]
    terraform.document = {"resource_drift": [change(address, ["update"], state, live)]}
    assert find_drift(applied) == DriftReport(
        "dev",
        "eu-west-1",
        (),
        notes=("alarm wake is muted since 2026-11-30T09:00:00Z by ann@host (async-endpoint apply dev ends this)",),
    )
