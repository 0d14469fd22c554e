"""SageMaker's actions beside hosting: the model registry works, other resources are absent, and nothing is stored unseen."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from async_endpoint.emulator.sagemaker.absent_resources import SERVED_BY_MOTO
from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness

MODEL = botocore.session.get_session().get_service_model("sagemaker")
LISTS = [
    name
    for name in MODEL.operation_names
    if name.startswith("List") and not MODEL.operation_model(name).input_shape.required_members
]
ABSENT = ["DescribeMonitoringSchedule", "DeleteMonitoringSchedule", "StopMonitoringSchedule", "DescribeInferenceComponent"]
REFUSED = ["CreateTrainingJob", "CreateNotebookInstance", "CreateMonitoringSchedule", "StartPipelineExecution"]


@pytest.mark.parametrize("action", sorted(set(LISTS) - {"ListModelPackageGroups", "ListModelPackages"}))
def test_every_list_without_a_parent_is_answered(local_aws: AwsHarness, action: str) -> None:
    answer = getattr(local_aws.sagemaker, xform_name(action))()
    answer.pop("ResponseMetadata")
    found = {name: value for name, value in answer.items() if name != "NextToken"}
    assert [type(value) for value in found.values()] == [list] * len(found)
    if action not in ("ListEndpoints", "ListEndpointConfigs", "ListModels"):
        assert not any(found.values())


@pytest.mark.parametrize("action", ABSENT)
def test_a_resource_that_cannot_exist_is_not_found(local_aws: AwsHarness, action: str) -> None:
    (member,) = MODEL.operation_model(action).input_shape.required_members
    code, message = refusal(getattr(local_aws.sagemaker, xform_name(action)), **{member: "night"})
    modelled = {shape.name for shape in MODEL.operation_model(action).error_shapes}
    assert code == ("ResourceNotFound" if "ResourceNotFound" in modelled else "ValidationException")
    assert message.startswith("Could not find ")
    assert '"night"' in message
    code, message = refusal(getattr(local_aws.sagemaker, xform_name(action)), **{member: "not a name"})
    assert (code, "validation error" in message) == ("ValidationException", True), message


@pytest.mark.parametrize("action", REFUSED)
def test_what_would_be_stored_without_effect_is_refused_by_name(local_aws: AwsHarness, action: str) -> None:
    unchecked = local_aws.client("sagemaker", parameter_validation=False)
    code, message = refusal(getattr(unchecked, xform_name(action)))
    assert code == "UnknownOperationException"
    assert message == f"{action} of sagemaker is not emulated by the local AWS."


def group_arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{name}"


def register(local_aws: AwsHarness, group: str) -> str:
    """A version of a group; returns its ARN."""
    specification: Any = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    made = local_aws.sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)
    arn: str = made["ModelPackageArn"]
    return arn


def test_a_model_package_group_is_deleted_once_it_is_empty(local_aws: AwsHarness) -> None:
    sagemaker, group = local_aws.sagemaker, unique("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    code, message = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=group)
    assert (code, message) == ("ValidationException", f"Model Package Group already exists: {group_arn(group)}")
    package = register(local_aws, group)
    code, message = refusal(sagemaker.delete_model_package_group, ModelPackageGroupName=group)
    assert (code, group in message) == ("ConflictException", True)
    sagemaker.delete_model_package(ModelPackageName=package)
    assert refusal(sagemaker.delete_model_package, ModelPackageName=package)[0] == "ValidationException"
    assert refusal(sagemaker.describe_model_package, ModelPackageName=package)[0] == "ValidationException"
    sagemaker.delete_model_package_group(ModelPackageGroupName=group_arn(group))
    for call in (sagemaker.describe_model_package_group, sagemaker.delete_model_package_group):
        code, message = refusal(call, ModelPackageGroupName=group)
        assert (code, message) == ("ValidationException", f"ModelPackageGroup {group_arn(group)} does not exist.")
    assert group not in str(sagemaker.list_model_package_groups(NameContains=group))


def test_a_group_has_no_policy_and_members_that_moto_drops_are_refused(local_aws: AwsHarness) -> None:
    sagemaker, group = local_aws.sagemaker, unique("group")
    calls = (sagemaker.get_model_package_group_policy, sagemaker.delete_model_package_group_policy)
    for call in calls:
        wanted = f"Cannot find Model Package Group: {group_arn(group)}"
        assert refusal(call, ModelPackageGroupName=group) == ("ValidationException", wanted)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    for call in calls:
        wanted = f"Cannot find resource policy for: {group_arn(group)}"
        assert refusal(call, ModelPackageGroupName=group) == ("ValidationException", wanted)
    code, message = refusal(sagemaker.put_model_package_group_policy, ModelPackageGroupName=group, ResourcePolicy="{}")
    assert (code, "PutModelPackageGroupPolicy" in message) == ("UnknownOperationException", True)
    package = register(local_aws, group)
    code, message = refusal(sagemaker.update_model_package, ModelPackageArn=package, SourceUri="s3://source")
    assert (code, "SourceUri (the source of model packages)" in message) == ("ValidationException", True)


def test_the_number_of_a_deleted_version_is_not_used_again(local_aws: AwsHarness) -> None:
    group = unique("group")
    local_aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    first, second = register(local_aws, group), register(local_aws, group)
    local_aws.sagemaker.delete_model_package(ModelPackageName=first)
    third = register(local_aws, group)
    assert [arn.rpartition("/")[2] for arn in (first, second, third)] == ["1", "2", "3"]
    listed = local_aws.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert {item["ModelPackageArn"] for item in listed} == {second, third}


def test_tags_of_the_model_registry(local_aws: AwsHarness) -> None:
    sagemaker, group = local_aws.sagemaker, unique("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group, Tags=[{"Key": "team", "Value": "shirts"}])
    for arn, tags in ((group_arn(group), {"team": "shirts"}), (register(local_aws, group), {})):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "coats"}, {"Key": "stage", "Value": "1"}])
        listed = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        assert listed == tags | {"team": "coats", "stage": "1"}
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "1"}]


@pytest.mark.parametrize("kind", ["model", "endpoint-config", "endpoint", "model-package-group", "training-job"])
def test_tags_of_what_is_not_there_are_refused(local_aws: AwsHarness, kind: str) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/nowhere"
    code, message = refusal(local_aws.sagemaker.list_tags, ResourceArn=arn)
    assert (code, message) == ("ValidationException", f'Could not find {kind.replace("-", " ")} "{arn}".')


def minimal(shape: Any) -> Any:
    """A value of a shape, with required members only."""
    if shape.type_name == "structure":
        return {name: minimal(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "string":
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/nowhere"
        return shape.enum[0] if shape.enum else arn if "Arn" in shape.name else "nowhere"
    if shape.type_name in ("list", "map"):
        return [minimal(shape.member)] if shape.type_name == "list" else {}
    plain: dict[str, Any] = {"boolean": True, "timestamp": 0, "blob": b"x"}
    return plain.get(shape.type_name, max(shape.metadata.get("min", 1), 1))


def test_no_action_fails_as_the_server_does(local_aws: AwsHarness) -> None:
    unchecked = local_aws.client("sagemaker", parameter_validation=False)
    failed = {}
    others = [name for name in MODEL.operation_names if not name.startswith(("Create", "List"))]
    for name in {*others[::12], *SERVED_BY_MOTO, "ListTags", "AddTags", "DeleteTags", "CreateModel", "CreateEndpointConfig"}:
        shape = MODEL.operation_model(name).input_shape
        try:
            getattr(unchecked, xform_name(name))(**(minimal(shape) if shape else {}))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                failed[name] = str(error)
    assert failed == {}
