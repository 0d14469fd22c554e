"""CreateEndpoint and UpdateEndpoint check that the execution role can deliver results: topics, keys, regions of buckets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import unique
from support.deployed_endpoint import Deployed, Role
from support.in_process_aws import ACCOUNT, REGION, AwsHarness


@pytest.fixture
def allowed(local_aws: AwsHarness) -> tuple[str, Role]:
    """A bucket, and a role that may do what an execution role does on it."""
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    return bucket, role


def created(local_aws: AwsHarness, allowed: tuple[str, Role], **output: Any) -> dict[str, Any]:
    """The description of an endpoint with this OutputConfig, once it is InService or Failed; it is removed again."""
    bucket, role = allowed
    request = local_aws.config_request(unique("config"), local_aws.model(bucket, role), bucket)
    request["AsyncInferenceConfig"]["OutputConfig"] |= output
    local_aws.sagemaker.create_endpoint_config(**request)
    deployed = Deployed(local_aws, unique("endpoint"), bucket, role)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=request["EndpointConfigName"])
    try:
        return deployed.until_status("InService", "Failed")
    finally:
        local_aws.forget(deployed.name)


def test_an_endpoint_whose_role_may_not_publish_fails(local_aws: AwsHarness, allowed: tuple[str, Role]) -> None:
    bucket, role = allowed
    role.allow(bucket, without=["announce"])
    topic = local_aws.topic()
    described = created(local_aws, allowed, NotificationConfig={"ErrorTopic": topic})
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(f'The provided role "{role.arn}" is invalid. Please ensure that the role ')
    assert f'and has "sns:Publish" permissions for topic "{topic}"' in described["FailureReason"]


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_an_endpoint_whose_topic_does_not_exist_fails(local_aws: AwsHarness, allowed: tuple[str, Role], region: str) -> None:
    topic = f"arn:aws:sns:{region}:{ACCOUNT}:nowhere"
    if region != REGION:  # a topic of another region is none to SageMaker
        topic = local_aws.client("sns", region).create_topic(Name=unique("topic"))["TopicArn"]
    described = created(local_aws, allowed, NotificationConfig={"SuccessTopic": topic})
    assert described["EndpointStatus"] == "Failed"
    assert f"Topic {topic} does not exist" in described["FailureReason"]


def test_an_endpoint_with_a_fifo_topic_fails(local_aws: AwsHarness, allowed: tuple[str, Role]) -> None:
    topic = local_aws.sns.create_topic(Name=f"{unique('topic')}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    described = created(local_aws, allowed, NotificationConfig={"SuccessTopic": topic})
    assert (described["EndpointStatus"], "MessageGroupId" in described["FailureReason"]) == ("Failed", True)


def key(local_aws: AwsHarness, role: Role, *actions: str) -> str:
    """A key whose policy allows a role these actions."""
    statements = [
        {"Effect": "Allow", "Action": actions or ["kms:DescribeKey"], "Principal": {"AWS": role.arn}, "Resource": "*"},
        {"Effect": "Allow", "Action": "kms:*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/local"}, "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    arn: str = local_aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


@pytest.mark.parametrize(("actions", "status"), [(["kms:GenerateDataKey", "kms:Decrypt"], "InService"), ([], "Failed")])
def test_the_topics_key_must_be_usable(
    local_aws: AwsHarness, allowed: tuple[str, Role], actions: list[str], status: str
) -> None:
    topic = local_aws.topic(KmsMasterKeyId=key(local_aws, allowed[1], *actions))
    described = created(local_aws, allowed, NotificationConfig={"SuccessTopic": topic})
    assert described["EndpointStatus"] == status, described
    assert ("kms:" in described.get("FailureReason", "")) is (status == "Failed")


def test_the_key_of_the_results_must_be_usable(local_aws: AwsHarness, allowed: tuple[str, Role]) -> None:
    described = created(local_aws, allowed, KmsKeyId="alias/nowhere")
    assert (described["EndpointStatus"], "alias/nowhere" in described["FailureReason"]) == ("Failed", True)
    described = created(local_aws, allowed, KmsKeyId=key(local_aws, allowed[1]))
    assert (described["EndpointStatus"], "kms:GenerateDataKey" in described["FailureReason"]) == ("Failed", True)
    disabled = key(local_aws, allowed[1], "kms:GenerateDataKey")
    local_aws.kms.disable_key(KeyId=disabled.rpartition("/")[2])
    described = created(local_aws, allowed, KmsKeyId=disabled)
    assert (described["EndpointStatus"], "is not enabled" in described["FailureReason"]) == ("Failed", True)


def elsewhere(local_aws: AwsHarness) -> str:
    """A bucket of another region."""
    name = unique("bucket")
    local_aws.client("s3", "us-west-2").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    return name


@pytest.mark.parametrize("member", ["S3OutputPath", "S3FailurePath"])
def test_results_stay_in_the_endpoints_region(local_aws: AwsHarness, allowed: tuple[str, Role], member: str) -> None:
    bucket = elsewhere(local_aws)
    described = created(local_aws, allowed, **{member: f"s3://{bucket}/results"})
    assert (described["EndpointStatus"], f"{bucket} is in us-west-2" in described["FailureReason"]) == ("Failed", True)


def test_an_input_of_another_region_fails_the_request(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    bucket = elsewhere(local_aws)
    shared_endpoint_reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    local_aws.iam.put_role_policy(
        RoleName=shared_endpoint.role.name,
        PolicyName="elsewhere",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [shared_endpoint_reads]}),
    )
    failure = shared_endpoint.failure(InputLocation=local_aws.put(bucket, "shirt.bin", b"shirt"))
    assert f"Failed to download the request from s3://{bucket}/shirt.bin: PermanentRedirect" in failure


def test_an_update_to_a_topic_that_may_not_be_used_is_rolled_back(
    local_aws: AwsHarness, allowed: tuple[str, Role], deploy: Any
) -> None:
    deployed: Deployed = deploy()
    deployed.role.allow(deployed.bucket, without=["announce"])
    config = local_aws.config(deployed.model, deployed.bucket, topics={"SuccessTopic": local_aws.topic()})
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
    described = deployed.until_status("InService")
    assert described["EndpointConfigName"] == deployed.config
    assert '"sns:Publish" permissions for topic' in described["FailureReason"]
