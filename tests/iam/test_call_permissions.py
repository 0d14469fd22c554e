"""What API calls need: actions, resources and condition keys, by the service authorization reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.actions import ApiCall, required_permissions

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/own"


def via(service: str, **more: str) -> dict[str, str]:
    keys = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT, "aws:ViaAWSService": "true"}
    return keys | more


S3_KEY = via("s3") | {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::shop/there"}


@dataclass(frozen=True)
class Facts:
    """An account in which buckets and queues are encrypted with one key, and the role "bounded" has a boundary."""

    objects: frozenset[tuple[str, str]] = frozenset({("shop", "there")})

    def bucket_key(self, bucket: str) -> str | None:
        return KEY

    def object_exists(self, bucket: str, key: str) -> bool:
        return (bucket, key) in self.objects

    def object_key(self, bucket: str, key: str, version: str | None) -> str | None:
        return KEY if self.object_exists(bucket, key) else None

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool:
        return False

    def queue_key(self, arn: str) -> str | None:
        return KEY

    def topic_key(self, arn: str) -> str | None:
        return KEY

    def ciphertext_key(self, ciphertext: str) -> str:
        return KEY

    def key_arn(self, identifier: str) -> str:
        return KEY

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/path/{name}"

    def user_arn(self, name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:user/path/{name}"

    def group_arn(self, name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:group/path/{name}"

    def access_key_user(self, key_id: str) -> str | None:
        return None

    def upload_key(self, bucket: str, upload_id: str) -> str | None:
        return None

    def profile_arn(self, name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:instance-profile/path/{name}"

    def has_scalable_target(self, endpoint: str) -> bool:
        return endpoint == "scaled"

    def role_boundary(self, name: str) -> str | None:
        return f"arn:aws:iam::{ACCOUNT}:policy/limit" if name == "bounded" else None


def needed(service: str, operation: str, **params: Any) -> list[tuple[str, str, dict[str, str]]]:
    found = required_permissions(ApiCall(service, operation, params, REGION, ACCOUNT), Facts())
    return [(item.action, item.resource, dict(item.context)) for item in found]


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def test_an_endpoint_is_created_from_a_configuration_and_tagged() -> None:
    assert needed("sagemaker", "CreateEndpoint", EndpointName="Shop", EndpointConfigName="Shop-1", Tags=[{}]) == [
        ("sagemaker:CreateEndpoint", arn("sagemaker", "endpoint/shop"), {}),
        ("sagemaker:CreateEndpoint", arn("sagemaker", "endpoint-config/shop-1"), {}),
        ("sagemaker:AddTags", arn("sagemaker", "endpoint/shop"), {}),
    ]


def test_a_model_passes_its_role() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/execution"
    assert needed("sagemaker", "CreateModel", ModelName="shop", ExecutionRoleArn=role) == [
        ("sagemaker:CreateModel", arn("sagemaker", "model/shop"), {}),
        ("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}),
    ]


def test_scaling_acts_with_the_rights_of_its_caller() -> None:
    target = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/Shop/variant/primary"}
    actions = [
        (action, resource) for action, resource, _ in needed("application-autoscaling", "RegisterScalableTarget", **target)
    ]
    assert ("sagemaker:UpdateEndpointWeightsAndCapacities", arn("sagemaker", "endpoint/shop")) in actions
    assert ("sagemaker:DescribeEndpointConfig", arn("sagemaker", "endpoint-config/of-any-name")) in actions
    assert "iam:CreateServiceLinkedRole" in dict(actions)

    tracking = needed("application-autoscaling", "PutScalingPolicy", PolicyType="TargetTrackingScaling", **target)
    steps = needed("application-autoscaling", "PutScalingPolicy", PolicyType="StepScaling", **target)
    alarms = {action for action, resource, _ in tracking if ":alarm:TargetTracking-endpoint/Shop/" in resource}
    assert alarms == {"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"}
    assert [action for action, *_ in steps] == ["application-autoscaling:PutScalingPolicy"]
    assert steps[0][2] == {"application-autoscaling:service-namespace": "sagemaker"}


def test_a_missing_key_is_found_missing_by_listing_without_a_prefix() -> None:
    there = needed("s3", "GetObject", Bucket="shop", Key="there")
    missing = needed("s3", "GetObject", Bucket="shop", Key="missing")
    assert there == [("s3:GetObject", "arn:aws:s3:::shop/there", {}), ("kms:Decrypt", KEY, S3_KEY)]
    assert ("s3:ListBucket", "arn:aws:s3:::shop", {}) in missing


def test_actions_of_s3_are_not_named_as_operations() -> None:
    assert needed("s3", "ListObjectsV2", Bucket="shop", prefix="output/") == [
        ("s3:ListBucket", "arn:aws:s3:::shop", {"s3:prefix": "output/"})
    ]
    assert needed("s3", "HeadObject", Bucket="shop", Key="there", VersionId="1", ChecksumMode="ENABLED") == [
        ("s3:GetObjectVersion", "arn:aws:s3:::shop/there", {}),
        ("kms:Decrypt", KEY, S3_KEY),
    ]
    for operation, action in (
        ("DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
        ("DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
        ("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("ListBuckets", "s3:ListAllMyBuckets"),
    ):
        assert [found for found, *_ in needed("s3", operation, Bucket="shop")] == [action]


def test_parts_of_an_upload_are_decrypted() -> None:
    assert [action for action, *_ in needed("s3", "UploadPart", Bucket="shop", Key="there")] == [
        "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey",
    ]  # fmt: skip


def test_each_deleted_object_needs_its_own_permission() -> None:
    objects = [{"Key": "a"}, {"Key": "b", "VersionId": "1"}]
    assert needed("s3", "DeleteObjects", Bucket="shop", Objects=objects) == [
        ("s3:DeleteObject", "arn:aws:s3:::shop/a", {}),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::shop/b", {}),
    ]


def test_a_subscription_names_its_protocol_and_endpoint() -> None:
    topic, queue = arn("sns", "shop-success"), arn("sqs", "shop-reply-1")
    assert needed("sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue) == [
        ("sns:Subscribe", topic, {"sns:Protocol": "sqs", "sns:Endpoint": queue})
    ]
    assert needed("sns", "Unsubscribe", SubscriptionArn=f"{topic}:1") == [("sns:Unsubscribe", "*", {})]


def test_a_queue_is_found_by_its_url_and_decrypts_what_it_delivers() -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/shop-results"
    assert needed("sqs", "ReceiveMessage", QueueUrl=url) == [
        ("sqs:ReceiveMessage", arn("sqs", "shop-results"), {}),
        ("kms:Decrypt", KEY, via("sqs")),
    ]
    assert needed("sqs", "DeleteMessageBatch", QueueUrl=url) == [("sqs:DeleteMessage", arn("sqs", "shop-results"), {})]


def test_a_role_has_its_path_and_boundary() -> None:
    boundary = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/limit"}
    role = f"arn:aws:iam::{ACCOUNT}:role/path/"
    assert needed("iam", "PutRolePolicy", RoleName="bounded") == [("iam:PutRolePolicy", f"{role}bounded", boundary)]
    assert needed("iam", "PutRolePolicy", RoleName="free") == [("iam:PutRolePolicy", f"{role}free", {})]


def test_a_list_of_names_needs_each() -> None:
    assert [resource for _, resource, _ in needed("cloudwatch", "DeleteAlarms", AlarmNames=["a", "b"])] == [
        arn("cloudwatch", "alarm:a"), arn("cloudwatch", "alarm:b"),
    ]  # fmt: skip


def test_an_alias_needs_its_key_too() -> None:
    found = needed("kms", "DeleteAlias", AliasName="alias/shop")
    assert [resource for _, resource, _ in found] == [arn("kms", "alias/shop"), KEY]


def test_a_version_of_a_function_is_another_resource() -> None:
    function = arn("lambda", "function:notify")
    assert needed("lambda", "GetPolicy", FunctionName="notify", Qualifier="live") == [
        ("lambda:GetPolicy", f"{function}:live", {})
    ]
    assert needed("lambda", "AddPermission", FunctionName=function, Principal="sns.amazonaws.com") == [
        ("lambda:AddPermission", function, {"lambda:Principal": "sns.amazonaws.com"})
    ]


def test_an_operation_that_is_not_known_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="sagemaker CreateLabelingJob are not known"):
        needed("sagemaker", "CreateLabelingJob")
    assert needed("sts", "GetCallerIdentity") == []


def test_a_call_that_names_no_resource_is_about_all_of_them() -> None:
    assert needed("sns", "Publish", PhoneNumber="+1")[0] == ("sns:Publish", "*", {})
    assert needed("ecr", "DescribeRepositories") == [("ecr:DescribeRepositories", "*", {})]


def test_a_log_group_is_authorized_on_its_streams_except_for_its_tags() -> None:
    group = arn("logs", "log-group:/shop")
    assert needed("logs", "FilterLogEvents", logGroupName="/shop") == [("logs:FilterLogEvents", f"{group}:log-stream:", {})]
    assert needed("logs", "StartQuery", logGroupIdentifiers=[group]) == [("logs:StartQuery", f"{group}:log-stream:", {})]
    assert [found[1] for found in needed("logs", "CreateLogGroup", logGroupName="/shop", tags={"a": "b"})] == [
        f"{group}:log-stream:", group,
    ]  # fmt: skip
    stream = needed("logs", "GetLogEvents", logGroupIdentifier=f"{group}:*", logStreamName="one")
    assert stream == [("logs:GetLogEvents", f"{group}:log-stream:one", {})]


def test_a_copy_reads_its_source_and_writes_its_target() -> None:
    copied = needed("s3", "CopyObject", Bucket="shop", Key="new", CopySource="shop/th%65re?versionId=1")
    assert [found[:2] for found in copied] == [
        ("s3:GetObjectVersion", "arn:aws:s3:::shop/there"), ("kms:Decrypt", KEY), ("s3:PutObject", "arn:aws:s3:::shop/new"),
        ("kms:GenerateDataKey", KEY),
    ]  # fmt: skip


def test_encryption_that_a_request_chooses_is_that_of_no_other_key() -> None:
    plain = needed("s3", "PutObject", Bucket="shop", Key="a", ServerSideEncryption="AES256")
    assert [action for action, *_ in plain] == ["s3:PutObject"]


def test_a_deleted_endpoint_deregisters_its_target() -> None:
    assert [action for action, *_ in needed("sagemaker", "DeleteEndpoint", EndpointName="plain")] == [
        "sagemaker:DeleteEndpoint"
    ]
    assert [action for action, *_ in needed("sagemaker", "DeleteEndpoint", EndpointName="scaled")] == [
        "sagemaker:DeleteEndpoint", "application-autoscaling:DeregisterScalableTarget",
    ]  # fmt: skip


def test_users_and_groups_have_their_paths_and_a_user_without_a_name_is_the_caller() -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/path/"
    assert needed("iam", "AttachUserPolicy", UserName="a", PolicyArn="p") == [
        ("iam:AttachUserPolicy", f"{user}a", {"iam:PolicyARN": "p"})
    ]
    assert needed("iam", "AddUserToGroup", UserName="a", GroupName="g")[0][1] == f"arn:aws:iam::{ACCOUNT}:group/path/g"
    call = ApiCall("iam", "CreateAccessKey", {}, REGION, ACCOUNT, caller=f"{user}me")
    assert required_permissions(call, Facts())[0].resource == f"{user}me"


def test_roles_are_passed_to_the_service_that_uses_them() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/own"
    for service, operation, parameter, passed_to in (
        ("lambda", "CreateFunction", "Role", "lambda.amazonaws.com"),
        ("sagemaker", "CreateTrainingJob", "RoleArn", "sagemaker.amazonaws.com"),
        ("logs", "PutSubscriptionFilter", "roleArn", "logs.amazonaws.com"),
    ):
        names = {"FunctionName": "f", "TrainingJobName": "t", "logGroupName": "g"}
        found = needed(service, operation, **names, **{parameter: role})
        assert ("iam:PassRole", role, {"iam:PassedToService": passed_to}) in found, operation


def test_a_ciphertext_names_the_key_that_decrypts_it() -> None:
    assert needed("kms", "Decrypt", CiphertextBlob="eA==") == [("kms:Decrypt", KEY, {})]
