"""What Terraform does not see: each changed out of band, one at a time, and each reported with what to do about it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import VerificationFailed
from async_endpoint.core.outputs import Archive, AsyncEndpointOutputs, ExecutionRole, Model
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.verify import Difference, inspect
from support.deployment_fixtures import ACCOUNT, ARCHIVE, ARCHIVE_KEY, EXECUTION_POLICY, TRUST_POLICY, verify_one

AT_ONCE = Poller(deadline=0)
ROLE = "shirts-execution"
OTHER = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::shirts-data/in/a/*"},
}
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/shirts/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}

Change = Callable[[AwsSession], Any]


def found(aws: AwsSession, outputs: AsyncEndpointOutputs) -> list[Difference]:
    return inspect(aws, outputs, AT_ONCE).differences


def tracking_alarm_names(aws: AwsSession) -> list[str]:
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    return [alarm["AlarmName"] for alarm in alarms]


def change_tracking_alarm(word: str, **changes: Any) -> Change:
    def change(aws: AwsSession) -> None:
        [live] = [
            alarm
            for alarm in aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
            if word in alarm["AlarmName"]
        ]
        members = (
            "AlarmName", "MetricName", "Namespace", "Statistic", "Dimensions", "Period", "EvaluationPeriods", "Threshold",
            "ComparisonOperator", "AlarmActions",
        )  # fmt: skip
        aws.client("cloudwatch").put_metric_alarm(**{member: live[member] for member in members} | changes)

    return change


def suspend(**state: bool) -> Change:
    return lambda aws: aws.client("application-autoscaling").register_scalable_target(**TARGET, SuspendedState=state)


def put_policy(document: Any, name: str = "other") -> Change:
    return lambda aws: aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(document))


def attach(aws: AwsSession) -> None:
    policy = aws.client("iam").create_policy(PolicyName="more", PolicyDocument=json.dumps(OTHER))["Policy"]["Arn"]
    aws.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=policy)


def bound(aws: AwsSession) -> None:
    policy = aws.client("iam").create_policy(PolicyName="limit", PolicyDocument=json.dumps(OTHER))["Policy"]["Arn"]
    aws.client("iam").put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=policy)


def trust_another(aws: AwsSession) -> None:
    document = json.loads(json.dumps(TRUST_POLICY).replace("sagemaker", "lambda"))
    aws.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))


def schedule(aws: AwsSession) -> None:
    aws.client("application-autoscaling").put_scheduled_action(
        **TARGET, ScheduledActionName="night", Schedule="cron(0 0 * * ? *)", ScalableTargetAction={"MaxCapacity": 0}
    )


def add_policy(aws: AwsSession) -> None:
    aws.client("application-autoscaling").put_scaling_policy(
        **TARGET,
        PolicyName="more",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 0}],
        },
    )


def put_archive(body: bytes, **options: Any) -> Change:
    return lambda aws: aws.client("s3").put_object(Bucket="shirts-data", Key=ARCHIVE_KEY, Body=body, **options)


def delete_tracking_alarms(aws: AwsSession) -> None:
    aws.client("cloudwatch").delete_alarms(AlarmNames=tracking_alarm_names(aws))


UNSEEN: dict[str, tuple[Change, str, str | None]] = {
    "tracking alarms deleted": (delete_tracking_alarms, "AlarmHigh-", "delete-scaling-policy"),
    "one tracking alarm deleted": (
        lambda aws: aws.client("cloudwatch").delete_alarms(AlarmNames=[n for n in tracking_alarm_names(aws) if "Low" in n]),
        "AlarmLow-",
        "delete-scaling-policy",
    ),
    "tracking alarm without actions": (
        lambda aws: aws.client("cloudwatch").disable_alarm_actions(AlarmNames=tracking_alarm_names(aws)[:1]),
        "has actions enabled False instead of True",
        "delete-scaling-policy",
    ),
    "tracking alarm with another threshold": (
        change_tracking_alarm("High", Threshold=5000),
        "has threshold 5000.0 instead of 5.0",
        "delete-scaling-policy",
    ),
    "tracking alarm on another metric": (
        change_tracking_alarm("High", MetricName="Invocations"),
        "has metric Invocations instead of ApproximateBacklogSizePerInstance",
        "delete-scaling-policy",
    ),
    "tracking alarm that is slower": (
        change_tracking_alarm("Low", EvaluationPeriods=90),
        "has evaluation periods 90 instead of 15",
        "delete-scaling-policy",
    ),
    "tracking alarm that acts on nothing": (
        change_tracking_alarm("High", AlarmActions=[]), "has actions [] instead of", "delete-scaling-policy",
    ),
    "scaling out suspended": (
        suspend(DynamicScalingOutSuspended=True), "is suspended: scale-out", "register-scalable-target",
    ),
    "scaling in suspended": (suspend(DynamicScalingInSuspended=True), "is suspended: scale-in", "register-scalable-target"),
    "schedules suspended": (
        suspend(ScheduledScalingSuspended=True), "is suspended: scheduled-scaling", "register-scalable-target",
    ),
    "scaling policy added": (add_policy, "has policy more, which was not planned", "delete-scaling-policy"),
    "scheduled action added": (schedule, "has scheduled action night, which was not planned", "delete-scheduled-action"),
    "archive overwritten": (put_archive(b"another model"), "was overwritten in place", "delete-object"),
    "archive overwritten with the right checksum stated": (
        put_archive(b"another model", ChecksumAlgorithm="SHA256"), "was overwritten in place", "delete-object",
    ),
    "archive deleted": (
        lambda aws: aws.client("s3").delete_object(Bucket="shirts-data", Key=ARCHIVE_KEY), "does not exist", None,
    ),
    "inline policy that denies": (
        put_policy(OTHER), "has inline policy other, which was not planned and denies", "delete-role-policy",
    ),
    "inline policy that allows": (
        put_policy(EXECUTION_POLICY), "has inline policy other, which was not planned", "delete-role-policy",
    ),
    "policy attached": (attach, "has policy arn:aws:iam::123456789012:policy/more attached", "detach-role-policy"),
    "own policy changed": (put_policy(OTHER, "execution"), "has another inline policy execution", None),
    "own policy deleted": (
        lambda aws: aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="execution"),
        "has no inline policy execution",
        None,
    ),
    "permissions boundary": (bound, "has permissions boundary arn:aws:iam::123456789012:policy/limit instead of None", None),
    "trust policy": (trust_another, "has another trust policy", None),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSEEN)
def test_a_change_is_found_and_said_whether_an_apply_repairs_it(
    aws: AwsSession, recorded: AsyncEndpointOutputs, name: str
) -> None:
    change, expected, remedy = UNSEEN[name]
    assert found(aws, recorded) == []

    change(aws)

    differences = [difference for difference in found(aws, recorded) if expected in str(difference)]
    assert differences, found(aws, recorded)
    if remedy is None:
        assert all(difference.repaired_by_apply for difference in differences)
        assert "an apply repairs this" in str(differences[0])
    else:
        assert not any(difference.repaired_by_apply for difference in differences)
        assert remedy in str(differences[0]) and "an apply does not repair this" in str(differences[0])


class Variant:
    """AWS whose endpoint's variant has other weights and counts than moto, which keeps none."""

    def __init__(self, aws: AwsSession, **members: Any) -> None:
        self._aws, self._members = aws, members

    def client(self, service: str) -> Any:
        return self if service == "sagemaker" else self._aws.client(service)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._aws.client("sagemaker"), operation)

    def describe_endpoint(self, **named: str) -> Any:
        live = self._aws.client("sagemaker").describe_endpoint(**named)
        return live | {"ProductionVariants": [live["ProductionVariants"][0] | self._members]}


