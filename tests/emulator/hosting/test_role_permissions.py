"""Permissions removed from the role of a live endpoint: every action fails as on AWS."""

from __future__ import annotations

import json
from typing import Any

from async_endpoint.core.notifications import Notification
from support.common import unique, until
from support.deployed_endpoint import Deployed, Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness


def next_for(queue: Queue, inference_id: str) -> Notification:
    """The next notification, which must be that of the given request."""
    found = queue.notification()
    assert found.inference_id == inference_id
    return found


def customer_key(local_aws: AwsHarness, *statements: dict[str, Any]) -> str:
    """The ARN of a KMS key whose policy delegates to IAM policies, plus `statements`."""
    whole = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [whole, *statements]})
    arn: str = local_aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def use_of(key: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"kms:{action}" for action in actions], "Resource": key}


def encrypted(local_aws: AwsHarness, bucket: str, key: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    local_aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_without_put_object_no_output_is_written_and_the_error_is_notified(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    deployed.role.allow(deployed.bucket, without=["write"])
    invoked = deployed.invoke({"answer": "red"})
    notification = next_for(deployed.queues["Error"], invoked.inference_id)
    assert "AccessDenied" in (notification.failure_reason or "")
    assert f"not authorized to perform: s3:PutObject on resource: {invoked.output.replace('s3://', 'arn:aws:s3:::')}" in (
        notification.failure_reason or ""
    )
    assert notification.failure_location is None, "the failure object could not be written either"
    assert deployed.seen(invoked) is None
    until(lambda: sum(deployed.metric("ResponseUploadFailures")) >= 1, "the failed upload is counted")
    until(lambda: sum(deployed.metric("InvocationFailures")) == 1, "the failure is counted")


def test_a_permissions_boundary_limits_the_role(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    reads = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "sns:Publish", "logs:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [reads]})
    boundary = local_aws.iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=document)["Policy"]["Arn"]
    local_aws.iam.put_role_permissions_boundary(RoleName=deployed.role.name, PermissionsBoundary=boundary)
    invoked = deployed.invoke({"answer": "red"})
    reason = next_for(deployed.queues["Error"], invoked.inference_id).failure_reason or ""
    assert "because no permissions boundary allows the s3:PutObject action" in reason
    local_aws.iam.delete_role_permissions_boundary(RoleName=deployed.role.name)
    assert deployed.ask({"answer": "red"}).body == b"red"


def test_with_put_object_on_the_failure_prefix_only_the_reason_is_in_the_failure_object(
    local_aws: AwsHarness, deploy: Any
) -> None:
    deployed: Deployed = deploy(topics=True)
    failures = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{deployed.bucket}/failure/*"}
    deployed.role.allow(deployed.bucket, without=["write"], more=[failures])
    invoked = deployed.invoke({"answer": "red"})
    outcome = deployed.outcome(invoked)
    assert (outcome.kind, outcome.content_type) == ("failure", "text/plain")
    notification = next_for(deployed.queues["Error"], invoked.inference_id)
    assert (notification.failure_reason, notification.failure_location) == (outcome.body.decode(), invoked.failure)


def test_without_publish_the_result_is_in_s3_only(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    deployed.role.allow(deployed.bucket, without=["announce"])
    good, bad = deployed.ask({"answer": "red"}), deployed.ask({"raise": "no"})
    assert (good.kind, good.body, bad.kind) == ("output", b"red", "failure")
    until(lambda: sum(deployed.metric("NotificationFailures")) == 2, "two notifications that failed are counted")
    lines = [line for line in deployed.log_lines() if "Failed to publish" in line]
    assert len(lines) == 2
    assert all("not authorized to perform: sns:Publish" in line for line in lines)
    for queue in deployed.queues.values():
        assert queue.take() == []


def test_a_deleted_topic_loses_only_the_notification(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    local_aws.sns.delete_topic(TopicArn=deployed.topics["SuccessTopic"])
    assert deployed.ask({"answer": "red"}).kind == "output"
    until(lambda: sum(deployed.metric("NotificationFailures")) == 1, "the notification that failed is counted")


def test_a_deleted_role_fails_requests_without_a_trace_in_s3(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.iam.delete_role_policy(RoleName=deployed.role.name, PolicyName="execution")
    local_aws.iam.delete_role(RoleName=deployed.role.name)
    deployed.invoke({"answer": "red"})
    until(lambda: sum(deployed.metric("InvocationFailures")) == 1, "the request has ended")
    until(lambda: deployed.status()["backlog"] == 0, "no request is left")


def test_a_deleted_output_bucket_is_notified(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    for key in local_aws.keys(deployed.bucket):
        local_aws.s3.delete_object(Bucket=deployed.bucket, Key=key)
    local_aws.s3.delete_bucket(Bucket=deployed.bucket)
    invoked = deployed.invoke({"answer": "red"})
    assert "NoSuchBucket" in (next_for(deployed.queues["Error"], invoked.inference_id).failure_reason or "")


def test_a_deny_in_the_bucket_policy_wins_over_the_role(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{deployed.bucket}/output/*",
    }
    local_aws.s3.put_bucket_policy(Bucket=deployed.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert "explicit deny in a resource-based policy" in deployed.failure({"answer": "red"})


def test_an_invalid_policy_allows_nothing_and_loses_no_request(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    odd = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": "*",
        "Condition": {"BinaryEquals": {"aws:PrincipalTag/x": "QmluYXJ5"}},
    }
    deployed.role.allow(deployed.bucket, more=[odd])
    deployed.invoke({"answer": "red", "print": "x" * 10})
    until(lambda: sum(deployed.metric("InvocationFailures")) == 1, "the request has ended")
    until(lambda: deployed.status()["backlog"] == 0, "no request is left")
    deployed.role.allow(deployed.bucket)
    assert deployed.ask({"answer": "red"}).kind == "output"


def test_an_encrypted_bucket_requires_the_key_for_reading_and_writing(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    key = customer_key(local_aws)
    encrypted(local_aws, deployed.bucket, key)
    uri = local_aws.put(deployed.bucket, "input/shirt", b"shirt")
    invoked = deployed.invoke(InputLocation=uri)
    until(lambda: sum(deployed.metric("InvocationFailures")) == 1, "it fails, and so does writing that it failed")
    assert deployed.seen(invoked) is None
    deployed.role.allow(deployed.bucket, more=[use_of(key, "GenerateDataKey")])
    assert "not authorized to perform: kms:Decrypt" in deployed.failure(InputLocation=uri)
    deployed.role.allow(deployed.bucket, more=[use_of(key, "Decrypt")])
    second = deployed.invoke({"answer": "red"})
    until(lambda: sum(deployed.metric("InvocationFailures")) == 3, "without GenerateDataKey nothing is written")
    assert deployed.seen(second) is None
    deployed.role.allow(deployed.bucket, more=[use_of(key, "Decrypt", "GenerateDataKey")])
    assert deployed.ask(InputLocation=uri).body == b"shirt"
    stored = local_aws.s3.head_object(Bucket=deployed.bucket, Key=local_aws.keys(deployed.bucket, "output/")[0])
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_encrypted_topic_requires_key_permissions_of_the_publisher(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    key = customer_key(local_aws)
    topic = deployed.topics["SuccessTopic"]
    local_aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)
    assert deployed.ask({"answer": "red"}).kind == "output"
    until(lambda: sum(deployed.metric("NotificationFailures")) == 1, "the notification that failed is counted")
    assert any("kms:GenerateDataKey" in line for line in deployed.log_lines())
    deployed.role.allow(deployed.bucket, more=[use_of(key, "GenerateDataKey")])
    assert deployed.ask({"answer": "red"}).kind == "output"
    until(lambda: any("kms:Decrypt" in line for line in deployed.log_lines()), "kms:Decrypt is asked for too")
    deployed.role.allow(deployed.bucket, more=[use_of(key, "GenerateDataKey", "Decrypt")])
    invoked = deployed.invoke({"answer": "red"})
    assert next_for(deployed.queues["Success"], invoked.inference_id).output_location == invoked.output


def test_a_role_without_logs_permissions_leaves_no_log(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    deployed.ask({"print": "before", "answer": ""})
    until(lambda: "before" in deployed.log_lines(), "the first line")
    deployed.role.allow(deployed.bucket, without=["log"])
    deployed.ask({"print": "between", "answer": ""})
    deployed.role.allow(deployed.bucket)
    deployed.ask({"print": "after", "answer": ""})
    until(lambda: "after" in deployed.log_lines(), "the last line")
    assert "between" not in deployed.log_lines()


def test_the_keys_region_is_the_endpoints(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    elsewhere = local_aws.client("kms", region="us-east-1").create_key()["KeyMetadata"]["Arn"]
    encrypted(local_aws, deployed.bucket, elsewhere)
    assert REGION not in elsewhere
    deployed.role.allow(deployed.bucket, more=[use_of("*", "Decrypt", "GenerateDataKey")])
    deployed.invoke({"answer": "red"})
    until(lambda: sum(deployed.metric("ResponseUploadFailures")) >= 1, "the failed upload is counted")


def test_the_aws_managed_s3_key_requires_no_permission(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    encrypted(local_aws, deployed.bucket, "alias/aws/s3")
    assert deployed.ask(InputLocation=local_aws.put(deployed.bucket, "input/shirt", b"shirt")).body == b"shirt"


def test_an_unknown_key_alias_fails_the_upload(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    encrypted(local_aws, deployed.bucket, "alias/none")
    invoked = deployed.invoke({"answer": "red"})
    assert "alias/none does not exist" in (next_for(deployed.queues["Error"], invoked.inference_id).failure_reason or "")