def test_a_variant_that_takes_no_requests_is_found(aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    [difference] = found(Variant(aws, DesiredWeight=0.0), deployed)
    assert difference.found == "has weight 0.0 instead of 1.0"
    assert "update-endpoint-weights-and-capacities --endpoint-name shirts" in str(difference)
    assert "VariantName=main,DesiredWeight=1" in str(difference)


@pytest.mark.parametrize(("count", "allowed"), [(0, True), (2, True), (3, False)])
def test_a_count_that_scaling_does_not_allow_is_found(
    aws: AwsSession, deployed: AsyncEndpointOutputs, count: int, allowed: bool
) -> None:
    differences = found(Variant(aws, DesiredInstanceCount=count), deployed)
    assert [str(one)[:86] for one in differences] == (
        [] if allowed else ["variant main of endpoint shirts wants 3 instances, and scaling allows 0 to 2 (an apply"]
    )


def test_all_differences_are_reported_at_once(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    names = ("tracking alarms deleted", "scaling in suspended", "archive overwritten", "inline policy that denies")
    for name in names:
        UNSEEN[name][0](aws)
    with pytest.raises(VerificationFailed) as failure:
        verify_one(aws, recorded, AT_ONCE)
    assert all(UNSEEN[name][1] in str(failure.value) for name in names)


def test_the_same_archive_in_another_version_is_the_same_model(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    for options in ({}, {"ChecksumAlgorithm": "SHA256"}):
        put_archive(ARCHIVE, **options)(aws)
        checks = {check.name: check.detail for check in verify_one(aws, recorded, AT_ONCE)}
        assert "as applied" in checks["model archives"] and "SHA-256" in checks["model archives"]


@pytest.fixture
def without_the_key(aws: AwsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that may not decrypt: S3 refuses them the checksum and the content of an object, and describes it."""
    s3 = aws.client("s3")
    described, refused = s3.head_object, ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    def head_object(**request: Any) -> Any:
        if "ChecksumMode" in request:
            raise refused
        return described(**request)

    def get_object(**_: Any) -> Any:
        raise refused

    monkeypatch.setattr(s3, "head_object", head_object)
    monkeypatch.setattr(s3, "get_object", get_object)


@pytest.mark.usefixtures("without_the_key")
def test_the_version_of_an_archive_is_compared_without_its_key(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    """As a planner does, who may not decrypt."""
    checks = {check.name: check.detail for check in verify_one(aws, recorded, AT_ONCE)}
    assert "as applied" in checks["model archives"]

    put_archive(b"another model")(aws)

    [difference] = found(aws, recorded)
    assert "whose content these credentials may not read" in difference.found
    assert "delete-object" in str(difference)


@pytest.mark.usefixtures("without_the_key")
def test_an_archive_without_versions_is_not_compared_without_its_key(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    assert recorded.model is not None
    archives = tuple(dataclasses.replace(archive, version_id=None) for archive in recorded.model.archives)
    outputs = dataclasses.replace(recorded, model=dataclasses.replace(recorded.model, archives=archives))
    checks = {check.name: check.detail for check in verify_one(aws, outputs, AT_ONCE)}
    assert "is not compared: these credentials may not read its content" in checks["model archives"]


def supplied(outputs: AsyncEndpointOutputs, version_id: str | None = None) -> AsyncEndpointOutputs:
    """`outputs` with an archive and a role that were supplied."""
    role = ExecutionRole(json.dumps(EXECUTION_POLICY), True)
    return dataclasses.replace(outputs, model=Model((Archive(f"s3://shirts-data/{ARCHIVE_KEY}", None, version_id),), role))


def test_a_supplied_archive_is_compared_by_its_version(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    assert recorded.model is not None
    outputs = supplied(recorded, recorded.model.archives[0].version_id)
    assert found(aws, outputs) == []

    put_archive(ARCHIVE)(aws)

    [difference] = found(aws, outputs)
    assert "was overwritten in place" in difference.found
    assert "an apply records the new version as applied" in str(difference)
    assert "copy-object" in str(difference)
    unrecorded = {check.name: check.detail for check in verify_one(aws, supplied(recorded), AT_ONCE)}
    assert "is not compared: its version was not recorded" in unrecorded["model archives"]


def test_a_supplied_role_may_do_more_and_must_not_do_less(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    outputs = supplied(recorded)
    put_policy({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}, "more")(aws)
    assert found(aws, outputs) == []


SUPPLIED: dict[str, tuple[Change, str]] = {
    "inline denial of a part": (
        put_policy(OTHER), "may not s3:GetObject on arn:aws:s3:::shirts-data/in/a/verification: explicitly denied by inline",
    ),
    "attached denial": (attach, "explicitly denied by policy arn:aws:iam::123456789012:policy/more"),
    "permissions boundary": (bound, "may not cloudwatch:PutMetricData on *: not allowed by the permissions boundary"),
    "permission removed": (
        lambda aws: aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="execution"),
        "may not s3:PutObject on arn:aws:s3:::shirts-data/out/verification: no policy allows it",
    ),
    "trust policy": (trust_another, "cannot be assumed by sagemaker.amazonaws.com for account 123456789012"),
}  # fmt: skip


@pytest.mark.parametrize("name", SUPPLIED)
def test_what_a_supplied_role_lacks_is_found(aws: AwsSession, recorded: AsyncEndpointOutputs, name: str) -> None:
    change, expected = SUPPLIED[name]
    change(aws)
    differences = [str(difference) for difference in found(aws, supplied(recorded))]
    assert any(expected in one for one in differences), differences
    assert all("the role is supplied, so its owner changes it" in one for one in differences)


def imported(outputs: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """`outputs` with a role that existed before, whose policy `execution` alone was planned."""
    assert outputs.model is not None
    role = ExecutionRole(json.dumps(EXECUTION_POLICY), supplied=False, policy_name="execution")
    return dataclasses.replace(outputs, model=dataclasses.replace(outputs.model, execution_role=role))


def test_an_imported_role_has_policies_of_others_and_its_own_trust_policy(
    aws: AwsSession, recorded: AsyncEndpointOutputs
) -> None:
    put_policy({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}, "more")(aws)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust)
    assert found(aws, imported(recorded)) == []
    assert found(aws, recorded), "of a role made here both are differences"


def test_what_was_planned_of_an_imported_role_is_compared(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    trust_another(aws)
    [difference] = found(aws, imported(recorded))
    assert difference.found == "cannot be assumed by sagemaker.amazonaws.com for account 123456789012"
    put_policy(OTHER, "execution")(aws)
    [difference] = found(aws, imported(recorded))
    assert difference.found == "has another inline policy execution"


def test_what_the_bucket_allows_the_role_need_not(aws: AwsSession, recorded: AsyncEndpointOutputs) -> None:
    aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="execution")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"},
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::shirts-data/*",
    }
    aws.client("s3").put_bucket_policy(
        Bucket="shirts-data", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    assert [one.found for one in found(aws, supplied(recorded))] == [
        "may not cloudwatch:PutMetricData on *: no policy allows it"
    ]
